import { footprintOf } from "../../../resources.ts";
import type { ScorePlugin } from "../../framework.ts";

/** Decides where nothing is requested; less than any request weighs. */
const instancesWeight = 0.001;

/**
 * Prefers the node that would be the fullest: the least distance, over cpu and memory together, from having nothing left. That
 * beats the mean of both and the larger of both where some want cpu and others memory (see `bench/placement-quality.ts`).
 */
export const mostAllocated: ScorePlugin = {
  name: "most-allocated",
  prepare(requirements) {
    const footprint = footprintOf(requirements);
    return ({ node: { allocatable }, committed }) => {
      const cpu = shareLeft(allocatable.cpuMillis, committed.cpuMillis + footprint.cpuMillis);
      const memory = shareLeft(allocatable.memoryBytes, committed.memoryBytes + footprint.memoryBytes);
      const instances = shareLeft(allocatable.instances, committed.instances + footprint.instances);
      const left = Math.hypot(cpu, memory) / Math.SQRT2;
      return (100 * (1 - left + instancesWeight * (1 - instances))) / (1 + instancesWeight);
    };
  },
};

function shareLeft(allocatable: number, committed: number): number {
  return allocatable > committed ? (allocatable - committed) / allocatable : 0;
}
