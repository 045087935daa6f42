import type { Kind } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { extensionsOf, pathsOf } from "./document-v3.ts";
import type { Operation } from "./operations.ts";
import { parameterV2 } from "./parameters.ts";
import { SchemaSet } from "./schema-set.ts";

/** What some kinds add to the Swagger 2.0 document: what kubectl before 1.27, Terraform and generators of clients read. */
export interface PartV2 {
  readonly paths: JsonObject;
  /** By name. Types that all kinds share are in every part, and the same in all of them. */
  readonly definitions: JsonObject;
}

export function partV2(kinds: readonly Kind[]): PartV2 {
  const schemas = new SchemaSet("v2");
  for (const kind of kinds) schemas.addKind(kind);
  const paths = pathsOf(kinds).map(({ path, parameters, operations }) => [
    path,
    {
      ...Object.fromEntries(operations.map((one) => [one.method, operationV2(one, schemas)])),
      ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterV2) }),
    },
  ]);
  return { paths: Object.fromEntries(paths) as JsonObject, definitions: schemas.schemas };
}

/** The document without `paths` and `definitions`. */
export function frameV2(serverVersion: string): JsonObject {
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: serverVersion },
    securityDefinitions: {
      BearerToken: {
        description: "Bearer Token authentication",
        type: "apiKey",
        name: "authorization",
        in: "header",
      },
    },
    security: [{ BearerToken: [] }],
  };
}

function operationV2(operation: Operation, schemas: SchemaSet): JsonObject {
  const { id, tag, description, parameters, body, answer, codes } = operation;
  const schemaOf = (type: string | undefined) =>
    type === undefined ? { type: "string" } : schemas.reference(type);
  const inBody = body
    ? [
        {
          name: "body",
          in: "body",
          ...(body.required ? { required: true } : {}),
          schema: schemaOf(body.type),
        },
      ]
    : [];
  const all = [...inBody, ...parameters.map(parameterV2)];
  const responses = codes.map(([code, text]) => [
    String(code),
    { description: text, schema: schemaOf(answer.type) },
  ]);
  return {
    description,
    consumes: body?.media ?? ["*/*"],
    produces: answer.media,
    schemes: ["https"],
    tags: [tag],
    operationId: id,
    ...(all.length === 0 ? {} : { parameters: all }),
    responses: { ...(Object.fromEntries(responses) as object), "401": { description: "Unauthorized" } },
    ...extensionsOf(operation),
  };
}
