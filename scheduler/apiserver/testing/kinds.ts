import type { ApiObject } from "../../../api/object-meta.ts";
import { TablePrinter } from "../output/table.ts";
import type { JsonObject, ResourceDefinition } from "../resource.ts";
import { shapeObject } from "../schema/structural.ts";
import { compileSchema } from "../schema/validator.ts";

const meta = {
  name: "x",
  namespace: "default",
  uid: "u",
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
};

/** One of the kind, called x. */
export function object(kind: ResourceDefinition, fields: JsonObject, metadata: JsonObject = {}): ApiObject {
  return { apiVersion: "v1", kind: kind.kind, metadata: { ...meta, ...metadata }, ...fields };
}

/** What would be stored. */
export function shaped(kind: ResourceDefinition, given: ApiObject): ApiObject {
  const { apiVersion, kind: name, metadata, ...fields } = kind.normalize(given);
  return { apiVersion, kind: name, metadata, ...shapeObject(fields, kind.schema).object };
}

/** Everything that is wrong with it, as a Status says it. `old`: it is an update of that. */
export function errorsOf(
  kind: ResourceDefinition,
  fields: JsonObject,
  metadata: JsonObject = {},
  old?: JsonObject,
): readonly string[] {
  const before = old && shaped(kind, object(kind, old, metadata));
  const now = shaped(kind, object(kind, fields, metadata));
  const broken = compileSchema(kind.schema, { advises: false, checksListTypes: false })(now);
  const errors = broken.length > 0 ? broken : kind.validate(now, before);
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

/** Its row of a table, an hour after it was made. */
export function rowOf(kind: ResourceDefinition, given: ApiObject): Readonly<Record<string, unknown>> {
  const options = {
    version: "v1",
    include: "None",
    nowMs: Date.parse("2026-01-01T01:00:00Z"),
    columns: true,
  } as const;
  // The printer's own form.
  const { head, row } = new TablePrinter(kind).table(options);
  const { columnDefinitions } = head as { readonly columnDefinitions: readonly { readonly name: string }[] };
  const { cells } = row(given) as { readonly cells: readonly unknown[] };
  return Object.fromEntries(columnDefinitions.map(({ name }, at) => [name, cells[at]]));
}
