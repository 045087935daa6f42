import { fileURLToPath } from "node:url";
import type { ApiObject } from "../../api/object-meta.ts";
import type { FieldError } from "../../api/validation/field-error.ts";
import { FieldManager } from "./apply/field-manager.ts";
import { type CompiledRules, compileRules } from "./cel/rules.ts";
import { accessReviews } from "./authorization/reviews.ts";
import { authenticationReviews, type ReviewDescription } from "./authentication/reviews.ts";
import { customResourceDefinitionKind } from "./kinds/custom-resource-definition.ts";
import { coreKind } from "./kinds/descriptor.ts";
import { coreKinds } from "./kinds/core-kinds.ts";
import { readCrdFolder } from "./kinds/read-crd.ts";
import { compileJsonPath, type JsonPath } from "../../kit/json-path.ts";
import { TablePrinter } from "./output/table.ts";
import { apiVersionOf, type ResourceDefinition, type Schema } from "./resource.ts";
import { objectMetaSchema } from "./schema/metadata-schema.ts";
import { shapeObject } from "./schema/structural.ts";
import { compileSchema, type Validate } from "./schema/validator.ts";

/** One version of a kind with everything compiled that each request would otherwise compile again. */
export class Kind {
  readonly resource: ResourceDefinition;
  /** The kind's schema with apiVersion, kind and metadata. */
  readonly schema: Schema;
  readonly printer: TablePrinter;
  readonly scale: ScaleAccess | undefined;
  #fields: FieldManager | undefined;
  #validate: Validate | undefined;
  #rules: CompiledRules | undefined;
  readonly #converted = new WeakMap<ApiObject, ApiObject>();

  constructor(resource: ResourceDefinition) {
    this.resource = resource;
    this.schema = fullSchema(resource.schema);
    this.printer = new TablePrinter(resource);
    this.scale = resource.scale && scaleAccess(resource.scale);
  }

  /** Who set which field. Made at its first use, as everything else that most kinds of a start do without. */
  get fields(): FieldManager {
    const { kind, status, emptyObject } = this.resource;
    return (this.#fields ??= new FieldManager({
      schema: this.schema,
      apiVersion: apiVersionOf(this.resource),
      kind,
      ...(emptyObject && { emptyObject }),
      hasStatus: status,
    }));
  }

  /** The structural schema's check. */
  get validate(): Validate {
    const { group, strategicMerge } = this.resource;
    return (this.#validate ??= compileSchema(this.schema, {
      advises: isOurs(group),
      checksListTypes: !strategicMerge,
    }));
  }

  /** The CEL rules of the schema. */
  get rules(): CompiledRules {
    const { strategicMerge, schema } = this.resource;
    // Built-in kinds have their checks in code, and schemas that may hold themselves.
    return (this.#rules ??= compileRules(strategicMerge ? {} : schema));
  }

  /** A stored object in this version. The same object gives the same result. */
  view(stored: ApiObject): ApiObject {
    const apiVersion = apiVersionOf(this.resource);
    if (stored.apiVersion === apiVersion) return stored;
    const known = this.#converted.get(stored);
    if (known) return known;
    const view = this.shape(this.resource.alias?.fromStored(stored) ?? { ...stored, apiVersion });
    this.#converted.set(stored, view);
    return view;
  }

  /** Defaults filled in, unknown fields gone. */
  shape(object: ApiObject): ApiObject {
    const { normalize } = this.resource;
    const shaped = shapeObject(normalize(object), this.schema).object;
    // The schema includes that of metadata, and the object has been accepted once already.
    return shaped as unknown as ApiObject;
  }
}

export interface ScaleAccess {
  /** The field names of spec.replicas, to write it. */
  readonly specReplicas: readonly string[];
  readonly readSpecReplicas: JsonPath;
  readonly readStatusReplicas: JsonPath;
  readonly readSelector: JsonPath | undefined;
}

/**
 * All kinds that are served. Adding one of ours is adding a CRD file or a core descriptor; users add theirs while the
 * server runs. Versions of one kind stand together, the preferred one first.
 */
export class Registry {
  readonly #resources = new Map<string, readonly Kind[]>();
  readonly #listeners = new Set<() => void>();
  #kinds: readonly Kind[] | undefined;
  #stored: readonly Kind[] | undefined;
  #byName: ReadonlyMap<string, Kind> | undefined;
  #generation = 1;

  constructor(definitions: readonly ResourceDefinition[]) {
    for (const versions of Map.groupBy(definitions, resourceKey).values()) this.put(versions);
  }

