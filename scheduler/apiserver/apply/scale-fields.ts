/**
 * Owners of a number of replicas, seen through the `scale` subresource. A Scale is another view of its parent: the owners
 * of the parent's replicas own the Scale's, and who takes them through the Scale takes them from the parent's owners.
 *
 *   live    = the Scale of the parent, with scaleEntriesOf(the parent's managedFields)
 *   next    = scaleFieldManager.trackUpdate(live, changed) or .apply(live, configuration), subresource "scale"
 *   parent  = the parent with the new replicas and parentEntriesOf(its managedFields, next's)
 */
import type { Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";
import { FieldManager } from "./field-manager.ts";
import { difference, has, isEmpty, setOfPath } from "./field-set.ts";
import { decodeManagedFields, encodeManagedFields, type ManagedEntry } from "./managed-entries.ts";
import { fieldElement } from "./path-element.ts";

const scaleApiVersion = "autoscaling/v1";
const scaleReplicas = ["spec", "replicas"].map(fieldElement);

/** autoscaling/v1 Scale. */
const scaleSchema: Schema = {
  type: "object",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: objectMetaSchema,
    spec: { type: "object", properties: { replicas: { type: "integer", format: "int32" } } },
    status: {
      type: "object",
      properties: { replicas: { type: "integer", format: "int32" }, selector: { type: "string" } },
    },
  },
};

export const scaleFieldManager = new FieldManager({
  schema: scaleSchema,
  apiVersion: scaleApiVersion,
  kind: "Scale",
  hasStatus: true,
  emptyObject: { spec: {}, status: {} },
});

/** The managedFields of a Scale. `replicasPath` are the names of the fields that lead to the parent's replicas. */
export function scaleEntriesOf(
  parentManagedFields: unknown,
  replicasPath: readonly string[],
): readonly unknown[] | undefined {
  const path = replicasPath.map(fieldElement);
  const entries = (decodeManagedFields(parentManagedFields) ?? [])
    .filter(({ fields }) => has(fields, path))
    .map((entry) => ({ ...entry, apiVersion: scaleApiVersion, fields: setOfPath(scaleReplicas) }));
  return encodeManagedFields(entries, undefined);
}

/** The parent's managedFields after a write of its Scale. */
export function parentEntriesOf(
  parentManagedFields: unknown,
  scaleManagedFields: unknown,
  parent: { readonly replicasPath: readonly string[]; readonly apiVersion: string },
): readonly unknown[] | undefined {
  const path = parent.replicasPath.map(fieldElement);
  const replicas = setOfPath(path);
  let owners = (decodeManagedFields(scaleManagedFields) ?? []).filter(({ fields }) =>
    has(fields, scaleReplicas),
  );
  const entries = (decodeManagedFields(parentManagedFields) ?? []).flatMap((entry): ManagedEntry[] => {
    if (!has(entry.fields, path)) return [entry];
    if (owners.some((owner) => isSameOwner(owner, entry))) {
      owners = owners.filter((owner) => !isSameOwner(owner, entry));
      return [entry];
    }
    const fields = difference(entry.fields, replicas);
    return isEmpty(fields) ? [] : [{ ...entry, fields }];
  });
  // Kubernetes gives those no time either.
  const added = owners.map((owner) => ({
    ...owner,
    apiVersion: parent.apiVersion,
    fields: replicas,
    time: undefined,
  }));
  return encodeManagedFields([...entries, ...added], parentManagedFields);
}

/** The version of the one is the Scale's. */
function isSameOwner(a: ManagedEntry, b: ManagedEntry): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}
