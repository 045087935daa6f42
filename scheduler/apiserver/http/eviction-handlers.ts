import type { ApiObject } from "../../../api/object-meta.ts";
import type { RefusingBudget } from "../live-resource.ts";
import type { JsonObject, ResourceDefinition } from "../resource.ts";
import { ApiError, badRequest, conflict, notFound } from "../status.ts";
import { readObject } from "./body.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import { dryRunTexts, fieldOf, graceOf } from "./delete-options.ts";
import type { Exchange } from "./exchange.ts";
import { notAcceptable } from "./media.ts";
import { dryRunOf } from "./parameters.ts";
import { representationOf } from "./read-handlers.ts";

const evictionVersion = "policy/v1";
/** As often as kubectl drain tries again. */
const retryAfterSeconds = 5;

/** The `eviction` subresource of an instance: policy/v1 Eviction in, a Status out. */
export async function createEviction(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const as = representationOf(exchange);
  if (as.kind !== "object") throw notAcceptable();
  const { object } = await readObject(exchange.request);
  checkType(object, target);
  const options = fieldOf(object, "deleteOptions", "object") ?? {};
  const instance = context.sourceOf(kind).get(namespace, name);
  if (instance) checkPreconditions(kind.resource, instance, options);
  const graceSeconds = graceOf(options);
  const outcome = context.liveOf(kind).evict(namespace, name, {
    graceMs: graceSeconds === undefined ? undefined : graceSeconds * 1_000,
    dryRun: dryRunOf([...dryRunTexts(options), ...exchange.query.getAll("dryRun")]),
  });
  if (!outcome) throw notFound(kind.resource, name);
  if (outcome.kind === "unknown")
    throw new ApiError("ServiceUnavailable", outcome.message, { name, retryAfterSeconds });
  if (outcome.kind === "refused") throw overBudget(kind.resource, name, outcome.budgets);
  if (instance) exchange.audit.object = instance.metadata;
  const message = outcome.kind === "leaving" ? { message: outcome.message } : {};
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", ...message, code: 201 };
  await exchange.send(201, status, { yaml: as.yaml });
}

function checkType(object: JsonObject, { namespace, name }: NamedTarget): void {
  const { apiVersion = evictionVersion, kind = "Eviction" } = object;
  if (apiVersion !== evictionVersion || kind !== "Eviction")
    throw badRequest(`the body must be an Eviction of ${evictionVersion}`);
  const metadata = fieldOf(object, "metadata", "object") ?? {};
  const given = {
    name: fieldOf(metadata, "name", "string"),
    namespace: fieldOf(metadata, "namespace", "string"),
  };
  if (given.name !== undefined && given.name !== name)
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  if (given.namespace !== undefined && given.namespace !== namespace)
    throw badRequest(
      `the namespace of the provided object (${given.namespace}) does not match the namespace sent on the request (${namespace})`,
    );
}

function checkPreconditions(
  resource: ResourceDefinition,
  { metadata: { name, uid, resourceVersion } }: ApiObject,
  options: JsonObject,
): void {
  const preconditions = fieldOf(options, "preconditions", "object") ?? {};
  const wanted = {
    uid: fieldOf(preconditions, "uid", "string"),
    resourceVersion: fieldOf(preconditions, "resourceVersion", "string"),
  };
  if (wanted.uid !== undefined && wanted.uid !== uid)
    throw conflict(
      resource,
      name,
      `the uid in the precondition (${wanted.uid}) is not that of the object (${uid})`,
    );
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion)
    throw conflict(
      resource,
      name,
      `the resourceVersion in the precondition (${wanted.resourceVersion}) is not that of the object (${resourceVersion})`,
    );
}

function overBudget(
  { plural, group }: ResourceDefinition,
  name: string,
  budgets: readonly RefusingBudget[],
): ApiError {
  return new ApiError(
    "TooManyRequests",
    "Cannot evict instance as it would violate the instance's disruption budget.",
    {
      name,
      group,
      kind: plural,
      causes: budgets.map(({ message }) => ({ reason: "DisruptionBudget", message })),
      retryAfterSeconds,
    },
  );
}
