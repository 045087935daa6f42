import type { ClusterNode, NodeCapacity, Overcommit, Resources } from "./model.ts";

/** What may be promised of a node that has this. Instances, processes and extended resources are never overcommitted. */
export function promised(real: NodeCapacity, { cpu, memory }: Overcommit): NodeCapacity {
  if (cpu === 1 && memory === 1) return real;
  return {
    ...real,
    cpuMillis: Math.floor(real.cpuMillis * cpu),
    memoryBytes: Math.floor(real.memoryBytes * memory),
  };
}

/** What there is of a node. */
export function realOf({
  allocatable,
  overcommit,
}: Pick<ClusterNode, "allocatable" | "overcommit">): Resources {
  return {
    cpuMillis: allocatable.cpuMillis / overcommit.cpu,
    memoryBytes: allocatable.memoryBytes / overcommit.memory,
  };
}
