import { type Isolation, isolationTiers, processOverheadBytes } from "../../api/isolation.ts";
import { type Amounts, type Instance, noAmounts, type NodeCapacity, type Resources } from "./model.ts";

export const nothingCommitted: NodeCapacity = {
  cpuMillis: 0,
  memoryBytes: 0,
  instances: 0,
  processes: 0,
  extended: noAmounts,
};

/** What one instance takes of a node: its requests, itself, and a process with its memory if it has one of its own. */
export function footprintOf({
  requests,
  isolation,
  claims,
}: {
  readonly requests: Resources;
  readonly isolation: Isolation;
  readonly claims: { readonly extended: Amounts };
}): NodeCapacity {
  const processes = isolation === "shared" ? 0 : 1;
  return {
    cpuMillis: requests.cpuMillis,
    memoryBytes: requests.memoryBytes + processes * processOverheadBytes,
    instances: 1,
    processes,
    extended: claims.extended,
  };
}

/** What a placed instance has: what was asked for, or more if its node found that the module needs it. */
export function isolationOn({ isolation, state }: Pick<Instance, "isolation" | "state">): Isolation {
  const observed = state.kind === "pending" ? undefined : state.observed?.isolation;
  if (observed === undefined) return isolation;
  return isolationTiers.indexOf(observed) > isolationTiers.indexOf(isolation) ? observed : isolation;
}

/** One resource of which a node has too little left. Amounts in the resource's unit: millicores, bytes, a count. */
export interface Shortfall {
  /** cpu, memory, instances, processes, or the name of an extended resource. */
  readonly resource: string;
  readonly wanted: number;
  readonly free: number;
}

/**
 * What a node lacks to take one more instance, in the order instances, processes, cpu, memory; empty if it fits. Nothing
 * wanted of a resource fits a node that is overcommitted, as in Kubernetes. Numbers that are none (NaN) never fit.
 */
export function shortfalls(
  allocatable: NodeCapacity,
  committed: NodeCapacity,
  footprint: NodeCapacity,
): readonly Shortfall[] {
  if (fits(allocatable, committed, footprint)) return [];
  const found: Shortfall[] = [];
  const check = (resource: Shortfall["resource"], wanted: number, free: number) => {
    if (wanted !== 0 && !(wanted <= free)) found.push({ resource, wanted, free });
  };
  check("instances", footprint.instances, allocatable.instances - committed.instances);
  check("processes", footprint.processes, allocatable.processes - committed.processes);
  check("cpu", footprint.cpuMillis, allocatable.cpuMillis - committed.cpuMillis);
  check("memory", footprint.memoryBytes, allocatable.memoryBytes - committed.memoryBytes);
  for (const [name, wanted] of footprint.extended)
    check(name, wanted, amountOf(allocatable, name) - amountOf(committed, name));
  return found;
}

export function fits(allocatable: NodeCapacity, committed: NodeCapacity, footprint: NodeCapacity): boolean {
  return (
    committed.instances + footprint.instances <= allocatable.instances &&
    (footprint.processes === 0 || committed.processes + footprint.processes <= allocatable.processes) &&
    (footprint.cpuMillis === 0 || committed.cpuMillis + footprint.cpuMillis <= allocatable.cpuMillis) &&
    (footprint.memoryBytes === 0 ||
      committed.memoryBytes + footprint.memoryBytes <= allocatable.memoryBytes) &&
    (footprint.extended.size === 0 || fitsExtended(allocatable, committed, footprint))
  );
}

function fitsExtended(allocatable: NodeCapacity, committed: NodeCapacity, footprint: NodeCapacity): boolean {
  for (const [name, wanted] of footprint.extended)
    if (wanted !== 0 && !(amountOf(committed, name) + wanted <= amountOf(allocatable, name))) return false;
  return true;
}

function amountOf({ extended }: NodeCapacity, name: string): number {
  return extended.get(name) ?? 0;
}

/** `committed` with `count` more instances of this footprint; a negative count takes them away. */
export function committedWith(committed: NodeCapacity, footprint: NodeCapacity, count: number): NodeCapacity {
  return {
    cpuMillis: committed.cpuMillis + footprint.cpuMillis * count,
    memoryBytes: committed.memoryBytes + footprint.memoryBytes * count,
    instances: committed.instances + footprint.instances * count,
    processes: committed.processes + footprint.processes * count,
    extended: footprint.extended.size === 0 ? committed.extended : extendedWith(committed, footprint, count),
  };
}

function extendedWith(committed: NodeCapacity, footprint: NodeCapacity, count: number): Amounts {
  const sum = new Map(committed.extended);
  for (const [name, amount] of footprint.extended) {
    const next = (sum.get(name) ?? 0) + amount * count;
    if (next === 0) sum.delete(name);
    else sum.set(name, next);
  }
  return sum.size === 0 ? noAmounts : sum;
}
