import type { NodeCapacity, Resources } from "./model.ts";

export const nothingCommitted: NodeCapacity = { cpuMillis: 0, memoryBytes: 0, instances: 0 };

/** One resource of which a node has too little left. Amounts in the resource's unit: millicores, bytes, instances. */
export interface Shortfall {
  readonly resource: "cpu" | "memory" | "instances";
  readonly wanted: number;
  readonly free: number;
}

/**
 * What a node lacks to take one more instance, in the order instances, cpu, memory; empty if it fits. A request of zero
 * fits a node that is overcommitted, as in Kubernetes. Numbers that are none (NaN) never fit.
 */
export function shortfalls(
  allocatable: NodeCapacity,
  committed: NodeCapacity,
  requests: Resources,
): readonly Shortfall[] {
  if (fits(allocatable, committed, requests)) return [];
  const found: Shortfall[] = [];
  const check = (resource: Shortfall["resource"], wanted: number, free: number) => {
    if (wanted !== 0 && !(wanted <= free)) found.push({ resource, wanted, free });
  };
  check("instances", 1, allocatable.instances - committed.instances);
  check("cpu", requests.cpuMillis, allocatable.cpuMillis - committed.cpuMillis);
  check("memory", requests.memoryBytes, allocatable.memoryBytes - committed.memoryBytes);
  return found;
}

export function fits(allocatable: NodeCapacity, committed: NodeCapacity, requests: Resources): boolean {
  return (
    committed.instances + 1 <= allocatable.instances &&
    (requests.cpuMillis === 0 || committed.cpuMillis + requests.cpuMillis <= allocatable.cpuMillis) &&
    (requests.memoryBytes === 0 || committed.memoryBytes + requests.memoryBytes <= allocatable.memoryBytes)
  );
}

/** `committed` with `count` more instances of these requests; a negative count takes them away. */
export function committedWith(committed: NodeCapacity, requests: Resources, count: number): NodeCapacity {
  return {
    cpuMillis: committed.cpuMillis + requests.cpuMillis * count,
    memoryBytes: committed.memoryBytes + requests.memoryBytes * count,
    instances: committed.instances + count,
  };
}
