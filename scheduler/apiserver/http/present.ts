import type { ApiObject } from "../../../api/object-meta.ts";
import { yamlOf } from "../output/yaml.ts";
import { partialMetadata } from "../output/partial-metadata.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf } from "../resource.ts";
import type { Representation } from "./media.ts";
import type { Page } from "./list-options.ts";

/** One object in the form that the client asked for. `columns`: whether a table names its columns. */
export function presentObject(
  kind: Pick<Kind, "printer">,
  object: ApiObject,
  as: Representation,
  nowMs: number,
  columns = true,
): object {
  switch (as.kind) {
    case "object":
      return object;
    case "partial":
      return partialMetadata(object, `meta.k8s.io/${as.version}`);
    case "table": {
      const { resourceVersion } = object.metadata;
      const { head, row } = kind.printer.table({ ...as, nowMs, columns });
      return { ...head, metadata: { resourceVersion }, rows: [row(object)] };
    }
    default:
      return as satisfies never;
  }
}

/** A list, as the pieces of its YAML text. */
export function* presentYaml({ resource }: Kind, { objects, metadata }: Page): Iterable<string> {
  yield yamlOf({ apiVersion: apiVersionOf(resource), kind: resource.listKind, metadata });
  yield objects.length === 0 ? "items: []\n" : "items:\n";
  for (const object of objects) yield yamlOf([object]);
}

/** A list, as the pieces of its JSON text: one for each object, so that long lists can be made while other work goes on. */
export function* presentList(
  kind: Kind,
  { objects, metadata }: Page,
  as: Representation,
  nowMs: number,
): Iterable<string> {
  switch (as.kind) {
    case "object": {
      const { resource } = kind;
      const head = { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata };
      return yield* textOf(head, "items", objects, (object) => object);
    }
    case "partial": {
      const apiVersion = `meta.k8s.io/${as.version}`;
      const head = { kind: "PartialObjectMetadataList", apiVersion, metadata };
      return yield* textOf(head, "items", objects, (object) => partialMetadata(object, apiVersion));
    }
    case "table": {
      const { head, row } = kind.printer.table({ ...as, nowMs, columns: true });
      return yield* textOf({ ...head, metadata }, "rows", objects, row);
    }
    default:
      return as satisfies never;
  }
}

function* textOf(
  head: object,
  field: string,
  objects: readonly ApiObject[],
  itemOf: (object: ApiObject) => object,
): Iterable<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"${field}":[`;
  let separator = "";
  for (const object of objects) {
    yield separator + JSON.stringify(itemOf(object));
    separator = ",";
  }
  yield "]}\n";
}
