import { expect, test } from "vitest";
import type { JsonObject, Schema } from "../resource.ts";
import { undecodable } from "./decode.ts";

const text: Schema = { type: "string" };
const schema: Schema = {
  type: "object",
  properties: {
    metadata: {
      type: "object",
      properties: { labels: { type: "object", additionalProperties: text }, name: text },
    },
    spec: {
      type: "object",
      properties: {
        seconds: { type: "integer", format: "int32" },
        flag: { type: "boolean" },
        list: { type: "array", items: text },
        time: { type: "string", format: "date-time" },
        bytes: { type: "string", format: "byte" },
        quantity: { "x-kubernetes-int-or-string": true },
        anything: {},
      },
    },
  },
};

interface Row {
  readonly name: string;
  readonly object: JsonObject;
  readonly is: string | undefined;
}

test.each<Row>([
  {
    name: "an object of the kind",
    object: { metadata: { name: "a" }, spec: { seconds: 1, list: ["a"] } },
    is: undefined,
  },
  {
    name: "fields that are null",
    object: { metadata: null, spec: { seconds: null, list: [null] } },
    is: undefined,
  },
  { name: "unknown fields", object: { other: 1 }, is: undefined },
  { name: "what may be anything", object: { spec: { quantity: 1, anything: [{}] } }, is: undefined },
  { name: "names of prototypes", object: { spec: { constructor: 1, toString: 2 } }, is: undefined },
  {
    name: "a text for a number",
    object: { spec: { seconds: "1" } },
    is: "json: cannot unmarshal string into Go struct field LeaseSpec.spec.seconds of type int32",
  },
  {
    name: "a fraction",
    object: { spec: { seconds: 1.5 } },
    is: "json: cannot unmarshal number 1.5 into Go struct field LeaseSpec.spec.seconds of type int32",
  },
  {
    name: "a number for a boolean",
    object: { spec: { flag: 1 } },
    is: "json: cannot unmarshal number into Go struct field LeaseSpec.spec.flag of type bool",
  },
  {
    name: "a boolean in a list of texts",
    object: { spec: { list: ["a", true] } },
    is: "json: cannot unmarshal bool into Go struct field LeaseSpec.spec.list of type string",
  },
  {
    name: "an object for a list",
    object: { spec: { list: {} } },
    is: "json: cannot unmarshal object into Go struct field LeaseSpec.spec.list of type []string",
  },
  {
    name: "a number for a label",
    object: { metadata: { labels: { a: 1 } } },
    is: "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
  },
  {
    name: "what is no base64",
    object: { spec: { bytes: "YQ=!" } },
    is: "illegal base64 data at input byte 2",
  },
  {
    name: "what is no time",
    object: { spec: { time: "today" } },
    is: 'parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"',
  },
  {
    name: "base64 that ends too early",
    object: { spec: { bytes: "YQ" } },
    is: "illegal base64 data at input byte 2",
  },
])("undecodable: $name", ({ object, is }) => {
  expect(undecodable(object, schema, "Lease")).toBe(is);
});
