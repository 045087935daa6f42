import { expect, test } from "vitest";
import { customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import { resourceQuotaDefinition } from "../kinds/resource-quota.ts";
import { Registry } from "../registry.ts";
import { OpenApiDocuments } from "./open-api.ts";

interface Document {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>;
  };
}

function documentOf(path: string, registry: Registry): Document {
  return JSON.parse(new OpenApiDocuments(registry).get(path) ?? "{}") as Document;
}

test("OpenApiDocuments: a schema that holds itself stands once and is referred to", () => {
  const registry = new Registry([customResourceDefinitionKind(() => [])]);
  const { schemas } = documentOf("apis/apiextensions.k8s.io/v1", registry).components;
  const name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
  expect(schemas[name]?.properties?.["not"]).toEqual({ $ref: `#/components/schemas/${name}` });
  expect(schemas[name]?.properties?.["properties"]).toEqual({
    type: "object",
    additionalProperties: { $ref: `#/components/schemas/${name}` },
  });
  expect(JSON.stringify(schemas)).not.toContain("x-wherry-definition");
});

test("OpenApiDocuments: quantities have their name", () => {
  const { schemas } = documentOf("api/v1", new Registry([resourceQuotaDefinition])).components;
  expect(schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]).toMatchObject({
    oneOf: [{ type: "integer" }, { type: "string" }],
  });
});
