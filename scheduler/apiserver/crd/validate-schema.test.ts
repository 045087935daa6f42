import { describe, expect, test } from "vitest";
import { customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { accept, base, crd, specBase, version, withProperties, withSchema } from "../testing/crds.ts";

describe("validateSchema", () => {
  const text: Schema = { type: "string" };
  test.each<readonly [name: string, given: JsonObject, errors: readonly string[]]>([
    ["no type at the root", withSchema({}), [`${base}.type: Required value: must not be empty at the root`]],
    [
      "a list at the root",
      withSchema({ type: "array", items: text }),
      [`${base}.type: Invalid value: "array": must be object at the root`],
    ],
    [
      "a map at the root",
      withSchema({ type: "object", additionalProperties: text }),
      [`${base}.additionalProperties: Forbidden: must not be used at the root`],
    ],
    [
      "null at the root",
      withSchema({ type: "object", nullable: true }),
      [`${base}.nullable: Forbidden: nullable cannot be true at the root`],
    ],
    [
      "no type of a field",
      withProperties({ a: {} }),
      [`${specBase}[a].type: Required value: must not be empty for specified object fields`],
    ],
    [
      "no type of an item",
      withProperties({ a: { type: "array", items: {} } }),
      [`${specBase}[a].items.type: Required value: must not be empty for specified array items`],
    ],
    [
      "no items",
      withProperties({ a: { type: "array" } }),
      [`${specBase}[a].items: Required value: must be specified`],
    ],
    [
      "an unknown type",
      withProperties({ a: { type: "text" as "string" } }),
      [
        `${specBase}[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
      ],
    ],
    [
      "a reference",
      withProperties({ a: { type: "object", $ref: "#/x" } }),
      [`${specBase}[a].$ref: Forbidden: $ref is not supported`],
    ],
    [
      "items as a list",
      withProperties({ a: { type: "array", items: [text] as unknown as Schema } }),
      [`${specBase}[a].items: Forbidden: items must be a schema object and not an array`],
    ],
    [
      "uniqueItems",
      withProperties({ a: { type: "array", items: text, uniqueItems: true } }),
      [
        `${specBase}[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    ],
    [
      "a struct and a map",
      withProperties({ a: { type: "object", properties: { b: text }, additionalProperties: text } }),
      [
        `${specBase}[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
      ],
    ],
    [
      "preserving nothing",
      withProperties({ a: { type: "object", "x-kubernetes-preserve-unknown-fields": false } }),
      [
        `${specBase}[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
      ],
    ],
    [
      "metadata narrowed by its name",
      withSchema({
        type: "object",
        properties: { metadata: { type: "object", properties: { name: { type: "string", pattern: "^a" } } } },
      }),
      [],
    ],
    [
      "metadata's labels",
      withSchema({
        type: "object",
        properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } },
      }),
      [
        `${base}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
    [
      "metadata as text",
      withSchema({ type: "object", properties: { metadata: text } }),
      [`${base}.properties[metadata].type: Invalid value: "string": must be object`],
    ],
    [
      "a kind that is no text",
      withSchema({ type: "object", properties: { kind: { type: "integer" } } }),
      [`${base}.properties[kind].type: Invalid value: "integer": must be string`],
    ],
    [
      "a default of a top-level field of Kubernetes'",
      withSchema({ type: "object", properties: { kind: { type: "string", default: "A" } } }),
      [`${base}.properties[kind].default: Forbidden: must not be set in top-level kind`],
    ],
    [
      "a bad pattern",
      withProperties({ a: { type: "string", pattern: "a(" } }),
      [
        `${specBase}[a].pattern: Invalid value: "a(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`a(\``,
      ],
    ],
    [
      "int-or-string",
      withProperties({
        a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
      }),
      [],
    ],
    [
      "int-or-string in allOf",
      withProperties({
        a: {
          "x-kubernetes-int-or-string": true,
          allOf: [{ anyOf: [{ type: "integer" }, { type: "string" }] }, { pattern: "^a" }],
        },
      }),
      [],
    ],
    [
      "a type in anyOf",
      withProperties({ a: { type: "string", anyOf: [{ type: "string" }] } }),
      [`${specBase}[a].anyOf[0].type: Forbidden: must be empty to be structural`],
    ],
    [
      "a description in not",
      withProperties({ a: { type: "string", not: { description: "x" } } }),
      [`${specBase}[a].not.description: Forbidden: must be empty to be structural`],
    ],
    [
      "a default in allOf",
      withProperties({ a: { type: "string", allOf: [{ default: "x" }] } }),
      [`${specBase}[a].allOf[0].default: Forbidden: must be undefined to be structural`],
    ],
    [
      "a field that only oneOf knows",
      withSchema({ type: "object", oneOf: [{ properties: { b: { minimum: 1 } } }] }),
      [`${base}.properties[b]: Required value: because it is defined in ${base}.oneOf[0].properties[b]`],
    ],
    [
      "a field of a prototype that only oneOf knows",
      withSchema({
        type: "object",
        properties: {},
        oneOf: [{ properties: { constructor: { minimum: 1 } } }],
      }),
      [
        `${base}.properties[constructor]: Required value: because it is defined in ${base}.oneOf[0].properties[constructor]`,
      ],
    ],
    [
      "a default of another type",
      withProperties({ a: { type: "integer", default: "x" } }),
      [`${specBase}[a].default: Invalid value: "string":  in body must be of type integer: "string"`],
    ],
    [
      "a default with an unknown field",
      withProperties({ a: { type: "object", properties: { b: text }, default: { b: "x", c: 1 } } }),
      [`${specBase}[a].default: Invalid value: {"b":"x","c":1}: must not have unknown fields`],
    ],
    [
      "a default with a wrong field",
      withProperties({ a: { type: "object", properties: { b: text }, default: { b: 1 } } }),
      [`${specBase}[a].default.b: Invalid value: "integer": b in body must be of type string: "integer"`],
    ],
    [
      "a set of structs",
      withProperties({
        a: {
          type: "array",
          "x-kubernetes-list-type": "set",
          items: { type: "object", properties: { b: text } },
        },
      }),
      [
        `${specBase}[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
      ],
    ],
    [
      "a list type of an object",
      withProperties({ a: { type: "object", "x-kubernetes-list-type": "set" } }),
      [`${specBase}[a].type: Invalid value: "object": must be array if x-kubernetes-list-type is specified`],
    ],
    [
      "an unknown list type",
      withProperties({ a: { type: "array", items: text, "x-kubernetes-list-type": "bag" as "set" } }),
      [
        `${specBase}[a].x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"`,
      ],
    ],
    [
      "a list map without keys",
      withProperties({
        a: {
          type: "array",
          items: { type: "object", properties: { k: text } },
          "x-kubernetes-list-type": "map",
        },
      }),
      [
        `${specBase}[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
      ],
    ],
    [
      "a list map of texts",
      withProperties({
        a: {
          type: "array",
          items: text,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
        },
      }),
      [
        `${specBase}[a].items.type: Invalid value: "string": must be object if parent array's x-kubernetes-list-type is map`,
      ],
    ],
    [
      "a list map whose key may be missing",
      withProperties({
        a: {
          type: "array",
          items: { type: "object", properties: { k: text } },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
        },
      }),
      [
        `${specBase}[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    ],
    [
      "a list map",
      withProperties({
        a: {
          type: "array",
          items: { type: "object", required: ["k"], properties: { k: text } },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
        },
      }),
      [],
    ],
    [
      "a map type of a list",
      withProperties({ a: { type: "array", items: text, "x-kubernetes-map-type": "atomic" } }),
      [`${specBase}[a].type: Invalid value: "array": must be object if x-kubernetes-map-type is specified`],
    ],
    [
      "an embedded resource without fields",
      withProperties({ a: { type: "object", "x-kubernetes-embedded-resource": true } }),
      [
        `${specBase}[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
      ],
    ],
    [
      "a rule without text",
      withProperties({ a: { type: "string", "x-kubernetes-validations": [{ rule: " " }] } }),
      [`${specBase}[a].x-kubernetes-validations[0].rule: Required value: rule is not specified`],
    ],
    [
      "a rule with an unknown reason",
      withProperties({ a: { type: "string", "x-kubernetes-validations": [{ rule: "true", reason: "X" }] } }),
      [
        `${specBase}[a].x-kubernetes-validations[0].reason: Unsupported value: "X": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
      ],
    ],
    [
      "a rule's path that leads nowhere",
      withProperties({
        a: {
          type: "object",
          properties: { b: text },
          "x-kubernetes-validations": [{ rule: "true", fieldPath: ".c" }],
        },
      }),
      [`${specBase}[a].x-kubernetes-validations[0].fieldPath: Invalid value: ".c": must be a valid path`],
    ],
  ])("%s", (_name, given, errors) => {
    expect(accept(given).errors).toEqual(errors);
  });

  test("rules are compiled once everything else is right", () => {
    const seen: string[] = [];
    const strict = customResourceDefinitionKind((_schema, path) => {
      seen.push(path);
      return [{ reason: "FieldValueInvalid", field: path, message: "no" }];
    });
    const good = accept(crd()).object;
    expect(strict.validate(good, undefined)).toHaveLength(1);
    expect(seen).toEqual([base]);
  });

  test("a schema of a million parts is refused", () => {
    const properties = Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`p${at}`, text]));
    expect(accept(withProperties(properties)).errors).toEqual([
      `${base}: Invalid value: "": must not have more than 50000 schemas in it`,
    ]);
  });

  test("with a status subresource the root has no more than fits both parts", () => {
    const given = crd({
      versions: [
        version({
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: "object", oneOf: [{ required: ["spec"] }] } },
        }),
      ],
    });
    expect(accept(given).errors[0]).toContain(
      "fields are allowed at the root of the schema if the status subresource is enabled",
    );
  });
});
