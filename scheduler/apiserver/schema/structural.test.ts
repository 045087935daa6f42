import { expect, test } from "vitest";
import type { Schema } from "../resource.ts";
import { shapeObject, unknownFieldsOf } from "./structural.ts";

const text: Schema = { type: "string" };

test.each<
  readonly [
    name: string,
    object: object,
    properties: Readonly<Record<string, Schema>>,
    shaped: object,
    unknown: readonly string[],
  ]
>([
  ["unknown fields go", { a: "x", b: 1 }, { a: text }, { a: "x" }, ["b"]],
  [
    "in lists, too",
    { a: [{ b: 1 }] },
    { a: { type: "array", items: { type: "object" } } },
    { a: [{}] },
    ["a[0].b"],
  ],
  [
    "unless they are kept",
    { a: { b: 1 } },
    { a: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    { a: { b: 1 } },
    [],
  ],
  ["null is absent", { a: null }, { a: { ...text, default: "d" } }, { a: "d" }, []],
  ["unless it is a value", { a: null }, { a: { ...text, nullable: true, default: "d" } }, { a: null }, []],
  [
    "defaults fill objects that are there",
    { a: {} },
    { a: { type: "object", properties: { b: { ...text, default: "d" } } } },
    { a: { b: "d" } },
    [],
  ],
  [
    "a default of a prototype's name",
    {},
    { constructor: { ...text, default: "d" } },
    { constructor: "d" },
    [],
  ],
  ["a schema of a prototype's name is none", { toString: 1 }, { a: text }, {}, ["toString"]],
  [
    "an embedded resource keeps what every object has",
    { a: { apiVersion: "v1", kind: "K", metadata: { labels: { b: "c" } }, spec: 1 } },
    {
      a: {
        type: "object",
        "x-kubernetes-embedded-resource": true,
        properties: { metadata: { type: "object" } },
      },
    },
    { a: { apiVersion: "v1", kind: "K", metadata: { labels: { b: "c" } } } },
    ["a.spec"],
  ],
])("shapeObject: %s", (_name, object, properties, expected, unknown) => {
  const shaped = shapeObject({ ...object }, { type: "object", properties });
  expect(shaped).toEqual({ object: expected, unknownFields: unknown });
});

test("shapeObject: what defaults may add is bounded", () => {
  const properties = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, at) => [`p${at}`, { ...text, default: "d" }]),
  );
  const schema: Schema = {
    type: "object",
    properties: { a: { type: "array", items: { type: "object", properties } } },
  };
  const object = { a: Array.from({ length: 10_000 }, () => ({})) };
  expect(() => shapeObject(object, schema)).toThrow(
    expect.objectContaining({ code: "RequestEntityTooLarge" }),
  );
});

test("unknownFieldsOf: of any value", () => {
  const schema: Schema = { type: "array", items: { type: "object", properties: { a: text } } };
  expect(unknownFieldsOf([{ a: "x", b: 1 }], schema)).toEqual(["[0].b"]);
});

test("shapeObject: a million unknown fields are a hundred, and none is long", () => {
  const names = Array.from({ length: 1000 }, (_, at) => [`${"k".repeat(2000)}${at}`, 1]);
  const { unknownFields } = shapeObject(Object.fromEntries(names), { type: "object" });
  expect(unknownFields).toHaveLength(100);
  expect(unknownFields[0]).toHaveLength(1000);
});
