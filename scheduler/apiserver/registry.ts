import { fileURLToPath } from "node:url";
import { coreKinds } from "./kinds/core-kinds.ts";
import { readCrdFolder } from "./kinds/read-crd.ts";
import { compileJsonPath, type JsonPath } from "./output/json-path.ts";
import { TablePrinter } from "./output/table.ts";
import type { ResourceDefinition, Schema } from "./resource.ts";
import { objectMetaSchema } from "./schema/metadata-schema.ts";
import { compileSchema, type Validate } from "./schema/validator.ts";

/** A definition with everything compiled that each request would otherwise compile again. */
export interface Kind {
  readonly resource: ResourceDefinition;
  /** The kind's schema with apiVersion, kind and metadata. */
  readonly schema: Schema;
  readonly validate: Validate;
  readonly printer: TablePrinter;
  readonly scale: ScaleAccess | undefined;
}

export interface ScaleAccess {
  /** The field names of spec.replicas, to write it. */
  readonly specReplicas: readonly string[];
  readonly readSpecReplicas: JsonPath;
  readonly readStatusReplicas: JsonPath;
  readonly readSelector: JsonPath | undefined;
}

/** All kinds that are served. Adding one is adding a CRD file or a core descriptor. */
export class Registry {
  readonly kinds: readonly Kind[];
  readonly #byPath: ReadonlyMap<string, Kind>;

  constructor(resources: readonly ResourceDefinition[]) {
    this.kinds = resources.map(compileKind);
    this.#byPath = new Map(this.kinds.map((kind) => [pathOf(kind.resource), kind]));
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#byPath.get(pathOf({ group, version, plural }));
  }

  /** Whatever its version; one version of a kind is served. */
  findPlural(group: string, plural: string): Kind | undefined {
    return this.kinds.find(({ resource }) => resource.group === group && resource.plural === plural);
  }
}

/** Kinds of this repository: the chart's CRDs, the generated live kinds, and the core descriptors. */
export function builtInResources(): readonly ResourceDefinition[] {
  const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  return [
    ...coreKinds,
    ...readCrdFolder(folder("../../charts/wherry/crds"), "stored"),
    ...readCrdFolder(folder("../../api/gen/live"), "live"),
  ];
}

function pathOf(resource: {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}): string {
  return `${resource.group}/${resource.version}/${resource.plural}`;
}

function compileKind(resource: ResourceDefinition): Kind {
  const { scale } = resource;
  const schema: Schema = {
    ...resource.schema,
    properties: {
      apiVersion: {
        type: "string",
        description: "The versioned schema of this representation of an object.",
      },
      kind: { type: "string", description: "The kind of the object, in CamelCase." },
      ...withoutMetadata(resource.schema.properties),
      metadata: objectMetaSchema,
    },
  };
  return {
    resource,
    schema,
    validate: compileSchema(schema, {
      advises: isOurs(resource.group),
      checksListTypes: !resource.strategicMerge,
    }),
    printer: new TablePrinter(resource),
    scale: scale && {
      specReplicas: scale.specReplicasPath.split(".").filter((part) => part !== ""),
      readSpecReplicas: compileJsonPath(scale.specReplicasPath),
      readStatusReplicas: compileJsonPath(scale.statusReplicasPath),
      readSelector:
        scale.labelSelectorPath === undefined ? undefined : compileJsonPath(scale.labelSelectorPath),
    },
  };
}

function isOurs(group: string): boolean {
  return group === "wherry.dev" || group.endsWith(".wherry.dev");
}

function withoutMetadata(properties: Schema["properties"] = {}): Readonly<Record<string, Schema>> {
  const own = new Set(["apiVersion", "kind", "metadata"]);
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !own.has(name)));
}
