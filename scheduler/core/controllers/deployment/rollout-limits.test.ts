import { expect, test } from "vitest";
import { aDeployment, recreate, rolling } from "../../testing/builders.ts";
import { rolloutLimits } from "./rollout-limits.ts";

test.each([
  {
    name: "shares round up and down",
    replicas: 10,
    strategy: rolling("25%", "25%"),
    totalMax: 13,
    availableMin: 8,
  },
  { name: "numbers", replicas: 10, strategy: rolling(2, 3), totalMax: 12, availableMin: 7 },
  { name: "numbers in text", replicas: 10, strategy: rolling("2", "3"), totalMax: 12, availableMin: 7 },
  { name: "both nothing", replicas: 10, strategy: rolling(0, "9%"), totalMax: 10, availableMin: 9 },
  { name: "more than there are", replicas: 1, strategy: rolling(5, 9), totalMax: 6, availableMin: 0 },
  { name: "no replicas", replicas: 0, strategy: rolling("25%", "25%"), totalMax: 0, availableMin: 0 },
  { name: "recreate", replicas: 4, strategy: recreate, totalMax: 4, availableMin: 4 },
])("rolloutLimits: $name", ({ replicas, strategy, totalMax, availableMin }) => {
  expect(rolloutLimits(aDeployment({ replicas, strategy }).spec)).toEqual({ totalMax, availableMin });
});
