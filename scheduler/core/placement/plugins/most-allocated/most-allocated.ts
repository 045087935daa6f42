import { footprintOf } from "../../../resources.ts";
import type { ScorePlugin } from "../../framework.ts";

/** How far from the cluster's mix a node may be at no cost. */
const freeImbalance = 0.2;
const imbalanceWeight = 3;
/** What a node that is empty so far must be better by. */
const openingCost = 0.3;
/** Decides where nothing is requested; less than any request weighs. */
const instancesWeight = 0.001;
/** Of the sum of all these. */
const least = -2.2;
const greatest = 1 + instancesWeight;

/**
 * Prefers the node that would be the fullest, but for those that would strand what they have left: where cpu is nearly gone and
 * memory is not, or the other way round. What is stranded is measured against what the cluster's instances request of both, since where
 * all want memory, and little cpu, cpu that is left over is no loss. The figures come from `bench/placement-quality.ts`.
 */
export const mostAllocated: ScorePlugin = {
  name: "most-allocated",
  prepare(requirements, { requested }) {
    const footprint = footprintOf(requirements);
    return ({ node: { allocatable }, committed }) => {
      const cpu = share(committed.cpuMillis + footprint.cpuMillis, allocatable.cpuMillis);
      const memory = share(committed.memoryBytes + footprint.memoryBytes, allocatable.memoryBytes);
      const instances = share(committed.instances + footprint.instances, allocatable.instances);
      const mixed = imbalance(
        cpu,
        memory,
        requested.cpuMillis / allocatable.cpuMillis,
        requested.memoryBytes / allocatable.memoryBytes,
      );
      const stranded = Math.max(cpu, memory) ** 2 * Math.max(0, mixed - freeImbalance);
      const raw =
        (cpu + memory) / 2 -
        imbalanceWeight * stranded -
        (committed.instances === 0 ? openingCost : 0) +
        instancesWeight * instances;
      return (100 * (raw - least)) / (greatest - least);
    };
  },
};

function share(used: number, allocatable: number): number {
  return used < allocatable ? used / allocatable : 1;
}

/** By which share of the node the resource of which there would be less is off, were the node filled with the cluster's mix. */
function imbalance(cpu: number, memory: number, wantedCpu: number, wantedMemory: number): number {
  const wanted = wantedCpu + wantedMemory;
  // Nothing is requested, or the node has nothing of what is.
  if (!(wanted > 0 && wanted < Infinity)) return 0;
  if (wantedCpu <= wantedMemory) return Math.abs(cpu - (memory * wantedCpu) / wantedMemory);
  return Math.abs(memory - (cpu * wantedMemory) / wantedCpu);
}
