import type { WasmInstance, WasmNode } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { memoryText, usageOf } from "./instance-usage.ts";

interface NodeUsage {
  cpuMillis: number;
  memoryBytes: number;
  instances: number;
  processes: number;
}

/** A row per node, below a header: what its instances use, and how much that is of what they may have. */
export function nodeRows(
  nodes: readonly WasmNode[],
  instances: readonly WasmInstance[],
): readonly (readonly string[])[] {
  const usages = usageByNode(instances);
  const rows = nodes.map(({ metadata: { name }, status }) => {
    const usage = usages.get(name) ?? nothing();
    const allocatable = status?.allocatable;
    return [
      name,
      `${usage.cpuMillis}m`,
      allocatable ? share(usage.cpuMillis, cpuMillis(allocatable["cpu"] ?? 0)) : unknown,
      memoryText(usage.memoryBytes),
      allocatable ? share(usage.memoryBytes, memoryBytes(allocatable["memory"] ?? 0)) : unknown,
      `${usage.instances}/${allocatable?.["instances"] ?? unknown}`,
      `${usage.processes}/${allocatable?.["processes"] ?? unknown}`,
    ];
  });
  return [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)", "INSTANCES", "PROCESSES"], ...rows];
}

const unknown = "<unknown>";

function nothing(): NodeUsage {
  return { cpuMillis: 0, memoryBytes: 0, instances: 0, processes: 0 };
}

function usageByNode(instances: readonly WasmInstance[]): ReadonlyMap<string, NodeUsage> {
  const usages = new Map<string, NodeUsage>();
  for (const instance of instances) {
    const { spec, status } = instance;
    if (spec.nodeName === undefined || status?.phase !== "Running") continue;
    const sum = usages.get(spec.nodeName) ?? nothing();
    usages.set(spec.nodeName, sum);
    const usage = usageOf(instance);
    sum.cpuMillis += usage?.cpuMillis ?? 0;
    sum.memoryBytes += usage?.memoryBytes ?? 0;
    sum.instances++;
    if ((status.isolation ?? "shared") !== "shared") sum.processes++;
  }
  return usages;
}

function share(used: number, allocatable: number): string {
  return allocatable > 0 ? `${Math.round((used / allocatable) * 100)}%` : unknown;
}
