import { expect, test } from "vitest";
import { warningTexts } from "./warnings.ts";

test.each([
  { name: "none", header: undefined, expected: [] },
  { name: "one", header: '299 - "mind this"', expected: ["mind this"] },
  { name: "two", header: '299 - "a, b", 299 - "c"', expected: ["a, b", "c"] },
  {
    name: "quotes",
    header: String.raw`299 - "say \"no\" to \\"`,
    expected: [String.raw`say "no" to \ `.trim()],
  },
  { name: "another code", header: '199 - "x"', expected: [] },
  { name: "not closed", header: '299 - "x', expected: [] },
])("warningTexts: $name", ({ header, expected }) => {
  expect(warningTexts(header)).toEqual(expected);
});
