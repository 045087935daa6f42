import { describe, expect, test } from "vitest";
import { type Expression, readExpressions } from "./s-expressions.ts";

function plain(expression: Expression): unknown {
  if (expression.kind === "list") return expression.items.map(plain);
  return expression.kind === "atom" ? expression.text : [...expression.bytes];
}

describe("readExpressions", () => {
  const rows: readonly { name: string; source: string; expected: unknown }[] = [
    { name: "lists in lists", source: "(a (b c) d)", expected: [["a", ["b", "c"], "d"]] },
    {
      name: "comments of lines and of blocks",
      source: "(a ;; (b\n (; (c (; d ;) ;) e)",
      expected: [["a", "e"]],
    },
    { name: "a comment that ends with a carriage return", source: "a ;; b\rc", expected: ["a", "c"] },
    { name: "atoms beside strings", source: `a"b"c`, expected: ["a", [98], "c"] },
    { name: "parentheses in strings", source: `("(;" ")")`, expected: [[[40, 59], [41]]] },
    {
      name: "escapes",
      source: String.raw`"\00\ff\t\n\"\\\u{20ac}"`,
      expected: [[0, 255, 9, 10, 34, 92, 0xe2, 0x82, 0xac]],
    },
    { name: "characters beyond ASCII", source: `"é"`, expected: [[0xc3, 0xa9]] },
    { name: "nothing", source: " ;; only a comment", expected: [] },
  ];
  test.each(rows)("readExpressions: $name", ({ source, expected }) => {
    expect(readExpressions(source).map(plain)).toEqual(expected);
  });

  test("readExpressions: a list knows where it stands", () => {
    const source = "  (a (b))";
    const [list] = readExpressions(source);
    expect(list?.kind === "list" && source.slice(list.from, list.to)).toBe("(a (b))");
  });

  const bad = [
    { name: "a list that does not end", source: "(a\n(b)", message: "line 2: 1 lists that do not end" },
    { name: "an end without a list", source: "\n\n)", message: "line 3: nothing to close" },
    { name: "an open string", source: `"a`, message: "a string that does not end" },
    { name: "an open comment", source: "(; a", message: "a comment that does not end" },
  ];
  test.each(bad)("readExpressions: $name is refused with its line", ({ source, message }) => {
    expect(() => readExpressions(source)).toThrow(message);
  });
});
