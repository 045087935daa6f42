import { expect, test } from "vitest";
import { isInRange, parseVersionRange } from "./version-range.ts";

test.each([
  { range: "", version: "whatever", expected: true },
  { range: "  ", version: "14.6", expected: true },
  { range: "14.6", version: "14.6.202.33-node.18", expected: true },
  { range: "14.6", version: "14.60.1", expected: false },
  { range: "=14", version: "14.6", expected: true },
  { range: "14.6.0", version: "14.6", expected: true },
  { range: ">=14.6", version: "14.6.0", expected: true },
  { range: ">=14.6", version: "14.5.999", expected: false },
  { range: ">=14.6", version: "15", expected: true },
  { range: ">14.6", version: "14.6.202", expected: false },
  { range: ">14.6", version: "14.7", expected: true },
  { range: ">14.6.201", version: "14.6.202", expected: true },
  { range: "<=14.6", version: "14.6.202", expected: true },
  { range: "<14.6", version: "14.6.202", expected: false },
  { range: ">=40 <42", version: "41.9", expected: true },
  { range: ">= 40  < 42", version: "42.0.1", expected: false },
  { range: ">=42 <40", version: "41", expected: false },
  { range: "<9", version: "10.1", expected: false },
  { range: ">=0.17", version: "0.17.0-rc.1", expected: true },
  { range: "1", version: "v1.2", expected: true },
  { range: ">=1", version: "unknown", expected: false },
  { range: ">=1", version: "", expected: false },
  { range: "<1", version: "99999999999999999999", expected: false },
])("isInRange: $version in '$range': $expected", ({ range, version, expected }) => {
  const parsed = parseVersionRange(range);
  expect(parsed).toBeDefined();
  expect(parsed && isInRange(version, parsed)).toBe(expected);
});

test.each([
  "latest",
  ">=",
  ">= <1",
  "1.x",
  "^1.2",
  "~1",
  "!=1",
  "1.2.3.4.5",
  "1,2",
  ">=1<2",
  "1234567890",
  "v1",
  ">= 1 ".repeat(9),
])("parseVersionRange: refuses '%s'", (text) => {
  expect(parseVersionRange(text)).toBeUndefined();
});
