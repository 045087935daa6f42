/**
 * Deleting what cannot be read: the only thing left to do with a Secret whose key is lost for good. Nothing is known of
 * its finalizers, owners or uid, so it takes an option of its own, as in Kubernetes, and a verb of its own.
 */
import { invalidValue } from "../../../api/validation/field-error.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import type { JsonObject } from "../resource.ts";
import { deletedUnread, invalid } from "../status.ts";
import { objectKey } from "../storage/store-cache.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";

const option = "ignoreStoreReadErrorWithClusterBreakingPotential";
const verb = "unsafe-delete-ignore-read-errors";

/** In the order in which Kubernetes complains of them. */
const excluded = ["preconditions", "gracePeriodSeconds", "propagationPolicy", "orphanDependents", "dryRun"];

/** Whether somebody asks for it, in the body or in the query. Throws Invalid with what does not go together with it. */
export function asksForUnsafeDelete(exchange: Exchange, body: JsonObject): boolean {
  const { query } = exchange;
  if (body[option] !== true && query.get(option) !== "true") return false;
  const others = excluded.filter((name) => (body[name] ?? null) !== null || query.has(name));
  if (others.length === 0) return true;
  throw invalid(
    { group: "meta.k8s.io", kind: "DeleteOptions" },
    "",
    others.map((name) => invalidValue(option, true, `cannot be set together with .${name}`)),
  );
}

export async function deleteUnread(
  context: ApiContext,
  exchange: Exchange,
  { kind, namespace, name }: NamedTarget,
): Promise<void> {
  const { group, version, plural } = kind.resource;
  const attributes = {
    kind: "resource",
    user: exchange.user,
    verb,
    group,
    version,
    resource: plural,
    subresource: "",
    namespace,
    name,
  } as const;
  const { allowed, reason } = context.policy.authorize(attributes);
  if (!allowed) throw forbiddenRequest(attributes, reason);
  if (context.unreadable(kind, namespace, name) === undefined)
    throw invalid({ group, kind: plural }, name, [
      invalidValue(
        option,
        true,
        "is exclusively used to delete corrupt object(s), try again by removing this option",
      ),
    ]);
  await context.writer.deleteUnread(objectKey(kind.resource, namespace, name), exchange.signal);
  await exchange.send(200, deletedUnread(kind.resource, name));
}
