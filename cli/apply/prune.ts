import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { clientLimits } from "../client/limits.ts";
import { listObjects, resourcePath } from "../client/objects.ts";
import { isNotFound } from "../client/status-error.ts";
import { forEachLimited } from "../concurrency.ts";
import { Failure } from "../failure.ts";
import type { DryRun } from "../manifests/apply-object.ts";
import type { Resource } from "../resources/resource.ts";
import {
  applySetId,
  groupKind,
  parentText,
  partOfLabel,
  type Extent,
  type ParentReference,
} from "./apply-set.ts";

export interface Prunable {
  readonly resource: Resource;
  readonly object: ApiObject;
}

/** Where members of a set may be: a kind, and a namespace if it has such. */
export interface Place {
  readonly resource: Resource;
  readonly namespace: string | undefined;
}

/** Throws when there may be members that cannot be seen. */
export function placesOf(
  parent: ParentReference,
  { kinds, namespaces }: Extent,
  resources: readonly Resource[],
): readonly Place[] {
  return [...kinds].toSorted().flatMap((kind): readonly Place[] => {
    const resource = resources.find((one) => groupKind(one) === kind);
    if (!resource)
      throw new Failure(
        `the ApplySet ${parentText(parent)} may have objects of kind ${kind}, which the server does not serve (now): nothing was changed. If the kind is gone for good, take it out of the parent's annotation applyset.kubernetes.io/contains-group-kinds`,
      );
    if (!resource.namespaced) return [{ resource, namespace: undefined }];
    return [...namespaces].toSorted().map((namespace) => ({ resource, namespace }));
  });
}

/** The members of a set that were not applied now. Only what carries the set's label is ever looked at, and never the parent. */
export async function findPrunable(
  client: ApiClient,
  parent: ParentReference,
  places: readonly Place[],
  appliedUids: ReadonlySet<string>,
): Promise<readonly Prunable[]> {
  const labelSelector = `${partOfLabel}=${applySetId(parent)}`;
  const found: Prunable[] = [];
  await forEachLimited(places, clientLimits.concurrency, async ({ resource, namespace }) => {
    const { items } = await listObjects(client, resource, namespace, { labelSelector });
    const isParent = ({ metadata }: ApiObject) =>
      resource === parent.resource &&
      metadata.name === parent.name &&
      metadata.namespace === parent.namespace;
    const old = items.filter((object) => !appliedUids.has(object.metadata.uid) && !isParent(object));
    for (const object of old) found.push({ resource, object });
  });
  return found.toSorted((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
}

function sortKey({ resource, object }: Prunable): string {
  return `${groupKind(resource)} ${object.metadata.namespace ?? ""} ${object.metadata.name}`;
}

/** Deletes one object, if it is still that one. */
export async function pruneObject(
  client: ApiClient,
  { resource, object }: Prunable,
  dryRun: DryRun,
): Promise<void> {
  if (dryRun === "client") return;
  const { name, namespace, uid } = object.metadata;
  try {
    await client.request({
      method: "DELETE",
      path: resourcePath(resource, namespace, name),
      query: { dryRun: dryRun === "server" ? "All" : undefined },
      body: {
        kind: "DeleteOptions",
        apiVersion: "v1",
        propagationPolicy: "Background",
        preconditions: { uid },
      },
    });
  } catch (error) {
    // Somebody else was quicker; gone is gone.
    if (!isNotFound(error)) throw error;
  }
}
