import { describe, expect, test } from "vitest";
import { withoutCalls } from "./strip-calls.ts";

describe("withoutCalls", () => {
  const table: readonly { readonly name: string; readonly text: string; readonly left: string }[] = [
    { name: "a call that is a statement", text: "a();log(1, 'x');b();", left: "a();;b();" },
    {
      name: "one over several lines",
      text: "a();\nlog('x', {\n  a: [1, f(2)],\n});\nb();",
      left: "a();\n;\nb();",
    },
    { name: "one whose strings hold brackets", text: `{log(')', "}", \`\${a})\`, 'it\\'s)');}`, left: "{;}" },
    { name: "one without a semicolon", text: "{\n  log(1)\n  b();\n}", left: "{\n  ;  b();\n}" },
    { name: "one after a condition", text: "if (a) log(1); else log(2);", left: "if (a) ; else ;" },
    { name: "one behind a comment", text: "case 1: // one\n log(1);", left: "case 1: // one\n ;" },
    { name: "not one whose value is used", text: "a = log(1);", left: "a = log(1);" },
    { name: "not one that does not end", text: ";log(1, (2;", left: ";log(1, (2;" },
    { name: "not one of another name", text: ";dialog(1);", left: ";dialog(1);" },
  ];

  test.each(table)("$name", ({ text, left }) => {
    expect(withoutCalls(text, "log")).toBe(left);
  });
});
