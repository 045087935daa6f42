import { describe, expect, test } from "vitest";
import { compileProblem, outcome } from "../testing/evaluate.ts";
import * as types from "./types.ts";
import type { Type } from "./types.ts";

const variables = new Map<string, Type>([
  [
    "self",
    {
      kind: "struct",
      name: "selfType",
      fields: new Map<string, Type>([
        ["count", types.INT],
        ["name", types.STRING],
        ["tags", types.mapOf(types.STRING, types.STRING)],
        ["any", types.DYN],
      ]),
    },
  ],
]);

describe("parser: reads what CEL's grammar has", () => {
  test.each([
    ["'a'", "a"],
    [String.raw`'\x41\101é\U0001F600\n'`, "AAé😀\n"],
    [String.raw`r'\d' + R"\d"`, String.raw`\d\d`],
    ["'''a\n'b'''", "a\n'b"],
    ["0x1F", 31n],
    ["-9223372036854775808", -9223372036854775808n],
    ["1e3 + .5", 1000.5],
    ["true ? (false ? 1 : 2) : 3", 2n],
    ["false ? 1 : false ? 2 : 3", 3n],
    ["1 // one\n + 2", 3n],
    ["- -1 + -(-1)", 2n],
    ["!!true", true],
    ["[1, 2,][1]", 2n],
    ["{'a': 1,}.a", 1n],
    ["2 * 3 + 4 * 5 == 26 && 1 < 2 || false", true],
  ] as const)("%s", (source, value) => {
    expect(outcome(source)).toEqual(value);
  });

  test.each([
    ["1 +", "1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.'"],
    ["1 = 1", "1:3: Syntax error: token recognition error at: '= '"],
    ["(1", "1:3: Syntax error: missing ')' at '<EOF>'"],
    ["1 2", "1:3: Syntax error: mismatched input '2' expecting <EOF>"],
    ["'abc", "1:1: Syntax error: token recognition error at: ''abc'"],
    [String.raw`'\q'`, String.raw`1:2: Syntax error: token recognition error at: '\q'`],
    ["a.in", "1:3: Syntax error: no viable alternative at input '.in'"],
    ["namespace", "1:1: reserved identifier: namespace"],
    ["9223372036854775808", "1:1: invalid int literal"],
    ["has(1)", "1:5: invalid argument to has() macro"],
    ["[1].all(1, true)", "1:9: argument must be a simple name"],
    ["[1].all(x, x, true)", "1:12: duplicate variable name: x"],
    ["\n\n  #", "3:3: Syntax error: token recognition error at: '#'"],
    ["", "1:1: Syntax error: mismatched input '<EOF>'"],
  ])("refuses %s", (source, problem) => {
    expect(compileProblem(source)).toContain(`compilation failed: ERROR: <input>:${problem}`);
  });

  test("marks the place below the line, with full-width marks below full-width characters", () => {
    expect(compileProblem("'é' + b")).toBe(
      "compilation failed: ERROR: <input>:1:7: undeclared reference to 'b' (in container '')\n | 'é' + b\n | .．....^",
    );
  });
});

describe("checker: reports in cel-go's words", () => {
  test.each([
    ["self.z == 1", "undefined field 'z'"],
    ["other", "undeclared reference to 'other' (in container '')"],
    ["fakeFunction(1)", "undeclared reference to 'fakeFunction' (in container '')"],
    ["self.count + self.name", "found no matching overload for '_+_' applied to '(int, string)'"],
    ["self.name == 1", "found no matching overload for '_==_' applied to '(string, int)'"],
    ["self.count.size()", "found no matching overload for 'size' applied to 'int.()'"],
    ["self.count.all(x, true)", "expression of type 'int' cannot be range of a comprehension"],
    ["self.count.x", "type 'int' does not support field selection"],
    ["[1, 'a']", "expected type 'int' but found 'string'"],
    ["[1].all(x, x)", "found no matching overload for '_&&_' applied to '(bool, int)'"],
    ["self.tags.all(k, k > 1)", "found no matching overload for '_>_' applied to '(string, int)'"],
    ["Foo{a: 1}", "undeclared reference to 'Foo' (in container '')"],
    ["duration('1x') == duration('1h')", "invalid duration argument"],
    ["timestamp('x') == timestamp('y')", "invalid timestamp argument"],
    ["self.name.matches('(')", "invalid matches argument"],
    ["true ? 1 : 'a'", "found no matching overload for '_?_:_' applied to '(bool, int, string)'"],
    ["optional.of(1).orValue('a')", "found no matching overload for 'orValue'"],
    ["[1].map(x, y)", "undeclared reference to 'y'"],
    ["x", "undeclared reference to 'x'"],
  ])("%s", (source, problem) => {
    expect(compileProblem(source, variables)).toContain(problem);
  });

  test.each([
    "self.any == 1 && self.any == 'a' && self.any.x.y == [1]",
    "type(self.any) == int ? self.any < 5 : self.any.startsWith('x')",
    "'%s %d'.format([self.name, self.count]) != ''",
    "self.tags.?x.orValue('') == ''",
    "[].size() == 0 && {}.size() == 0 && [] == [1] && [[]] == [[1]]",
    "[1, 2].map(x, string(x)).join(',').startsWith('1')",
    "self.tags.map(k, self.tags[k]).exists(v, v == 'x')",
  ])("accepts %s", (source) => {
    expect(compileProblem(source, variables)).toBe("");
  });

  test("int('x') of a constant is a mistake of the rule", () => {
    expect(compileProblem("int('x') == 1")).toContain("program instantiation failed");
  });
});

describe("hostile texts: are refused or compiled at once", () => {
  const repeated = (part: string, count: number) => part.repeat(count);
  test.each([
    ["deep brackets", `${repeated("[", 5000)}1${repeated("]", 5000)}`, "recursion limit"],
    ["many signs", `${repeated("!", 50_000)}true`, "recursion limit"],
    ["a long sum", Array.from({ length: 20_000 }, () => "1").join("+"), "recursion limit"],
    ["a long text", repeated("a", 200_000), "size exceeds limit"],
    [
      "doubling types",
      `[1]${repeated(".map(x, {x: x})", 100)}.size() > 0`,
      "type of the expression is too large",
    ],
    ["a long chain of &&", Array.from({ length: 8000 }, () => "1 == 1").join("&&"), ""],
    ["nested macros", `${repeated("[1].map(x, ", 240)}1${repeated(")", 240)}.size() > 0`, ""],
    ["doubling targets", `optional.of(1)${repeated(".optMap(x, x)", 100)}.hasValue()`, ""],
    ["many type variables", Array.from({ length: 5000 }, () => "[] == []").join("&&"), ""],
  ])("%s", (_name, source, problem) => {
    if (problem === "") expect(compileProblem(source)).toBe("");
    else expect(compileProblem(source)).toContain(problem);
  });
});
