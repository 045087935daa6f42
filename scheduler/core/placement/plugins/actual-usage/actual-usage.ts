import { footprintOf } from "../../../resources.ts";
import { expectedCpuShare, expectedMemoryShare } from "../../expected-usage.ts";
import type { ScorePlugin } from "../../framework.ts";

/** Prefers nodes of which less is really in use: what is requested may say little of it, or nothing. */
export const actualUsage: ScorePlugin = {
  name: "actual-usage",
  prepare(requirements) {
    const footprint = footprintOf(requirements);
    return (view) =>
      50 *
      (Math.max(0, 1 - expectedCpuShare(view, footprint)) +
        Math.max(0, 1 - expectedMemoryShare(view, footprint)));
  },
};
