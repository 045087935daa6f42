import type { WasmNode } from "../../api/gen/kinds.gen.ts";
import { countOf, cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { emptyAccount, type NodeAccount } from "../nodes/node-account.ts";
import { memoryText, shareText, unknown } from "./figure-text.ts";
import type { TopColumn } from "./top-table.ts";

export interface NodeRow {
  readonly name: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly instances: number;
  readonly processes: number;
  /** What there is of each; undefined: the node has not told. */
  readonly allocatable:
    | {
        readonly cpuMillis: number;
        readonly memoryBytes: number;
        readonly instances: number | undefined;
        readonly processes: number | undefined;
      }
    | undefined;
}

/** A row per node: what its instances use, and what there is. */
export function nodeRows(
  nodes: readonly WasmNode[],
  accounts: ReadonlyMap<string, NodeAccount>,
): readonly NodeRow[] {
  return nodes.map(({ metadata: { name }, status }) => {
    const { used, ...counts } = accounts.get(name) ?? emptyAccount();
    const { allocatable } = status ?? {};
    return {
      name,
      ...used,
      instances: counts.instances,
      processes: counts.processes,
      allocatable: allocatable && {
        cpuMillis: cpuMillis(allocatable["cpu"] ?? 0),
        memoryBytes: memoryBytes(allocatable["memory"] ?? 0),
        instances: allocatable["instances"] === undefined ? undefined : countOf(allocatable["instances"]),
        processes: allocatable["processes"] === undefined ? undefined : countOf(allocatable["processes"]),
      },
    };
  });
}

const cpuShare = ({ cpuMillis: used, allocatable }: NodeRow) => shareOf(used, allocatable?.cpuMillis);
const memoryShare = ({ memoryBytes: used, allocatable }: NodeRow) => shareOf(used, allocatable?.memoryBytes);

function shareOf(used: number, of: number | undefined): number | undefined {
  return of !== undefined && of > 0 ? used / of : undefined;
}

function text(share: number | undefined): string {
  return share === undefined ? unknown : shareText(share);
}

export const nodeColumns: readonly TopColumn<NodeRow>[] = [
  { key: "name", header: "NAME", dispensable: 0, text: ({ name }) => name, value: ({ name }) => name },
  {
    key: "cpu",
    header: "CPU(cores)",
    dispensable: 2,
    text: (row) => `${row.cpuMillis}m`,
    value: (row) => row.cpuMillis,
  },
  {
    key: "cpu-share",
    header: "CPU(%)",
    dispensable: 0,
    hasBar: true,
    text: (row) => text(cpuShare(row)),
    value: cpuShare,
  },
  {
    key: "memory",
    header: "MEMORY(bytes)",
    dispensable: 3,
    text: (row) => memoryText(row.memoryBytes),
    value: (row) => row.memoryBytes,
  },
  {
    key: "memory-share",
    header: "MEMORY(%)",
    dispensable: 1,
    hasBar: true,
    text: (row) => text(memoryShare(row)),
    value: memoryShare,
  },
  {
    key: "instances",
    header: "INSTANCES",
    dispensable: 4,
    text: ({ instances, allocatable }) => `${instances}/${allocatable?.instances ?? unknown}`,
    value: ({ instances }) => instances,
  },
  {
    key: "processes",
    header: "PROCESSES",
    dispensable: 5,
    text: ({ processes, allocatable }) => `${processes}/${allocatable?.processes ?? unknown}`,
    value: ({ processes }) => processes,
  },
];
