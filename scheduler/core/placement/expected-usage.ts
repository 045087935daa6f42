/**
 * Which share of what a node really has would be in use with one more instance of a footprint: as metered, and as requested of
 * what is not metered, such as what has been placed since. Without the latter all of a batch would go to the node that was idle
 * when it was last metered.
 */
import type { NodeCapacity } from "../model.ts";
import type { NodeSnapshot } from "./snapshot.ts";

export function expectedCpuShare(
  { node, committed, usageExcess }: NodeSnapshot,
  footprint: NodeCapacity,
): number {
  const used = committed.cpuMillis + (usageExcess?.cpuMillis ?? 0) + footprint.cpuMillis;
  return shareOf(used, node.allocatable.cpuMillis / node.overcommit.cpu);
}

export function expectedMemoryShare(
  { node, committed, usageExcess }: NodeSnapshot,
  footprint: NodeCapacity,
): number {
  const used = committed.memoryBytes + (usageExcess?.memoryBytes ?? 0) + footprint.memoryBytes;
  return shareOf(used, node.allocatable.memoryBytes / node.overcommit.memory);
}

/** Of a node that has nothing of it, all is in use. */
function shareOf(used: number, real: number): number {
  return real > 0 ? Math.max(0, used / real) : 1;
}
