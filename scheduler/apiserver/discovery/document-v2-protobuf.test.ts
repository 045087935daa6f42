import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { builtInResources, Registry } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { partV2 } from "./document-v2.ts";
import { encodeFrame, encodeNamedPath, encodeNamedSchema } from "./document-v2-protobuf.ts";

function encodeWhole({ paths, definitions, ...frame }: JsonObject): Uint8Array {
  return encodeFrame(
    frame,
    Object.entries(paths as object).map(([path, value]) => encodeNamedPath(path, value)),
    Object.entries(definitions as object).map(([name, value]) => encodeNamedSchema(name, value)),
  );
}

/** One field of one message, by its path of numbers; the last is the value. */
function* valuesAt(bytes: Uint8Array, [first, ...rest]: readonly number[]): Generator<Uint8Array | number> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const wireType = tag & 7;
    if (tag >>> 3 !== first) {
      reader.skipType(wireType);
      continue;
    }
    const value = wireType === 2 ? reader.bytes() : wireType === 1 ? reader.double() : Number(reader.int64());
    if (rest.length === 0) yield value;
    else if (typeof value !== "number") yield* valuesAt(value, rest);
  }
}

function textsAt(bytes: Uint8Array, path: readonly number[]): readonly string[] {
  return [...valuesAt(bytes, path)].map((one) =>
    typeof one === "number" ? String(one) : Buffer.from(one).toString("utf8"),
  );
}

const encoded = encodeWhole({
  swagger: "2.0",
  info: { title: "T", version: "v1" },
  paths: {
    "/a/{name}": {
      parameters: [{ name: "name", in: "path", required: true, type: "string", uniqueItems: true }],
      get: {
        operationId: "readA",
        tags: ["a"],
        consumes: ["*/*"],
        produces: ["application/json"],
        schemes: ["https"],
        parameters: [
          { name: "body", in: "body", required: true, schema: { $ref: "#/definitions/A" } },
          { name: "limit", in: "query", type: "integer", uniqueItems: true },
        ],
        responses: { "200": { description: "OK", schema: { $ref: "#/definitions/A" } } },
        "x-kubernetes-action": "get",
      },
    },
  },
  definitions: {
    A: {
      type: "object",
      required: ["a"],
      properties: {
        a: { type: "string", enum: ["x"], default: "x", maxLength: 7, minimum: 0.5, exclusiveMinimum: true },
        b: { type: "array", items: { type: "integer" } },
        c: { type: "object", additionalProperties: { type: "boolean" } },
        d: { type: "object", additionalProperties: true },
      },
      "x-kubernetes-group-version-kind": [{ kind: "A" }],
    },
  },
});

const path = [8, 2, 2];
const get = [...path, 2];
const definition = [9, 1, 2];
const properties = [...definition, 25, 1];

test.each([
  { name: "swagger", at: [1], is: ["2.0"] },
  { name: "info.title", at: [2, 1], is: ["T"] },
  { name: "info.version", at: [2, 2], is: ["v1"] },
  { name: "path", at: [8, 2, 1], is: ["/a/{name}"] },
  { name: "path parameter", at: [...path, 9, 1, 2, 4, 4], is: ["name"] },
  { name: "path parameter is required", at: [...path, 9, 1, 2, 4, 1], is: ["1"] },
  { name: "path parameter's uniqueItems", at: [...path, 9, 1, 2, 4, 19], is: ["1"] },
  { name: "operation's tags", at: [...get, 1], is: ["a"] },
  { name: "operationId", at: [...get, 5], is: ["readA"] },
  { name: "produces", at: [...get, 6], is: ["application/json"] },
  { name: "consumes", at: [...get, 7], is: ["*/*"] },
  { name: "schemes", at: [...get, 10], is: ["https"] },
  { name: "body parameter's schema", at: [...get, 8, 1, 1, 5, 1], is: ["#/definitions/A"] },
  { name: "query parameter", at: [...get, 8, 1, 2, 3, 4], is: ["limit"] },
  { name: "query parameter's type", at: [...get, 8, 1, 2, 3, 6], is: ["integer"] },
  { name: "query parameter's uniqueItems", at: [...get, 8, 1, 2, 3, 20], is: ["1"] },
  { name: "code", at: [...get, 9, 1, 1], is: ["200"] },
  { name: "response's schema", at: [...get, 9, 1, 2, 1, 2, 1, 1], is: ["#/definitions/A"] },
  { name: "operation's extension", at: [...get, 13, 1], is: ["x-kubernetes-action"] },
  { name: "operation's extension's value", at: [...get, 13, 2, 2], is: ['"get"\n'] },
  { name: "definition", at: [9, 1, 1], is: ["A"] },
  { name: "type", at: [...definition, 22, 1], is: ["object"] },
  { name: "required", at: [...definition, 19], is: ["a"] },
  { name: "properties", at: [...properties, 1], is: ["a", "b", "c", "d"] },
  { name: "enum", at: [...properties, 2, 20, 2], is: ['"x"\n'] },
  { name: "default", at: [...properties, 2, 5, 2], is: ['"x"\n'] },
  { name: "maxLength", at: [...properties, 2, 11], is: ["7"] },
  { name: "minimum", at: [...properties, 2, 9], is: ["0.5"] },
  { name: "exclusiveMinimum", at: [...properties, 2, 10], is: ["1"] },
  { name: "items", at: [...properties, 2, 23, 1, 22, 1], is: ["integer"] },
  { name: "additionalProperties", at: [...properties, 2, 21, 1, 22, 1], is: ["boolean"] },
  { name: "additionalProperties: true", at: [...properties, 2, 21, 2], is: ["1"] },
  { name: "extension", at: [...definition, 31, 2, 2], is: ['[{"kind":"A"}]\n'] },
])("encodeFrame: $name", ({ at, is }) => {
  expect(textsAt(encoded, at)).toEqual(is);
});

test("encodeFrame: every definition and every path of the built-in kinds", () => {
  const document = partV2(new Registry(builtInResources()).kinds);
  const bytes = encodeWhole({ ...document });
  expect(textsAt(bytes, [9, 1, 1])).toEqual(Object.keys(document.definitions));
  expect(textsAt(bytes, [8, 2, 1])).toEqual(Object.keys(document.paths));
});
