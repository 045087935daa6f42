import { applyDefaults } from "../../../api/defaults.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { invalidValue } from "../../../api/validation/field-error.ts";
import { semanticChecks, semanticWarnings } from "../../../api/validation/kinds.ts";
import { compileJsonPath } from "../../../kit/json-path.ts";
import type { Column, ResourceDefinition, ScalePaths, Schema } from "../resource.ts";
import type { CrdColumn, CrdNames, CrdSpec, CrdVersion, Subresources } from "./crd.ts";
import { compareVersions } from "./version-order.ts";

/** The group whose kinds have defaults and checks in code beside those of their schemas. */
const ownGroup = "wherry.dev";

/** What of a CustomResourceDefinition its kinds are made of: those in files have nothing else. */
export interface CrdLike {
  readonly spec: CrdSpec;
  /** The names that it was given; those that it asks for when there is none. */
  readonly status?: { readonly acceptedNames?: Partial<CrdNames> };
}

/** One kind for each version that is served, the preferred one first. */
export function definitionsOf(
  crd: CrdLike,
  storage: ResourceDefinition["storage"] = "stored",
): readonly ResourceDefinition[] {
  const { spec } = crd;
  return spec.versions
    .filter((version) => version.served)
    .toSorted((a, b) => compareVersions(a.name, b.name))
    .map((version) => definitionOf(spec, namesOf(crd), version, storage));
}

function namesOf({ spec, status }: CrdLike): CrdNames {
  const accepted = status?.acceptedNames;
  return accepted?.plural && accepted.kind ? { ...spec.names, shortNames: [], ...accepted } : spec.names;
}

function definitionOf(
  spec: CrdSpec,
  names: CrdNames,
  version: CrdVersion,
  storage: ResourceDefinition["storage"],
): ResourceDefinition {
  const isOwn = spec.group === ownGroup;
  return {
    group: spec.group,
    version: version.name,
    storageVersion: spec.versions.find((one) => one.storage)?.name ?? version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: storage === "review" || storage === "measured" ? [] : (names.categories ?? []),
    namespaced: spec.scope === "Namespaced",
    storage,
    alias: undefined,
    emptyObject: undefined,
    explanation: undefined,
    nameForm: "subdomain",
    status: version.subresources?.status !== undefined,
    scale: scaleOf(version.subresources),
    generation: true,
    strategicMerge: false,
    deprecationWarning: warningOf(spec.group, names.kind, version),
    schema: schemaOf(version),
    columns: columnsOf(version),
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, "")),
    normalize: (object: ApiObject) => (isOwn ? applyDefaults(object) : object),
    warnings: isOwn ? (semanticWarnings[names.kind] ?? (() => [])) : () => [],
    validate: isOwn ? (semanticChecks[names.kind] ?? (() => [])) : scaleCheck(scaleOf(version.subresources)),
  };
}

/** What a version has without a schema: that of an object, of which everything is kept. */
const openSchema: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function schemaOf({ schema }: CrdVersion): Schema {
  return schema?.openAPIV3Schema ?? openSchema;
}

function scaleOf(subresources: Subresources | undefined): ScalePaths | undefined {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = subresources?.scale ?? {};
  if (specReplicasPath === undefined || statusReplicasPath === undefined) return undefined;
  return { specReplicasPath, statusReplicasPath, labelSelectorPath: labelSelectorPath || undefined };
}

/** The replicas of a kind with a scale subresource are whole numbers, whatever its schema says. */
function scaleCheck(scale: ScalePaths | undefined): ResourceDefinition["validate"] {
  if (!scale) return () => [];
  const paths = [scale.specReplicasPath, scale.statusReplicasPath].map((path) => ({
    path,
    read: compileJsonPath(path),
  }));
  return (object) =>
    paths.flatMap(({ path, read }) => {
      const [replicas] = read(object);
      if (typeof replicas !== "number") return [];
      if (replicas < 0) return [invalidValue(path, replicas, "should be a non-negative integer")];
      if (replicas <= replicasMax) return [];
      return [invalidValue(path, replicas, `should be less than or equal to ${replicasMax}`)];
    });
}

const replicasMax = 2 ** 31 - 1;

/** What clients of a deprecated version are told. */
function warningOf(group: string, kind: string, version: CrdVersion): string | undefined {
  if (version.deprecated !== true) return undefined;
  return version.deprecationWarning ?? `${group}/${version.name} ${kind} is deprecated`;
}

const ageColumn: CrdColumn = {
  name: "Age",
  type: "date",
  description:
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.",
  jsonPath: ".metadata.creationTimestamp",
};

function columnsOf({ additionalPrinterColumns = [] }: CrdVersion): readonly Column[] {
  const columns = additionalPrinterColumns.length > 0 ? additionalPrinterColumns : [ageColumn];
  return columns.map((column) => ({
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: column.description ?? "",
    priority: column.priority ?? 0,
    cell: cellOf(column.jsonPath),
  }));
}

/** Users may bring paths that can't be followed here: their cells are empty. */
function cellOf(path: string): Column["cell"] {
  try {
    compileJsonPath(path);
    return { kind: "path", path };
  } catch {
    return { kind: "function", of: () => null };
  }
}
