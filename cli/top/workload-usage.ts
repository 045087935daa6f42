import type { WorkloadUsage } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { memoryText, none, shareText, unknown } from "./figure-text.ts";
import type { TopColumn } from "./top-table.ts";

interface Usage {
  /** undefined: nothing was metered twice. */
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number;
  /** Of what the same instances requested; undefined: they requested nothing. */
  readonly cpuShare: number | undefined;
  readonly memoryShare: number | undefined;
}

interface Traffic {
  readonly requestsPerSecond: number;
  readonly inFlight: number;
  readonly queued: number;
  /** The true numbers are these or more. */
  readonly isAtLeast: boolean;
}

export interface WorkloadRow {
  readonly namespace: string;
  readonly name: string;
  readonly kind: string;
  readonly ready: number;
  readonly wanted: number;
  /** undefined: no node has told yet. */
  readonly usage: Usage | undefined;
  /** undefined: no gateway has told of any. */
  readonly traffic: Traffic | undefined;
}

const nothing: Usage = { cpuMillis: 0, memoryBytes: 0, cpuShare: undefined, memoryShare: undefined };

export function workloadRow({ metadata, spec, status }: WorkloadUsage): WorkloadRow {
  const { ready = 0, wanted = 0 } = status?.instances ?? {};
  const { kind, name } = spec.workload;
  const usage = status?.usage ? usageOf(status.usage) : undefined;
  return {
    namespace: metadata.namespace ?? "",
    name,
    kind,
    ready,
    wanted,
    // What is to have no instances needs none to tell.
    usage: usage ?? (ready === 0 && wanted === 0 ? nothing : undefined),
    traffic: status?.traffic,
  };
}

function usageOf(usage: NonNullable<NonNullable<WorkloadUsage["status"]>["usage"]>): Usage {
  const used = {
    cpuMillis: usage.cpu === undefined ? undefined : cpuMillis(usage.cpu),
    memoryBytes: memoryBytes(usage.memory),
  };
  const requestedCpu = cpuMillis(usage.requests.cpu);
  const requestedMemory = memoryBytes(usage.requests.memory);
  return {
    ...used,
    cpuShare: requestedCpu > 0 && used.cpuMillis !== undefined ? used.cpuMillis / requestedCpu : undefined,
    memoryShare: requestedMemory > 0 ? used.memoryBytes / requestedMemory : undefined,
  };
}

function shareCell(used: number | undefined, share: number | undefined): string {
  if (used === undefined) return unknown;
  return share === undefined ? none : shareText(share);
}

/** `12+`: twelve or more. */
function trafficCell(traffic: Traffic | undefined, amount: (traffic: Traffic) => string | number): string {
  return traffic ? `${amount(traffic)}${traffic.isAtLeast ? "+" : ""}` : none;
}

/** Below ten the first decimal says something. */
function rateText(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

export const workloadColumns: readonly TopColumn<WorkloadRow>[] = [
  { key: "name", header: "NAME", dispensable: 0, text: ({ name }) => name, value: ({ name }) => name },
  { key: "kind", header: "KIND", dispensable: 7, text: ({ kind }) => kind, value: ({ kind }) => kind },
  {
    key: "ready",
    header: "READY",
    dispensable: 0,
    text: ({ ready, wanted }) => `${ready}/${wanted}`,
    value: ({ ready }) => ready,
  },
  {
    key: "cpu",
    header: "CPU(cores)",
    dispensable: 1,
    text: ({ usage }) => (usage?.cpuMillis === undefined ? unknown : `${usage.cpuMillis}m`),
    value: ({ usage }) => usage?.cpuMillis,
  },
  {
    key: "cpu-share",
    header: "CPU(%)",
    dispensable: 4,
    hasBar: true,
    text: ({ usage }) => shareCell(usage?.cpuMillis, usage?.cpuShare),
    value: ({ usage }) => usage?.cpuShare,
  },
  {
    key: "memory",
    header: "MEMORY(bytes)",
    dispensable: 2,
    text: ({ usage }) => (usage ? memoryText(usage.memoryBytes) : unknown),
    value: ({ usage }) => usage?.memoryBytes,
  },
  {
    key: "memory-share",
    header: "MEMORY(%)",
    dispensable: 6,
    hasBar: true,
    text: ({ usage }) => shareCell(usage?.memoryBytes, usage?.memoryShare),
    value: ({ usage }) => usage?.memoryShare,
  },
  {
    key: "requests",
    header: "REQUESTS/S",
    dispensable: 2,
    text: ({ traffic }) => trafficCell(traffic, ({ requestsPerSecond }) => rateText(requestsPerSecond)),
    value: ({ traffic }) => traffic?.requestsPerSecond,
  },
  {
    key: "in-flight",
    header: "IN-FLIGHT",
    dispensable: 3,
    text: ({ traffic }) => trafficCell(traffic, ({ inFlight }) => inFlight),
    value: ({ traffic }) => traffic?.inFlight,
  },
  {
    key: "queued",
    header: "QUEUED",
    dispensable: 5,
    text: ({ traffic }) => trafficCell(traffic, ({ queued }) => queued),
    value: ({ traffic }) => traffic?.queued,
  },
];
