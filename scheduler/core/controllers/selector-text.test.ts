import { expect, test } from "vitest";
import { selectorText } from "./selector-text.ts";

test("selectorText: labels sorted, then expressions", () => {
  const text = selectorText({
    matchLabels: { b: "2", a: "1" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["x", "y"] },
      { key: "zone", operator: "NotIn", values: ["z"] },
      { key: "gpu", operator: "Exists" },
      { key: "old", operator: "DoesNotExist" },
    ],
  });
  expect(text).toBe("a=1,b=2,tier in (x,y),zone notin (z),gpu,!old");
});
