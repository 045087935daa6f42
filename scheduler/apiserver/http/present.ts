import type { ApiObject } from "../../../api/object-meta.ts";
import { partialMetadata } from "../output/partial-metadata.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf } from "../resource.ts";
import type { Representation } from "./media.ts";
import type { Page } from "./list-options.ts";

/** One object in the form that the client asked for. `columns`: whether a table names its columns. */
export function presentObject(
  kind: Kind,
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
      const apiVersion = `meta.k8s.io/${as.version}`;
      return kind.printer.table(
        [object],
        { resourceVersion },
        { apiVersion, include: as.include, nowMs, columns },
      );
    }
    default:
      return as satisfies never;
  }
}

export function presentList(kind: Kind, page: Page, as: Representation, nowMs: number): object {
  const { resource } = kind;
  const { objects, metadata } = page;
  switch (as.kind) {
    case "object":
      return { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata, items: objects };
    case "partial": {
      const apiVersion = `meta.k8s.io/${as.version}`;
      const items = objects.map((object) => partialMetadata(object, apiVersion));
      return { kind: "PartialObjectMetadataList", apiVersion, metadata, items };
    }
    case "table": {
      const apiVersion = `meta.k8s.io/${as.version}`;
      return kind.printer.table(objects, metadata, { apiVersion, include: as.include, nowMs, columns: true });
    }
    default:
      return as satisfies never;
  }
}
