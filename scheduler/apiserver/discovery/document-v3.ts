import type { Kind } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { compareTexts } from "./group-order.ts";
import { metaTypes } from "./meta-schemas.ts";
import { SchemaSet } from "./schema-set.ts";
import { type Operation, operationsOf, type PathOperations, versionOperations } from "./operations.ts";
import { parameterV3 } from "./parameters.ts";

/** The OpenAPI 3.0 document of one group version. `kinds` has at least one. */
export function documentV3(kinds: readonly Kind[], serverVersion: string): object {
  const schemas = new SchemaSet("v3");
  for (const kind of kinds) schemas.addKind(kind);
  schemas.reference(metaTypes.watchEvent);
  const paths = pathsOf(kinds).map(({ path, parameters, operations }) => [
    path,
    {
      ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterV3) }),
      ...Object.fromEntries(operations.map((one) => [one.method, operationV3(one, schemas)])),
    },
  ]);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: serverVersion },
    paths: Object.fromEntries(paths) as object,
    components: {
      schemas: schemas.schemas,
      securitySchemes: {
        BearerToken: {
          type: "apiKey",
          description: "Bearer Token authentication",
          name: "authorization",
          in: "header",
        },
      },
    },
  };
}

/** In the order of the paths. */
export function pathsOf(kinds: readonly Kind[]): readonly PathOperations[] {
  const versions = Map.groupBy(kinds, ({ resource }) => `${resource.group}/${resource.version}`);
  return [
    ...[...versions.values()].flatMap(([first]) => (first ? [versionOperations(first.resource)] : [])),
    ...kinds.flatMap(({ resource }) => operationsOf(resource)),
  ].sort((a, b) => compareTexts(a.path, b.path));
}

function operationV3(operation: Operation, schemas: SchemaSet): JsonObject {
  const { id, tag, description, parameters, body, answer, codes } = operation;
  const contentOf = (type: string | undefined, media: readonly string[]): JsonObject => {
    const schema = type === undefined ? { type: "string" } : schemas.reference(type);
    return Object.fromEntries(media.map((one) => [one, { schema }]));
  };
  const responses = codes.map(([code, text]) => [
    String(code),
    { description: text, content: contentOf(answer.type, answer.media) },
  ]);
  return {
    tags: [tag],
    description,
    operationId: id,
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterV3) }),
    ...(body
      ? {
          requestBody: {
            content: contentOf(body.type, body.media),
            ...(body.required ? { required: true } : {}),
          },
        }
      : {}),
    responses: { ...(Object.fromEntries(responses) as object), "401": { description: "Unauthorized" } },
    ...extensionsOf(operation),
  };
}

/** How clients find the operations of a kind. */
export function extensionsOf({ action, kind }: Operation): JsonObject {
  if (action === undefined) return {};
  return { "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind };
}
