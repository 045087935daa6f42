import { footprintOf } from "../../../resources.ts";
import type { ScorePlugin } from "../../framework.ts";

/** Prefers nodes that would have the larger share of cpu, memory and instances left. */
export const leastAllocated: ScorePlugin = {
  name: "least-allocated",
  prepare(requirements) {
    const footprint = footprintOf(requirements);
    return ({ node: { allocatable }, committed }) =>
      (shareLeft(allocatable.cpuMillis, committed.cpuMillis + footprint.cpuMillis) +
        shareLeft(allocatable.memoryBytes, committed.memoryBytes + footprint.memoryBytes) +
        shareLeft(allocatable.instances, committed.instances + 1)) *
      (100 / 3);
  },
};

function shareLeft(allocatable: number, committed: number): number {
  return allocatable > committed ? (allocatable - committed) / allocatable : 0;
}
