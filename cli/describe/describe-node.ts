import type { WasmInstance, WasmNode } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { accountsByNode, emptyAccount, percentOf } from "../nodes/node-account.ts";
import { formatColumns } from "../output/table.ts";
import { memoryText } from "../top/figure-text.ts";
import { formatSection } from "./text.ts";

/**
 * What is requested and used of a node: of what there is, and, where placement may promise more than that, of what it may
 * promise.
 */
export function describeAllocation(
  { metadata: { name }, status }: WasmNode,
  instances: readonly WasmInstance[],
): string {
  const { requested, used } = accountsByNode(instances).get(name) ?? emptyAccount();
  const { allocatable = {}, promisable } = status ?? {};
  const cpu = (of: typeof allocatable) => cpuMillis(of["cpu"] ?? 0);
  const memory = (of: typeof allocatable) => memoryBytes(of["memory"] ?? 0);
  const shares = (amount: number, amountIn: (of: typeof allocatable) => number) => [
    percentOf(amount, amountIn(allocatable)),
    ...(promisable ? [percentOf(amount, amountIn(promisable))] : []),
  ];
  const rows = [
    [
      "cpu",
      `${requested.cpuMillis}m`,
      ...shares(requested.cpuMillis, cpu),
      `${used.cpuMillis}m`,
      percentOf(used.cpuMillis, cpu(allocatable)),
    ],
    [
      "memory",
      memoryText(requested.memoryBytes),
      ...shares(requested.memoryBytes, memory),
      memoryText(used.memoryBytes),
      percentOf(used.memoryBytes, memory(allocatable)),
    ],
  ];
  const ofPromisable = promisable ? ["Of Promisable"] : [];
  const header = ["Resource", "Requested", "Of Allocatable", ...ofPromisable, "In Use", "Of Allocatable"];
  return formatSection("Allocated Resources", header, rows, formatColumns);
}
