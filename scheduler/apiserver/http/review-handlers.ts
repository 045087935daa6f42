import { selfSubjectReviewKind, tokenReviewKind } from "../authentication/reviews.ts";
import { selfSubjectReview, tokenReview } from "../authentication/subject-review.ts";
import { issuedCredentialIdKey, issueToken } from "../authentication/token-request.ts";
import { accessReviews } from "../authorization/reviews.ts";
import { Bug } from "../../../kit/errors.ts";
import { checkTypeAndPlace } from "../objects/prepare.ts";
import type { JsonObject } from "../resource.ts";
import { badRequest } from "../status.ts";
import { readObject } from "./body.ts";
import type { ApiContext, NamedTarget, ResourceTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { notAcceptable } from "./media.ts";
import { existing, representationOf } from "./read-handlers.ts";
import { simulatePlacement, simulationPlural } from "./simulation-handlers.ts";
import { withType } from "./write-handlers.ts";

/** Answers a question that is asked by creating an object. */
export async function createReview(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind, namespace } = target;
  const { object } = withType(kind, await readObject(exchange.request));
  checkTypeAndPlace(kind, object, { namespace, name: undefined });
  const { plural } = kind.resource;
  const body =
    plural === simulationPlural
      ? await simulatePlacement(context, exchange, kind, object)
      : answer(context, exchange, target, object);
  await sendAnswer(exchange, body);
}

/** An answer has no metadata to be told of, nor rows. */
async function sendAnswer(exchange: Exchange, body: object): Promise<void> {
  const as = representationOf(exchange);
  if (as.kind !== "object") throw notAcceptable();
  await exchange.send(201, body, { yaml: as.yaml });
}

function answer(
  { policy, authenticator, clock }: ApiContext,
  { user }: Exchange,
  { kind: { resource }, namespace }: ResourceTarget,
  object: JsonObject,
): object {
  if (resource.kind === selfSubjectReviewKind) return selfSubjectReview(user, clock.now());
  if (resource.kind === tokenReviewKind) return tokenReview(authenticator, object);
  const review = accessReviews.find(({ kind }) => kind === resource.kind);
  if (!review) throw new Bug(`nothing answers ${resource.kind}`);
  return review.create({ object, namespace, user }, policy);
}

/** The `token` subresource of a ServiceAccount. */
export async function createToken(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { namespace, name } = target;
  existing(context, target);
  const { object } = await readObject(exchange.request);
  const { apiVersion = tokenVersion, kind = "TokenRequest" } = object;
  if (apiVersion !== tokenVersion || kind !== "TokenRequest")
    throw badRequest(`the body must be a TokenRequest of ${tokenVersion}`);
  const issued = issueToken(context.serviceAccounts, { namespace, name }, object);
  exchange.audit.note(issuedCredentialIdKey, issued.credentialId);
  await sendAnswer(exchange, issued.object);
}

const tokenVersion = "authentication.k8s.io/v1";
