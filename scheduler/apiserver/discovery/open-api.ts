import { createHash } from "node:crypto";
import type { Kind, Registry } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject, type Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";
import { subresourcesOf, verbsOf } from "./discovery.ts";

/**
 * OpenAPI v3 documents, one for each group version: what `kubectl explain` prints and by which kubectl decides whether
 * the server checks fields. Made when they are asked for, and again when the kinds have changed.
 */
export class OpenApiDocuments {
  readonly #registry: Registry;
  #made:
    | { readonly generation: number; readonly documents: ReadonlyMap<string, string>; index: string }
    | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get index(): string {
    return this.#current().index;
  }

  /** `path`: as in the index, `apis/GROUP/VERSION` or `api/v1`. */
  get(path: string): string | undefined {
    return this.#current().documents.get(path);
  }

  #current() {
    const { generation } = this.#registry;
    if (this.#made?.generation !== generation) this.#made = { generation, ...makeDocuments(this.#registry) };
    return this.#made;
  }
}

function makeDocuments(registry: Registry) {
  const byPath = Map.groupBy(registry.kinds, ({ resource }) => rootPath(resource.group, resource.version));
  const documents = new Map(
    [...byPath].map(([path, kinds]) => [path, JSON.stringify(documentOf(kinds, path))]),
  );
  const entries = [...documents].map(([path, text]) => {
    const hash = createHash("sha256").update(text).digest("hex").toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { documents, index: JSON.stringify({ paths: Object.fromEntries(entries) }) };
}

const metaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const listMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

function rootPath(group: string, version: string): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function documentOf(kinds: readonly Kind[], root: string): object {
  return {
    openapi: "3.0.0",
    info: { title: "Wherry", version: "v1" },
    paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, root))) as object,
    components: {
      schemas: {
        ...schemasOfAll(kinds),
        [metaName]: published(objectMetaSchema, {}),
        [listMetaName]: {
          type: "object",
          description: "What lists have for metadata.",
          properties: {
            resourceVersion: { type: "string" },
            continue: { type: "string" },
            remainingItemCount: { type: "integer", format: "int64" },
          },
        },
      },
    },
  };
}

function schemasOfAll(kinds: readonly Kind[]): JsonObject {
  const definitions: JsonObject = {};
  const schemas = kinds.map((kind) => schemasOf(kind, definitions));
  return { ...(Object.assign({}, ...schemas) as JsonObject), ...definitions };
}

function schemasOf(kind: Kind, definitions: JsonObject): JsonObject {
  const { resource, schema } = kind;
  const { group, version } = resource;
  const body = published(schema, definitions);
  const properties = isObject(body["properties"]) ? body["properties"] : {};
  return {
    [schemaName(kind)]: {
      ...body,
      properties: { ...properties, metadata: reference(metaName, "Standard object's metadata.") },
      "x-kubernetes-group-version-kind": [{ group, version, kind: resource.kind }],
    },
    [`${schemaName(kind)}List`]: {
      type: "object",
      required: ["items"],
      description: `${resource.listKind} is a list of ${resource.kind}.`,
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: reference(listMetaName, "Standard list metadata."),
        items: { type: "array", items: reference(schemaName(kind), "") },
      },
      "x-kubernetes-group-version-kind": [{ group, version, kind: resource.listKind }],
    },
  };
}

/** As Kubernetes names them: the group reversed. */
function schemaName({ resource: { group, version, kind } }: Kind): string {
  if (group === "") return `io.k8s.api.core.${version}.${kind}`;
  return `${group.split(".").reverse().join(".")}.${version}.${kind}`;
}

function reference(name: string, description: string): object {
  return { description, allOf: [{ $ref: `#/components/schemas/${name}` }], default: {} };
}

/** For this server only: schemas that hold themselves have a name. */
const definitionKeyword = "x-wherry-definition";

/** The schema as clients get it. What is defined by a name of its own stands in `definitions` and is referred to. */
function published(schema: Schema, definitions: JsonObject): JsonObject {
  const name = schema[definitionKeyword];
  if (typeof name !== "string") return publishedBody(schema, definitions);
  if (!Object.hasOwn(definitions, name)) {
    // Before its body, which may refer to it.
    definitions[name] = {};
    definitions[name] = publishedBody(schema, definitions);
  }
  return { $ref: `#/components/schemas/${name}` };
}

function publishedBody(schema: Schema, definitions: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (value === null || value === undefined || keyword === definitionKeyword) continue;
    result[keyword] = value;
  }
  if (schema.properties)
    result["properties"] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, one]) => [name, published(one, definitions)]),
    );
  if (schema.items) result["items"] = published(schema.items, definitions);
  if (isObject(schema.additionalProperties))
    result["additionalProperties"] = published(schema.additionalProperties, definitions);
  if (schema["x-kubernetes-int-or-string"] === true) {
    delete result["anyOf"];
    delete result["type"];
    result["oneOf"] = [{ type: "integer" }, { type: "string" }];
  }
  return result;
}

function pathsOf(kind: Kind, root: string): JsonObject {
  const { resource } = kind;
  const place = resource.namespaced ? `/${root}/namespaces/{namespace}` : `/${root}`;
  const collection = `${place}/${resource.plural}`;
  const verbs = new Set(verbsOf(resource));
  const operation = (action: string, parameters: readonly string[]) => operationOf(kind, action, parameters);
  const writing = ["dryRun", "fieldManager", "fieldValidation"];
  const item: JsonObject = { get: operation("get", []), delete: operation("delete", ["dryRun"]) };
  if (verbs.has("update")) {
    item["put"] = operation("put", writing);
    item["patch"] = operation("patch", [...writing, "force"]);
  }
  return {
    [collection]: {
      get: operation("list", [
        "labelSelector",
        "fieldSelector",
        "limit",
        "continue",
        "resourceVersion",
        "watch",
      ]),
      ...(verbs.has("create") ? { post: operation("post", writing) } : {}),
    },
    [`${collection}/{name}`]: item,
    ...Object.fromEntries(
      subresourcesOf(resource).map(({ name }) => [
        `${collection}/{name}/${name}`,
        {
          get: operation("get", []),
          ...(verbs.has("update")
            ? { put: operation("put", writing), patch: operation("patch", [...writing, "force"]) }
            : {}),
        },
      ]),
    ),
  };
}

function operationOf(kind: Kind, action: string, parameters: readonly string[]): object {
  const { group, version, kind: name } = kind.resource;
  const suffix = action === "list" ? "List" : "";
  return {
    description: `${action} of ${name}, ${apiVersionOf(kind.resource)}`,
    parameters: parameters.map((parameter) => ({
      name: parameter,
      in: "query",
      schema: { type: "string", uniqueItems: true },
    })),
    responses: {
      "200": {
        description: "OK",
        content: {
          "application/json": { schema: { $ref: `#/components/schemas/${schemaName(kind)}${suffix}` } },
        },
      },
    },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind: name },
  };
}
