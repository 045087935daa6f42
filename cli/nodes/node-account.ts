import { processOverheadBytes } from "../../api/isolation.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { unknown } from "../top/figure-text.ts";
import { usageOf } from "../top/instance-usage.ts";

export interface NodeAccount {
  requested: { cpuMillis: number; memoryBytes: number };
  /** As placement expects it: as metered, and as requested of what its node has not metered yet. */
  used: { cpuMillis: number; memoryBytes: number };
  instances: number;
  processes: number;
}

export function emptyAccount(): NodeAccount {
  return {
    requested: { cpuMillis: 0, memoryBytes: 0 },
    used: { cpuMillis: 0, memoryBytes: 0 },
    instances: 0,
    processes: 0,
  };
}

/** What instances take of their nodes, by node: those that have ended take nothing. */
export function accountsByNode(instances: readonly WasmInstance[]): ReadonlyMap<string, NodeAccount> {
  const accounts = new Map<string, NodeAccount>();
  addInstances(accounts, instances);
  return accounts;
}

/** The same, of a list that comes page by page. */
export function addInstances(accounts: Map<string, NodeAccount>, instances: readonly WasmInstance[]): void {
  for (const instance of instances) {
    const { spec, status } = instance;
    const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
    if (spec.nodeName === undefined || isOver) continue;
    const account = accounts.get(spec.nodeName) ?? emptyAccount();
    accounts.set(spec.nodeName, account);
    add(account, instance);
  }
}

function add(account: NodeAccount, instance: WasmInstance): void {
  const { spec, status } = instance;
  const hasProcess = [spec.isolation, status?.isolation].some((tier) => (tier ?? "shared") !== "shared");
  const overheadBytes = hasProcess ? processOverheadBytes : 0;
  const requested = {
    cpuMillis: cpuMillis(spec.requests?.["cpu"] ?? 0),
    memoryBytes: memoryBytes(spec.requests?.["memory"] ?? 0),
  };
  const used = usageOf(instance) ?? requested;
  account.requested.cpuMillis += requested.cpuMillis;
  account.requested.memoryBytes += requested.memoryBytes + overheadBytes;
  account.used.cpuMillis += used.cpuMillis;
  account.used.memoryBytes += used.memoryBytes + overheadBytes;
  account.instances++;
  if (hasProcess) account.processes++;
}

export function percentOf(amount: number, of: number): string {
  return of > 0 ? `${Math.round((amount / of) * 100)}%` : unknown;
}
