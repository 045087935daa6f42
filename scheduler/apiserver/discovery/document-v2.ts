import type { Kind } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { extensionsOf, pathsOf } from "./document-v3.ts";
import { SchemaSet } from "./open-api.ts";
import type { Operation } from "./operations.ts";
import { parameterV2 } from "./parameters.ts";

/** The Swagger 2.0 document of all kinds: what kubectl before 1.27, Terraform and generators of clients read. */
export function documentV2(kinds: readonly Kind[], serverVersion: string): JsonObject {
  const schemas = new SchemaSet("v2");
  for (const kind of kinds) schemas.addKind(kind);
  const paths = pathsOf(kinds).map(({ path, parameters, operations }) => [
    path,
    {
      ...Object.fromEntries(operations.map((one) => [one.method, operationV2(one, schemas)])),
      ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterV2) }),
    },
  ]);
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: serverVersion },
    paths: Object.fromEntries(paths) as object,
    definitions: schemas.schemas,
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
