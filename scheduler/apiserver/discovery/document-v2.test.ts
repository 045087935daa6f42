import { expect, test } from "vitest";
import { type CrdLike, definitionsOf } from "../crd/definitions-of.ts";
import { Registry } from "../registry.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { crd, version } from "../testing/crds.ts";
import { partV2 } from "./document-v2.ts";

/** How a field of a custom kind is published. */
function published(schema: JsonObject): unknown {
  const openAPIV3Schema = { type: "object", properties: { spec: schema } };
  const given = crd({ versions: [version({ schema: { openAPIV3Schema } })] });
  // A CRD as a client sends it has all that definitions are made of.
  const registry = new Registry(definitionsOf(given as unknown as CrdLike));
  const boat = partV2(registry.kinds).definitions["com.example.v1.Boat"];
  return isObject(boat) && isObject(boat["properties"]) ? boat["properties"]["spec"] : boat;
}

const text = { type: "string" };

test.each([
  { name: "plain values stay", given: { type: "string", pattern: "^a", default: "a" }, is: undefined },
  {
    name: "alternatives go",
    given: {
      type: "object",
      properties: { a: text },
      oneOf: [{ required: ["a"] }],
      not: { required: ["b"] },
    },
    is: { type: "object", properties: { a: text } },
  },
  {
    name: "what may be null may be anything",
    given: { type: "object", nullable: true, properties: { a: text } },
    is: {},
  },
  {
    name: "what may be null need not be there",
    given: {
      type: "object",
      required: ["a", "b"],
      properties: { a: { type: "string", nullable: true }, b: text },
    },
    is: { type: "object", required: ["b"], properties: { a: {}, b: text } },
  },
  {
    name: "unknown fields would be refused beside known ones",
    given: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: text } },
    is: { "x-kubernetes-preserve-unknown-fields": true },
  },
  {
    name: "a list of anything",
    given: { type: "array", items: { "x-kubernetes-preserve-unknown-fields": true }, nullable: true },
    is: {},
  },
  {
    name: "an integer or a text",
    given: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
    is: { "x-kubernetes-int-or-string": true },
  },
  {
    name: "maps and lists, all the way down",
    given: {
      type: "object",
      additionalProperties: { type: "array", items: { type: "integer", nullable: true } },
    },
    is: { type: "object", additionalProperties: { type: "array", items: {} } },
  },
  {
    name: "a whole object",
    given: { type: "object", "x-kubernetes-embedded-resource": true, properties: { a: text } },
    is: {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      required: ["kind", "apiVersion"],
      properties: {
        a: text,
        apiVersion: expect.objectContaining(text),
        kind: expect.objectContaining(text),
        metadata: expect.objectContaining({
          $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        }),
      },
    },
  },
  {
    name: "a field with an odd name",
    given: JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{}}}'),
    is: undefined,
  },
])("partV2: $name", ({ given, is }) => {
  expect(published(given as JsonObject)).toEqual(is ?? given);
});
