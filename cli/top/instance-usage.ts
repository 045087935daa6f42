import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { memoryText, unknown } from "./figure-text.ts";
import type { TopColumn } from "./top-table.ts";

/** What an instance used when its node last said so. */
export interface InstanceUsage {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly fuel: number;
  readonly throttledSeconds: number;
}

export interface InstanceRow {
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  /** undefined: its node has not told yet. */
  readonly usage: InstanceUsage | undefined;
}

/** undefined: its node has not told yet. */
export function usageOf({ status }: WasmInstance): InstanceUsage | undefined {
  const usage = status?.usage;
  if (!usage) return undefined;
  return {
    cpuMillis: cpuMillis(usage.cpu),
    memoryBytes: memoryBytes(usage.memory),
    fuel: usage.fuel ?? 0,
    throttledSeconds: usage.throttledSeconds ?? 0,
  };
}

/** undefined: it does not run. */
export function instanceRow(instance: WasmInstance): InstanceRow | undefined {
  const { metadata, spec, status } = instance;
  if (status?.phase !== "Running") return undefined;
  const { namespace = "", name } = metadata;
  return { namespace, name, nodeName: spec.nodeName ?? "", usage: usageOf(instance) };
}

export const instanceColumns: readonly TopColumn<InstanceRow>[] = [
  { key: "name", header: "NAME", dispensable: 0, text: ({ name }) => name, value: ({ name }) => name },
  {
    key: "cpu",
    header: "CPU(cores)",
    dispensable: 0,
    text: ({ usage }) => (usage ? `${usage.cpuMillis}m` : unknown),
    value: ({ usage }) => usage?.cpuMillis,
  },
  {
    key: "memory",
    header: "MEMORY(bytes)",
    dispensable: 1,
    text: ({ usage }) => (usage ? memoryText(usage.memoryBytes) : unknown),
    value: ({ usage }) => usage?.memoryBytes,
  },
  {
    key: "throttled",
    header: "THROTTLED",
    dispensable: 3,
    text: ({ usage }) => (usage ? secondsText(usage.throttledSeconds) : unknown),
    value: ({ usage }) => usage?.throttledSeconds,
  },
  {
    key: "fuel",
    header: "FUEL",
    dispensable: 4,
    text: ({ usage }) => (usage ? String(usage.fuel) : unknown),
    value: ({ usage }) => usage?.fuel,
  },
  {
    key: "node",
    header: "NODE",
    dispensable: 2,
    text: ({ nodeName }) => nodeName,
    value: ({ nodeName }) => nodeName,
  },
];

function secondsText(seconds: number): string {
  return seconds === 0 ? "0s" : `${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)}s`;
}
