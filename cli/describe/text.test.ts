import { expect, test } from "vitest";
import { describeValue, formatLines } from "./text.ts";

test("describeValue: what belongs to one item of a list stands below it", () => {
  const rules = [
    { matches: [{ path: { type: "PathPrefix", value: "/shop" } }], backendRefs: [{ kind: "A", weight: 1 }] },
  ];
  expect(formatLines(describeValue("Spec", { hostnames: ["a", "b"], rules }, 0))).toBe(
    `Spec:
  Hostnames:
    a
    b
  Rules:
  - Matches:
    - Path:
        Type:   PathPrefix
        Value:  /shop
    Backend Refs:
    - Kind:    A
      Weight:  1
`,
  );
});
