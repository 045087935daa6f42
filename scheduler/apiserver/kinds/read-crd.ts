import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { applyDefaults } from "../../../api/defaults.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { semanticChecks } from "../../../api/validation/kinds.ts";
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Column, ResourceDefinition, ScalePaths, Schema } from "../resource.ts";

interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly subresources?: { readonly status?: object; readonly scale?: ScalePaths };
  readonly additionalPrinterColumns?: readonly {
    readonly name: string;
    readonly type: string;
    readonly format?: string;
    readonly description?: string;
    readonly priority?: number;
    readonly jsonPath: string;
  }[];
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly scope: "Namespaced" | "Cluster";
    readonly names: {
      readonly kind: string;
      readonly listKind?: string;
      readonly plural: string;
      readonly singular?: string;
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    };
    readonly versions: readonly CrdVersion[];
  };
}

/** Every CustomResourceDefinition of a folder, one a file. */
export function readCrdFolder(folder: string, storage: "stored" | "live"): readonly ResourceDefinition[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .flatMap((name) => {
      try {
        return definitionsOf(parse(readFileSync(join(folder, name), "utf8")) as Crd, storage);
      } catch (thrown) {
        throw new WherryError("InvalidCrd", `read ${name} of ${folder}: ${errorMessage(thrown)}`, {
          cause: thrown,
        });
      }
    });
}

function definitionsOf({ spec }: Crd, storage: "stored" | "live"): readonly ResourceDefinition[] {
  const { names } = spec;
  return spec.versions
    .filter((version) => version.served)
    .map((version) => ({
      group: spec.group,
      version: version.name,
      storageVersion: spec.versions.find(({ storage: isStored }) => isStored)?.name ?? version.name,
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: spec.scope === "Namespaced",
      storage,
      nameForm: "subdomain",
      status: version.subresources?.status !== undefined,
      scale: version.subresources?.scale,
      generation: true,
      strategicMerge: false,
      schema: version.schema.openAPIV3Schema,
      columns: columnsOf(version),
      selectableFields: [],
      normalize: (object: ApiObject) => applyDefaults(object),
      validate: semanticChecks[names.kind] ?? (() => []),
    }));
}

const ageColumn: Column = {
  name: "Age",
  type: "date",
  format: "",
  description: "When the object was created.",
  priority: 0,
  cell: { kind: "path", path: ".metadata.creationTimestamp" },
};

function columnsOf(version: CrdVersion): readonly Column[] {
  const own = version.additionalPrinterColumns?.map((column): Column => ({
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: column.description ?? "",
    priority: column.priority ?? 0,
    cell: { kind: "path", path: column.jsonPath },
  }));
  return own ?? [ageColumn];
}
