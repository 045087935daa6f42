import type { NodeCondition, NodeTaint } from "./model.ts";

/** What a node can run short of, and the taint by which Kubernetes keeps new pods away from such a node. */
export interface Pressure {
  /** The condition. */
  readonly type: string;
  /** For people. */
  readonly name: string;
  readonly taint: NodeTaint;
}

const pressures: ReadonlyMap<string, Pressure> = new Map(
  [
    pressure("MemoryPressure", "memory pressure", "node.kubernetes.io/memory-pressure"),
    pressure("DiskPressure", "disk pressure", "node.kubernetes.io/disk-pressure"),
    // What a process can hold of instances, which Kubernetes has no word for: mappings, address space.
    pressure("InstancePressure", "instance pressure", "wherry.dev/instance-pressure"),
  ].map((one) => [one.type, one]),
);

/** As Kubernetes gives it to every pod that is not BestEffort: it is not the first to go, so it may come. */
export const memoryPressureToleration = {
  key: "node.kubernetes.io/memory-pressure",
  operator: "Exists",
  value: "",
  effect: "NoSchedule",
} as const;

/** The pressures that hold now, each with what the node says of it. */
export function activePressures(
  conditions: readonly NodeCondition[],
): readonly { readonly pressure: Pressure; readonly message: string }[] {
  return conditions.flatMap(({ type, status, message }) => {
    const known = status ? pressures.get(type) : undefined;
    return known === undefined ? [] : [{ pressure: known, message }];
  });
}

export function isUnderPressure(conditions: readonly NodeCondition[]): boolean {
  return activePressures(conditions).length > 0;
}

function pressure(type: string, name: string, key: string): Pressure {
  return { type, name, taint: { key, value: "", effect: "NoSchedule" } };
}
