import type { ApiObject } from "../../api/object-meta.ts";

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Fields;
}

interface Fields {
  readonly [path: string]: Fields;
}

/**
 * An object's managed fields with those that one manager has updated applied by another instead.
 * undefined: the first has none, so there is nothing to change.
 */
export function adoptedManagers(
  { metadata }: ApiObject,
  from: string,
  to: string,
  apiVersion: string,
): readonly unknown[] | undefined {
  // The server's own list; what it does not understand itself it would not have kept.
  const entries = (metadata.managedFields ?? []) as readonly ManagedFields[];
  const isFormer = (entry: ManagedFields) =>
    entry.manager === from && entry.operation === "Update" && !entry.subresource;
  const isApplier = (entry: ManagedFields) =>
    entry.manager === to && entry.operation === "Apply" && !entry.subresource;
  const former = entries.filter(isFormer);
  // Fields of another version have other names; the server converts them when it next needs to.
  if (former.length === 0 || former.some((entry) => entry.apiVersion !== apiVersion)) return undefined;
  const applier = entries.find(isApplier);
  if (applier && applier.apiVersion !== apiVersion) return undefined;
  const all = [...former, ...(applier ? [applier] : [])].map(({ fieldsV1 = {} }) => fieldsV1);
  const merged = {
    ...former[0],
    ...applier,
    manager: to,
    operation: "Apply",
    fieldsV1: all.reduce(union, {}),
  };
  return [...entries.filter((entry) => !isFormer(entry) && !isApplier(entry)), merged];
}

function union(a: Fields, b: Fields): Fields {
  const result: Record<string, Fields> = { ...a };
  for (const [path, fields] of Object.entries(b)) result[path] = union(result[path] ?? {}, fields);
  return result;
}
