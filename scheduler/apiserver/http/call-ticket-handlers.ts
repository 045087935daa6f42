import {
  type CalledWorkload,
  callableKinds,
  type CallTicket,
  ticketAudience,
  ticketClaim,
  ticketLimits,
  ticketType,
} from "../../../api/call-ticket.ts";
import { signJwt } from "../../../kit/jwt.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { isCallable } from "../discovery/subresources.ts";
import { tokenIssuer } from "../authentication/service-account-tokens.ts";
import { issuedCredentialIdKey } from "../authentication/token-request.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { ApiError, badRequest, unknownPath } from "../status.ts";
import { readObject } from "./body.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import { fieldOf } from "./delete-options.ts";
import type { Exchange } from "./exchange.ts";
import { notAcceptable } from "./media.ts";
import { existing, representationOf } from "./read-handlers.ts";

/** Whoever may create this may call the workload's functions, at gateways, as long as the ticket is good. */
export async function createCallTicket(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const as = representationOf(exchange);
  if (as.kind !== "object") throw notAcceptable();
  const apiVersion = `${kind.resource.group}/${kind.resource.version}`;
  const { object } = await readObject(exchange.request);
  const seconds = readSeconds(object, apiVersion);
  const workload = existing(context, target);
  const callable = callableKinds[kind.resource.plural];
  const [key] = context.serviceAccounts.options.keys;
  if (callable === undefined || !isCallable(kind.resource) || !key?.privateKey) throw unknownPath();
  if (!hasFunctions(workload.spec))
    throw badRequest(
      `the template of ${callable} ${namespace}/${name} has no functions: nothing of it can be called`,
    );
  const { uid } = workload.metadata;
  const endpoints = context.calls.endpoints(uid);
  if (endpoints.length === 0)
    throw new ApiError("ServiceUnavailable", "no gateway takes calls: no node has --gateway-functions", {
      name,
      retryAfterSeconds: 1,
    });
  const about: CalledWorkload = { namespace, kind: callable, name, uid };
  const nowSeconds = Math.floor(context.clock.now() / 1_000);
  const id = context.random.uuid();
  const claims = {
    iss: tokenIssuer,
    aud: ticketAudience,
    sub: exchange.user.name,
    jti: id,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + seconds,
    [ticketClaim]: about,
  };
  exchange.audit.note(issuedCredentialIdKey, `JTI=${id}`);
  const answer: CallTicket = {
    apiVersion,
    kind: "CallTicket",
    status: {
      token: signJwt(key, claims, ticketType),
      expirationTimestamp: toTimestamp((nowSeconds + seconds) * 1_000),
      endpoints,
      caBundle: context.calls.caBundle,
    },
  };
  await exchange.send(201, answer, { yaml: as.yaml });
}

function readSeconds(object: JsonObject, ownVersion: string): number {
  const { apiVersion = ownVersion, kind = "CallTicket" } = object;
  if (apiVersion !== ownVersion || kind !== "CallTicket")
    throw badRequest(`the body must be a CallTicket of ${ownVersion}`);
  const { secondsDefault, secondsMin, secondsMax } = ticketLimits;
  const seconds = (fieldOf(object, "spec", "object") ?? {})["expirationSeconds"] ?? secondsDefault;
  const fits = typeof seconds === "number" && Number.isInteger(seconds);
  if (!fits || seconds < secondsMin || seconds > secondsMax)
    throw badRequest(`spec.expirationSeconds must be a whole number from ${secondsMin} to ${secondsMax}`);
  return seconds;
}

function hasFunctions(spec: unknown): boolean {
  let at = spec;
  for (const field of ["template", "spec", "functions"]) at = isObject(at) ? at[field] : undefined;
  return isObject(at);
}
