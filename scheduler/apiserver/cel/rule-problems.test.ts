import { describe, expect, test } from "vitest";
import type { Schema } from "../resource.ts";
import { compileRules } from "./rules.ts";
import { integer, list, object, ruled } from "./testing/evaluate.ts";

function problems(schema: Schema): readonly string[] {
  return compileRules(schema, "schema").problems.map(({ field, message }) => `${field}: ${message}`);
}

describe("problems: what a definition is refused for", () => {
  const spec = (...rules: Parameters<typeof ruled>[1][]) =>
    object({ spec: ruled(object({ x: integer, l: list(integer) }), ...rules) });
  const base = "schema.properties[spec].x-kubernetes-validations";
  const shown = (rule: string) =>
    `apiextensions.ValidationRule{Rule:${JSON.stringify(rule)}, Message:"", MessageExpression:"", Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:"", OptionalOldSelf:(*bool)(nil)}`;

  test.each([
    ["self.z == 1", `compilation failed: ERROR: <input>:1:5: undefined field 'z'\n | self.z == 1\n | ....^`],
    [
      "self.x == 1 = 2",
      "compilation failed: ERROR: <input>:1:13: Syntax error: token recognition error at: '= '\n | self.x == 1 = 2\n | ............^",
    ],
    ["self.x", "cel expression must evaluate to a bool"],
  ])("%s", (rule, why) => {
    expect(problems(spec(rule))).toEqual([`${base}[0].rule: Invalid value: ${shown(rule)}: ${why}`]);
  });

  test.each([
    [{ rule: " " }, "[0].rule: Required value: rule is not specified"],
    [{ rule: "true", message: " " }, '[0].message: Invalid value: " ": must be non-empty if specified'],
    [{ rule: "true", message: "a\nb" }, '[0].message: Invalid value: "a\\nb": must not contain line breaks'],
    [
      { rule: "true ||\nfalse" },
      "[0].message: Required value: message must be specified if rule contains line breaks",
    ],
    [
      { rule: "true", reason: "Because" },
      '[0].reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
    ],
    [{ rule: "true", fieldPath: ".nope" }, '[0].fieldPath: Invalid value: ".nope": must be a valid path'],
    [{ rule: "true", fieldPath: "x" }, '[0].fieldPath: Invalid value: "x": must be a valid path'],
    [
      { rule: "true", optionalOldSelf: true },
      "[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
    ],
  ])("%j", (rule, problem) => {
    expect(problems(spec(rule))).toEqual([`${base}${problem}`]);
  });

  test("messageExpression must give a string", () => {
    expect(problems(spec({ rule: "true", messageExpression: "1" }))[0]).toContain(
      "messageExpression must evaluate to a string",
    );
    expect(problems(spec({ rule: "true", messageExpression: "1 +" }))[0]).toContain(
      "messageExpression compilation failed: ERROR",
    );
  });

  test("what could cost too much is refused before any object is there", () => {
    const found = problems(spec("self.l.all(x, self.l.all(y, x == y))"));
    const advice =
      "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
    expect(found).toEqual([
      `${base}[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
      `${base}[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}`,
    ]);
  });

  test("rules that are too long altogether are not even compiled", () => {
    const long = `self.x == 1 || ${"true || ".repeat(12_000)}true`;
    expect(problems(spec(long, long, long, long))).toEqual([
      "schema: Forbidden: the validation rules of a schema may have 300000 characters altogether, these have 384076",
    ]);
  });

  test("a schema of no type has no rules", () => {
    const untyped: Schema = { "x-kubernetes-preserve-unknown-fields": true };
    expect(problems(object({ spec: ruled(untyped, "true") }))[0]).toContain(
      "failed to construct type information",
    );
  });

  test("rules of any shape do no harm", () => {
    const broken = { ...object({ a: integer }), "x-kubernetes-validations": [1, null, { rule: 5 }, "x"] };
    expect(problems(object({ spec: broken }))).toEqual([
      `${base}[0].rule: Required value: rule is not specified`,
    ]);
    expect(problems(object({ spec: { ...object({}), "x-kubernetes-validations": "no" } }))).toEqual([]);
  });
});
