import { describe, expect, test } from "vitest";
import type { Schema } from "../resource.ts";
import { isKnownFormat, isOfFormat } from "./formats.ts";
import { matchPattern, patternProblem } from "./pattern.ts";
import { compileSchema } from "./validator.ts";

/** Checks an object whose only field is x, and prints the errors as a Status does. */
function errorsOf(x: unknown, schema: Schema, advises = false): readonly string[] {
  const validate = compileSchema(
    { type: "object", properties: { x: schema } },
    { advises, checksListTypes: true },
  );
  return validate({ x }).map(({ field, message }) => `${field}: ${message}`);
}

describe("compileSchema: the words of kube-apiserver", () => {
  const text: Schema = { type: "string" };
  const integer: Schema = { type: "integer" };
  const object: Schema = { type: "object" };
  test.each<readonly [name: string, value: unknown, schema: Schema, errors: readonly string[]]>([
    ["a text", "a", text, []],
    [
      "text for a number",
      "a",
      integer,
      ['x: Invalid value: "string": x in body must be of type integer: "string"'],
    ],
    [
      "a fraction for an integer",
      1.5,
      integer,
      ['x: Invalid value: "number": x in body must be of type integer: "number"'],
    ],
    [
      "a fraction with a format",
      1.5,
      { type: "integer", format: "int32" },
      ['x: Invalid value: "double": x in body must be of type int32: "double"'],
    ],
    ["an integer for a number", 1, { type: "number" }, []],
    [
      "a whole number beyond int32",
      2 ** 31,
      { type: "integer", format: "int32" },
      ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in x'],
    ],
    [
      "a list for an object",
      [],
      object,
      ['x: Invalid value: "array": x in body must be of type object: "array"'],
    ],
    ["null", null, text, ['x: Invalid value: "null": x in body must be of type string: "null"']],
    ["null where it may be", null, { type: "string", nullable: true, minLength: 1 }, []],
    ["int-or-string: a text", "5%", { "x-kubernetes-int-or-string": true }, []],
    [
      "int-or-string: a boolean",
      true,
      { "x-kubernetes-int-or-string": true },
      ['x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"'],
    ],
    [
      "too short",
      "",
      { type: "string", minLength: 1 },
      ['x: Invalid value: "": x in body should be at least 1 chars long'],
    ],
    ["too long", "ab", { type: "string", maxLength: 1 }, ["x: Too long: may not be more than 1 byte"]],
    ["length in characters", "🚣🚣", { type: "string", maxLength: 2 }, []],
    [
      "a pattern",
      "b",
      { type: "string", pattern: "^a$" },
      ["x: Invalid value: \"b\": x in body should match '^a$'"],
    ],
    [
      "a minimum",
      0,
      { type: "integer", minimum: 1 },
      ["x: Invalid value: 0: x in body should be greater than or equal to 1"],
    ],
    [
      "an exclusive minimum",
      1,
      { type: "integer", minimum: 1, exclusiveMinimum: true },
      ["x: Invalid value: 1: x in body should be greater than 1"],
    ],
    [
      "a maximum",
      3,
      { type: "integer", maximum: 2 },
      ["x: Invalid value: 3: x in body should be less than or equal to 2"],
    ],
    [
      "an exclusive maximum",
      2,
      { type: "integer", maximum: 2, exclusiveMaximum: true },
      ["x: Invalid value: 2: x in body should be less than 2"],
    ],
    [
      "a multiple",
      7,
      { type: "integer", multipleOf: 5 },
      ["x: Invalid value: 7: x in body should be a multiple of 5"],
    ],
    ["a multiple of a fraction", 0.3, { type: "number", multipleOf: 0.1 }, []],
    [
      "an enum",
      "d",
      { type: "string", enum: ["b", "a"] },
      ['x: Unsupported value: "d": supported values: "b", "a"'],
    ],
    [
      "an enum of numbers",
      3,
      { type: "integer", enum: [1, 2] },
      ['x: Unsupported value: 3: supported values: "1", "2"'],
    ],
    ["an enum of objects", { b: 1, a: 2 }, { type: "object", enum: [{ a: 2, b: 1 }] }, []],
    [
      "too few items",
      [],
      { type: "array", minItems: 1 },
      ["x: Invalid value: 0: x in body should have at least 1 items"],
    ],
    [
      "too many items",
      [1, 2, 3],
      { type: "array", maxItems: 2 },
      ["x: Too many: 3: must have at most 2 items"],
    ],
    [
      "an item",
      ["a", 1],
      { type: "array", items: text },
      ['x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer"'],
    ],
    [
      "too few fields",
      { a: 1 },
      { type: "object", minProperties: 2 },
      ["x: Invalid value: 1: x in body should have at least 2 properties"],
    ],
    [
      "too many fields",
      { a: 1, b: 2 },
      { type: "object", maxProperties: 1 },
      ["x: Too many: 2: must have at most 1 item"],
    ],
    ["a missing field", {}, { type: "object", required: ["y"] }, ["x.y: Required value"]],
    [
      "a required name of every prototype",
      {},
      { type: "object", required: ["constructor"] },
      ["x.constructor: Required value"],
    ],
    [
      "a map's value",
      { a: 1 },
      { type: "object", additionalProperties: text },
      ['x.a: Invalid value: "integer": x.a in body must be of type string: "integer"'],
    ],
    [
      "a format",
      "2020-02-30",
      { type: "string", format: "date" },
      ['x: Invalid value: "2020-02-30": x in body must be of type date: "2020-02-30"'],
    ],
    ["a format that nobody knows", "zzz", { type: "string", format: "phone" }, []],
    [
      "anyOf",
      5,
      { type: "integer", anyOf: [{ maximum: 1 }, { minimum: 10 }] },
      [
        '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)',
        "x: Invalid value: 5: x in body should be less than or equal to 1",
      ],
    ],
    ["anyOf, one fits", 12, { type: "integer", anyOf: [{ maximum: 1 }, { minimum: 10 }] }, []],
    [
      "oneOf, none",
      {},
      { type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      [
        '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid',
        "x.a: Required value",
      ],
    ],
    [
      "oneOf, both",
      { a: 1, b: 1 },
      { type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      [
        '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
    [
      "allOf",
      5,
      { type: "integer", allOf: [{ minimum: 1 }, { maximum: 4 }] },
      [
        "x: Invalid value: 5: x in body should be less than or equal to 4",
        '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
      ],
    ],
    [
      "not",
      "a",
      { type: "string", not: { enum: ["a"] } },
      ['<nil>: Invalid value: "": "x" must not validate the schema (not)'],
    ],
    [
      "an item twice in a set",
      ["a", "a"],
      { type: "array", items: text, "x-kubernetes-list-type": "set" },
      ['x[1]: Duplicate value: "a"'],
    ],
    [
      "an embedded resource",
      { kind: "a b" },
      {
        type: "object",
        "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true,
      },
      [
        "x.apiVersion: Required value",
        "x.kind: Invalid value: \"a b\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
  ])("%s", (_name, value, schema, errors) => {
    expect(errorsOf(value, schema)).toEqual(errors);
  });

  test("a million wrong items are fifty messages", () => {
    const items = Array.from({ length: 1_000_000 }, () => 1);
    expect(errorsOf(items, { type: "array", items: text })).toHaveLength(50);
  });

  test("names of a megabyte are shortened in messages", () => {
    const map: Schema = { type: "object", additionalProperties: text };
    const [message = ""] = errorsOf({ ["k".repeat(1_000_000)]: 1 }, map);
    expect(message.length).toBeLessThan(2000);
  });

  test("a pattern below not that would take too long is an error", () => {
    const schema: Schema = { type: "string", not: { pattern: "^(.{0,900}a)+$" } };
    expect(errorsOf("b".repeat(1_000_000), schema)).toEqual([
      '<nil>: Invalid value: "": its schema would take too long to check',
    ]);
  });

  test("patterns of our own kinds are explained", () => {
    const schema: Schema = { type: "string", pattern: "^sha256:[a-f0-9]{64}$" };
    expect(errorsOf("x", schema, true)).toEqual([
      'x: Invalid value: "x": must be sha256: followed by 64 lower-case hexadecimal digits',
    ]);
  });

  test("a pattern that takes exponential time elsewhere takes none here", () => {
    const schema: Schema = { type: "string", pattern: "^(a+)+$" };
    expect(errorsOf(`${"a".repeat(50_000)}b`, schema)).toHaveLength(1);
  });
});

test.each([
  [
    "date-time",
    ["2024-02-29T10:00:00Z", "2024-02-29t10:00:00.123+02:00", "2024-02-29T10:00:00"],
    ["2024-02-30T10:00:00Z", "2024-02-29", "now"],
  ],
  ["date", ["2024-02-29"], ["2023-02-29", "24-1-1"]],
  ["duration", ["1h30m", "1.5s", "0", "3 days", "22 ns", "-5m"], ["", "5", "abc", "1 lightyear"]],
  ["email", ["a@b.c", "A B <a@b.c>"], ["a", "a@", "a b@c"]],
  ["hostname", ["a.example.com", "localhost", "1a.com"], ["-a.com", "a..com", "a_b.com", "x.1"]],
  ["ipv4", ["1.2.3.4", "01.2.3.4"], ["1.2.3", "::1", "256.1.1.1"]],
  ["ipv6", ["::1", "fe80::1"], ["1.2.3.4", "fe80::1%eth0"]],
  ["cidr", ["10.0.0.0/8", "::/0"], ["10.0.0.0", "10.0.0.0/33", "a/8"]],
  ["mac", ["01:23:45:67:89:ab", "0123.4567.89ab"], ["01:23:45:67:89", "01:23-45:67:89:ab"]],
  ["uri", ["https://a.example/b?c", "/path"], ["a b", "relative"]],
  ["uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]],
  ["uuid4", ["123e4567-e89b-42d3-a456-426614174000"], ["123e4567-e89b-12d3-a456-426614174000"]],
  ["byte", ["", "YWI="], ["YWI", "%"]],
  ["bsonobjectid", ["507f1f77bcf86cd799439011"], ["507f"]],
  ["isbn", ["0321751043", "978-0321751041"], ["0321751044"]],
  ["creditcard", ["4111 1111 1111 1111"], ["4111 1111 1111 1112"]],
  ["hexcolor", ["#fff", "a0b1c2"], ["#ffff"]],
  ["rgbcolor", ["rgb(255,255,255)"], ["rgb(256,0,0)"]],
  ["ssn", ["111-22-3333"], ["1"]],
  ["k8s-short-name", ["a-b"], ["A", "-a"]],
  ["k8s-long-name", ["a.b"], ["a..b"]],
  ["password", ["x"], []],
] as const)("isOfFormat: %s", (format, right, wrong) => {
  expect(right.filter((text) => !isOfFormat(format, text))).toEqual([]);
  expect(wrong.filter((text) => isOfFormat(format, text))).toEqual([]);
});

test.each([
  ["string", "date", true],
  [undefined, "datetime", true],
  ["integer", "int64", true],
  ["integer", "float", false],
  ["number", "double", true],
  ["object", "date", false],
  ["string", "phone", false],
] as const)("isKnownFormat: %s %s is %s", (type, format, known) => {
  expect(isKnownFormat(type, format)).toBe(known);
});

test("matchPattern: takes no more than its budget", () => {
  const budget = { steps: 1000 };
  expect(matchPattern("^a$", "a", budget)).toBe("matches");
  expect(matchPattern("^(.{0,900}a)+$", "ab", budget)).toBe("too much");
});

test("patternProblem: is Go's", () => {
  expect(patternProblem("a(b")).toBe("error parsing regexp: missing closing ): `a(b`");
  expect(patternProblem("^a$")).toBeUndefined();
  expect(matchPattern("a(b", "a", { steps: 100 })).toBe("differs");
});
