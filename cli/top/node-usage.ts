import type { WasmInstance, WasmNode } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { accountsByNode, emptyAccount, percentOf, unknown } from "../nodes/node-account.ts";
import { memoryText } from "./instance-usage.ts";

/** A row per node, below a header: what its instances use, and how much that is of what there is. */
export function nodeRows(
  nodes: readonly WasmNode[],
  instances: readonly WasmInstance[],
): readonly (readonly string[])[] {
  const accounts = accountsByNode(instances);
  const rows = nodes.map(({ metadata: { name }, status }) => {
    const { used, ...counts } = accounts.get(name) ?? emptyAccount();
    const allocatable = status?.allocatable;
    return [
      name,
      `${used.cpuMillis}m`,
      allocatable ? percentOf(used.cpuMillis, cpuMillis(allocatable["cpu"] ?? 0)) : unknown,
      memoryText(used.memoryBytes),
      allocatable ? percentOf(used.memoryBytes, memoryBytes(allocatable["memory"] ?? 0)) : unknown,
      `${counts.instances}/${allocatable?.["instances"] ?? unknown}`,
      `${counts.processes}/${allocatable?.["processes"] ?? unknown}`,
    ];
  });
  return [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)", "INSTANCES", "PROCESSES"], ...rows];
}
