import { footprintOf } from "../../../resources.ts";
import { expectedCpuShare, expectedMemoryShare } from "../../expected-usage.ts";
import type { ScorePlugin } from "../../framework.ts";

/**
 * Prefers nodes of which less is really in use: what is requested may say little of it, or nothing. By the distance from nothing in use, over
 * cpu and memory together, so that of two nodes as full the one counts as fuller that has nearly none left of either: that halves
 * the differences between nodes (`bench/placement-quality.ts`).
 */
export const actualUsage: ScorePlugin = {
  name: "actual-usage",
  prepare(requirements) {
    const footprint = footprintOf(requirements);
    return (view) => {
      const cpu = expectedCpuShare(view, footprint);
      const memory = expectedMemoryShare(view, footprint);
      return Math.max(0, 100 * (1 - Math.sqrt((cpu * cpu + memory * memory) / 2)));
    };
  },
};