  /** Every version of every kind. */
  get kinds(): readonly Kind[] {
    return (this.#kinds ??= [...this.#resources.values()].flat());
  }

  /** Every kind whose objects are in the store, once: in the version in which they are stored, if that is served. */
  get stored(): readonly Kind[] {
    return (this.#stored ??= [...this.#resources.values()].flatMap((versions) => {
      const [first] = versions;
      if (first?.resource.storage !== "stored" || first.resource.alias) return [];
      return versions.find(({ resource }) => resource.version === resource.storageVersion) ?? first;
    }));
  }

  /** Grows with every change: what was made from the kinds before is out of date. */
  get generation(): number {
    return this.#generation;
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#resources
      .get(resourceKey({ group, plural }))
      ?.find(({ resource }) => resource.version === version);
  }

  /** In its preferred version. */
  findPlural(group: string, plural: string): Kind | undefined {
    return this.#resources.get(resourceKey({ group, plural }))?.[0];
  }

  /** The version in which objects of this kind are stored. */
  storageOf({ resource: { group, plural, storageVersion } }: Kind): Kind | undefined {
    return this.find(group, storageVersion, plural);
  }

  /** The kind that an owner reference or an object names. */
  findKind(apiVersion: string, name: string): Kind | undefined {
    this.#byName ??= new Map(
      this.kinds.map((kind) => [nameKey(apiVersionOf(kind.resource), kind.resource.kind), kind]),
    );
    return this.#byName.get(nameKey(apiVersion, name));
  }

  /** All versions of one resource, in place of those that were served before. */
  put(versions: readonly ResourceDefinition[]): void {
    const [first] = versions;
    if (!first) return;
    this.#resources.set(
      resourceKey(first),
      versions.map((definition) => new Kind(definition)),
    );
    this.#changed();
  }

  remove(resource: { readonly group: string; readonly plural: string }): void {
    if (this.#resources.delete(resourceKey(resource))) this.#changed();
  }

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #changed(): void {
    this.#kinds = undefined;
    this.#stored = undefined;
    this.#byName = undefined;
    this.#generation++;
    for (const listener of this.#listeners) listener();
  }
}

/** What is wrong with the CEL rules of a user's schema, which stands at `path` of its definition. */
function ruleProblems(schema: Schema, path: string): readonly FieldError[] {
  return compileRules(schema, path).problems;
}

export const crdFolder = folderAt("../../charts/wherry/crds");

function folderAt(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** A kind that can be created only, and of which nothing is kept. */
function reviewDefinition(review: ReviewDescription): ResourceDefinition {
  const { group, version, kind, plural, singular, namespaced, schema } = review;
  const storage = "review";
  return coreKind({ group, version, kind, plural, singular, namespaced, schema, storage, columns: [] });
}

/** Kinds of this repository: the chart's CRDs, the generated live kinds, and the core descriptors. */
export function builtInResources(): readonly ResourceDefinition[] {
  return [
    ...coreKinds,
    customResourceDefinitionKind(ruleProblems),
    ...accessReviews.map(reviewDefinition),
    ...authenticationReviews.map(reviewDefinition),
    ...readCrdFolder(crdFolder, "stored"),
    ...readCrdFolder(folderAt("../../api/gen/review"), "review"),
    ...liveResources(),
    ...readCrdFolder(folderAt("../../api/gen/measured"), "measured"),
  ];
}

/** What is kept in the scheduler's memory, with what explains it. */
function liveResources(): readonly ResourceDefinition[] {
  const explanations = readCrdFolder(folderAt("../../api/gen/answer"), "review");
  return readCrdFolder(folderAt("../../api/gen/live"), "live").map((resource) => ({
    ...resource,
    explanation: explanations.find(({ kind }) => `Wasm${kind}` === `${resource.kind}Explanation`),
  }));
}

function resourceKey(resource: { readonly group: string; readonly plural: string }): string {
  return `${resource.group}/${resource.plural}`;
}

function isOurs(group: string): boolean {
  return group === "wherry.dev" || group.endsWith(".wherry.dev");
}

function nameKey(apiVersion: string, kind: string): string {
  return `${apiVersion} ${kind}`;
}

function scaleAccess(scale: NonNullable<ResourceDefinition["scale"]>): ScaleAccess {
  return {
    specReplicas: scale.specReplicasPath.split(".").filter((part) => part !== ""),
    readSpecReplicas: compileJsonPath(scale.specReplicasPath),
    readStatusReplicas: compileJsonPath(scale.statusReplicasPath),
    readSelector:
      scale.labelSelectorPath === undefined ? undefined : compileJsonPath(scale.labelSelectorPath),
  };
}

/** With what every object has. */
function fullSchema(schema: Schema): Schema {
  const own = new Set(["apiVersion", "kind", "metadata"]);
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !own.has(name));
  return {
    ...schema,
    properties: {
      apiVersion: {
        type: "string",
        description: "The versioned schema of this representation of an object.",
      },
      kind: { type: "string", description: "The kind of the object, in CamelCase." },
      ...Object.fromEntries(properties),
      metadata: objectMetaSchema,
    },
  };
}
