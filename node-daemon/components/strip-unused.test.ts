import { describe, expect, test } from "vitest";
import { withoutUnused } from "./strip-unused.ts";

const inside = (text: string) => `return function instantiate() {\n${text}\n};`;

describe("withoutUnused", () => {
  const table: readonly { readonly name: string; readonly text: string; readonly left: string }[] = [
    {
      name: "what nothing mentions goes",
      text: "function a() { return 1; }\nclass B { x = 1; }\nasync function c() {}\nkeep();",
      left: "\n\n\nkeep();",
    },
    {
      name: "what only mentions each other goes",
      text: "class A { b() { return B; } }\n  class B extends A {}\nkeep();",
      left: "\n  \nkeep();",
    },
    {
      name: "what is mentioned by what is mentioned stays",
      text: "function a() { return b(); }\nfunction b() { return 1; }\na();",
      left: "function a() { return b(); }\nfunction b() { return 1; }\na();",
    },
    {
      name: "a mention in a string or a comment counts",
      text: "function a() {}\nfunction b() {}\nf('a'); // b",
      left: "function a() {}\nfunction b() {}\nf('a'); // b",
    },
    {
      name: "braces in strings, templates and comments are none",
      text: "function a() { return '}' + \"}\" + `}`; /* } */ // }\n}\nkeep();",
      left: "\nkeep();",
    },
    {
      name: "what is declared within something else stays",
      text: "if (x) {\n  function a() {}\n}\nconst y = {\n  b() {}\n};",
      left: "if (x) {\n  function a() {}\n}\nconst y = {\n  b() {}\n};",
    },
    {
      name: "two of one name stay",
      text: "function a() {}\nfunction a() {}\nfunction b() {}",
      left: "function a() {}\nfunction a() {}\nfunction b() {}",
    },
    {
      name: "what is no declaration for the parser stays",
      text: "function a() { return /'/; }\nfunction b() { return 1; }\nkeep('x');",
      left: "function a() { return /'/; }\nfunction b() { return 1; }\nkeep('x');",
    },
  ];
  test.each(table)("$name", ({ text, left }) => {
    expect(withoutUnused(inside(text))).toBe(inside(left));
  });
});
