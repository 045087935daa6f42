import type { Kind } from "../registry.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { metaSchemas, metaTypes, typeMetaProperties } from "./meta-schemas.ts";
import { builtInGroups } from "./group-order.ts";
import { groupVersionKindsOf, typeNameOf } from "./names.ts";
import { isBuiltIn } from "./subresources.ts";
import { fieldsOfType } from "./type-fields.ts";

/** OpenAPI 3.0 has references beside nothing else, and alternatives; Swagger 2.0 has neither rule nor alternatives. */
export type Dialect = "v2" | "v3";

/**
 * The schemas of one document, by name: those of kinds, and all that they refer to. Built-in types are split at the names
 * of type-fields.ts; custom kinds stay in one piece. What Swagger cannot say is left out as Kubernetes leaves it out.
 */
export class SchemaSet {
  readonly #dialect: Dialect;
  readonly #schemas = new Map<string, JsonObject>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** In the order of their names. */
  get schemas(): JsonObject {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Adds a kind and its list. */
  addKind(kind: Kind): void {
    const { resource } = kind;
    const name = typeNameOf(resource);
    if (this.#schemas.has(name)) return;
    this.#schemas.set(name, {});
    this.#schemas.set(name, this.#kindSchema(kind, name));
    if (resource.storage !== "review") this.#schemas.set(`${name}List`, this.#listSchema(kind, name));
    const { explanation } = resource;
    if (!explanation) return;
    const answer = typeNameOf(explanation);
    this.#schemas.set(
      answer,
      this.#kindSchema({ resource: explanation, schema: explanation.schema }, answer),
    );
  }

  /** Adds a type that all kinds share, and refers to it. */
  reference(name: string): JsonObject {
    const schema = metaSchemas.get(name);
    if (schema) this.#define(name, schema);
    return this.#referenceTo(name, {});
  }

  #referenceTo(name: string, beside: JsonObject): JsonObject {
    if (this.#dialect === "v2") return { ...beside, $ref: `#/definitions/${name}` };
    const reference = { $ref: `#/components/schemas/${name}` };
    return Object.keys(beside).length === 0 ? reference : { ...beside, allOf: [reference] };
  }

  #kindSchema({ resource, schema }: Pick<Kind, "resource" | "schema">, name: string): JsonObject {
    const builtIn = isBuiltIn(resource);
    const identity = {
      "x-kubernetes-group-version-kind": groupVersionKindsOf(resource, resource.kind),
      ...selectableFieldsOf(resource.selectableFields, builtIn),
    };
    // kubectl takes properties for all that there may be.
    if (this.#dialect === "v2" && schema["x-kubernetes-preserve-unknown-fields"] === true)
      return { type: "object", ...identity };
    const { properties, ...body } = this.#body(schema, name, builtIn);
    return {
      ...body,
      properties: { ...(isObject(properties) ? properties : {}), ...this.#objectFields(builtIn) },
      ...identity,
    };
  }

  #objectFields(builtIn: boolean): JsonObject {
    this.reference(metaTypes.objectMeta);
    const metadata = this.#referenceTo(metaTypes.objectMeta, {
      description: "Standard object's metadata.",
      ...this.#emptyDefault(builtIn),
    });
    return { ...typeMetaProperties, metadata };
  }

  #listSchema({ resource }: Kind, name: string): JsonObject {
    const builtIn = isBuiltIn(resource);
    this.reference(metaTypes.listMeta);
    const empty = this.#emptyDefault(builtIn);
    return {
      type: "object",
      required: ["items"],
      description: `${resource.listKind} is a list of ${resource.kind}.`,
      properties: {
        ...typeMetaProperties,
        items: {
          type: "array",
          description: `List of ${resource.plural}.`,
          items: this.#referenceTo(name, empty),
        },
        metadata: this.#referenceTo(metaTypes.listMeta, { description: "Standard list metadata.", ...empty }),
      },
      "x-kubernetes-group-version-kind": groupVersionKindsOf(resource, resource.listKind),
      ...selectableFieldsOf(resource.selectableFields, builtIn),
    };
  }

  #emptyDefault(builtIn: boolean): JsonObject {
    return builtIn && this.#dialect === "v3" ? { default: {} } : {};
  }

  #define(name: string, schema: Schema, isField = false): void {
    if (this.#schemas.has(name)) return;
    // Before its body, which may refer to it.
    this.#schemas.set(name, {});
    const body = this.#body(metaSchemas.get(name) ?? schema, name, true);
    delete body["default"];
    // What is said of the field stands with the field.
    if (isField && !metaSchemas.has(name) && definitionOf(schema) === undefined) delete body["description"];
    const kinds = sharedKinds.get(name);
    this.#schemas.set(name, kinds ? { ...body, "x-kubernetes-group-version-kind": kinds } : body);
  }

  /** A field of a built-in type, or what is in it when it is a list or a map. */
  #field(schema: Schema, type: string | undefined, isField: boolean): JsonObject {
    const name = type ?? definitionOf(schema) ?? (isTime(schema) ? metaTypes.time : undefined);
    const isContainer = schema.items !== undefined || isObject(schema.additionalProperties);
    if (name === undefined || (isContainer && definitionOf(schema) === undefined))
      return this.#body(schema, undefined, true, type);
    this.#define(name, schema, isField);
    const { description, default: value } = schema;
    if (!isField) return this.#referenceTo(name, this.#emptyDefault(schema.type === "object"));
    return this.#referenceTo(name, {
      ...(description === undefined ? {} : { description }),
      ...(value === undefined || this.#dialect === "v2" ? {} : { default: value }),
    });
  }

  /** `itemType`: the name of the type of items, for built-in lists and maps. */
  #body(given: Schema, typeName: string | undefined, builtIn: boolean, itemType?: string): JsonObject {
    const schema = this.#dialect === "v2" ? swaggerSchema(given, builtIn) : given;
    const result: JsonObject = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (value === null || value === undefined || keyword === definitionKeyword) continue;
      if (!builtIn || keyword !== "x-kubernetes-preserve-unknown-fields") result[keyword] = value;
    }
    // Something that may be of several types is anything, for those who read this.
    if (builtIn && definitionOf(given) !== undefined && given.type === undefined) delete result["properties"];
    else if (schema.properties) result["properties"] = this.#properties(schema.properties, typeName, builtIn);
    const inner = (one: Schema) =>
      builtIn ? this.#field(one, itemType, false) : this.#body(one, undefined, false);
    if (schema.items) result["items"] = inner(schema.items);
    if (isObject(schema.additionalProperties))
      result["additionalProperties"] = inner(schema.additionalProperties);
    if (schema["x-kubernetes-int-or-string"] === true) this.#setIntOrString(result, builtIn);
    if (!builtIn && schema["x-kubernetes-embedded-resource"] === true) this.#setEmbedded(result);
    return result;
  }

  #properties(
    properties: Readonly<Record<string, Schema>>,
    typeName: string | undefined,
    builtIn: boolean,
  ): JsonObject {
    const fields = builtIn && typeName !== undefined ? fieldsOfType(typeName) : {};
    return Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [
        name,
        builtIn ? this.#field(one, fields[name], true) : this.#body(one, undefined, false),
      ]),
    );
  }

  /** Of the built-in types only quantities are of this sort. */
  #setIntOrString(body: JsonObject, builtIn: boolean): void {
    if (!builtIn) {
      if (this.#dialect === "v3" && body["anyOf"] === undefined && body["allOf"] === undefined)
        body["anyOf"] = [{ type: "integer" }, { type: "string" }];
      return;
    }
    delete body["x-kubernetes-int-or-string"];
    delete body["anyOf"];
    delete body["type"];
    if (this.#dialect === "v2") body["type"] = "string";
    else body["oneOf"] = [{ type: "string" }, { type: "number" }];
  }

  #setEmbedded(body: JsonObject): void {
    // As above: kubectl would take these fields for all.
    if (this.#dialect === "v2" && body["x-kubernetes-preserve-unknown-fields"] === true) return;
    const properties = isObject(body["properties"]) ? body["properties"] : {};
    const required = Array.isArray(body["required"]) ? (body["required"] as readonly unknown[]) : [];
    body["properties"] = { ...properties, ...this.#objectFields(false) };
    body["required"] = [...new Set([...required, "kind", "apiVersion"])];
  }
}

/** For this server only: schemas that hold themselves have a name. */
const definitionKeyword = "x-wherry-definition";

/** What Swagger 2.0 has no words for. */
const alternatives = ["allOf", "anyOf", "oneOf", "not", "nullable"] as const;

/**
 * Without alternatives. A value that may be null, or have fields that are not known, is any value: kubectl would refuse
 * what it finds beside properties.
 */
function swaggerSchema(schema: Schema, builtIn: boolean): Schema {
  const result: Record<string, unknown> = { ...schema };
  for (const keyword of alternatives) delete result[keyword];
  if (builtIn) delete result["default"];
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true && !builtIn;
  if (schema.nullable === true || isOpen) {
    delete result["items"];
    delete result["properties"];
  }
  const isShapeless = schema.type === "array" && result["items"] === undefined;
  if (schema.nullable === true || isShapeless || (isOpen && schema.type === "object")) delete result["type"];
  const required = requiredOf(schema);
  if (required.length === 0) delete result["required"];
  else result["required"] = required;
  return result;
}

/** Fields that may be null may as well be missing. */
function requiredOf({ required = [], properties = {}, additionalProperties }: Schema): readonly string[] {
  if (isObject(additionalProperties) && additionalProperties["nullable"] === true) return [];
  return required.filter((name) => !Object.hasOwn(properties, name) || properties[name]?.nullable !== true);
}

function definitionOf(schema: Schema): string | undefined {
  const name = schema[definitionKeyword];
  return typeof name === "string" ? name : undefined;
}

function isTime({ type, format }: Schema): boolean {
  return type === "string" && format === "date-time";
}

function selectableFieldsOf(fields: readonly string[], builtIn: boolean): JsonObject {
  if (builtIn || fields.length === 0) return {};
  return { "x-kubernetes-selectable-fields": fields.map((fieldPath) => ({ fieldPath })) };
}

/** Of types that all kinds share: as what kinds they may come. */
const sharedKinds: ReadonlyMap<string, readonly object[]> = new Map([
  [metaTypes.status, [{ group: "", kind: "Status", version: "v1" }]],
  [metaTypes.resourceList, [{ group: "", kind: "APIResourceList", version: "v1" }]],
  [metaTypes.scale, [{ group: "autoscaling", kind: "Scale", version: "v1" }]],
  [metaTypes.tokenRequest, [{ group: "authentication.k8s.io", kind: "TokenRequest", version: "v1" }]],
  [metaTypes.eviction, [{ group: "policy", kind: "Eviction", version: "v1" }]],
  ...[metaTypes.deleteOptions, metaTypes.watchEvent].map((name): [string, readonly object[]] => [
    name,
    builtInGroups.map((group) => ({ group, kind: name.slice(name.lastIndexOf(".") + 1), version: "v1" })),
  ]),
]);
