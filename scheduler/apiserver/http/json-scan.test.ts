import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scanJson } from "./json-scan.ts";

test.each([
  { name: "nothing twice", text: '{"a":{"a":1},"b":[{"a":1},{"a":2}]}', paths: [] },
  { name: "a field twice", text: '{"a":1,"a":2}', paths: ["a"] },
  { name: "a nested field twice", text: '{"s":{"l":[0,{"x":1,"x":2}]}}', paths: ["s.l[1].x"] },
  { name: "the same in other words", text: '{"a":1,"\\u0061":2}', paths: ["a"] },
  { name: "the longest numbers", text: `[1e308,-1.5E-400,${"9".repeat(308)},0,{"a":-0}]`, paths: [] },
  { name: "texts with marks of JSON", text: '{"a":"{\\"a\\",[","b":"\\\\","a2":1}', paths: [] },
])("scanJson: $name", ({ text, paths }) => {
  expect(scanJson(text)).toEqual(paths);
});

test.each([
  { name: "deep nesting", text: "[".repeat(101) + "]".repeat(101) },
  { name: "a number beyond all", text: '{"a":[1,1e309]}' },
  { name: "a number of too many digits", text: `[-${"9".repeat(310)}]` },
  { name: "__proto__ in other words", text: '{"\\u005f_proto__":1}' },
  { name: "__proto__", text: '{"a":{"__proto__":{}}}' },
])("scanJson: refuses $name", ({ text }) => {
  expect(() => scanJson(text)).toThrow(expect.objectContaining({ code: "BadRequest" }) as Error);
});

test("scanJson: refuses an object of more names than can be stored", () => {
  const text = JSON.stringify(Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, 1])));
  expect(() => scanJson(text)).toThrow(expect.objectContaining({ code: "RequestEntityTooLarge" }) as Error);
});

test("scanJson: finds nothing in what JSON.stringify made", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      if (!text.includes("__proto__")) expect(scanJson(text)).toEqual([]);
    }),
    { seed: 11 },
  );
});
