/** The flags that are about the machine: parsed and complete. */
import { memoryBytes, parseQuantity } from "../../api/quantity.ts";
import { WherryError } from "../../kit/errors.ts";
import { pressureLimits } from "./core/limits.ts";

/** Of something the machine has a certain amount of. */
export type Amount =
  | { readonly kind: "bytes"; readonly bytes: number }
  /** Above 0, at most 1. */
  | { readonly kind: "share"; readonly share: number };

export interface MachineOptions {
  /** When so little memory is available, instances are evicted at once. */
  readonly evictionMemory: Amount;
  /** The same of the file system that holds the daemon's state. */
  readonly evictionDisk: Amount;
  /** Where metrics are served; undefined: nowhere. Port 0: any that is free. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** Whether each instance has series of its own there. */
  readonly metricsPerInstance: boolean;
}

export const machineUsage = `  --max-processes N        how many instances at most have a process of their own (default: one for each 64Mi of memory, and
                           no more than 512)
  --eviction-memory AMOUNT evict instances when the machine has less memory available, such as 500Mi or 5% (default ${pressureLimits.memoryDefault})
  --eviction-disk AMOUNT   the same for the disk that --state-dir is on (default ${pressureLimits.diskDefault})
  --metrics-address HOST:PORT
                           serve Prometheus metrics there, without authentication (default: not at all)
  --metrics-per-instance   also series of each instance, not only of workloads`;

export interface MachineFlags {
  readonly "eviction-memory"?: string | undefined;
  readonly "eviction-disk"?: string | undefined;
  readonly "metrics-address"?: string | undefined;
  readonly "metrics-per-instance"?: boolean | undefined;
}

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseMachineFlags(values: MachineFlags): MachineOptions {
  return {
    evictionMemory: amount(values["eviction-memory"] ?? pressureLimits.memoryDefault, "eviction-memory"),
    evictionDisk: amount(values["eviction-disk"] ?? pressureLimits.diskDefault, "eviction-disk"),
    metrics: metricsAddress(values["metrics-address"]),
    metricsPerInstance: values["metrics-per-instance"] ?? false,
  };
}

function amount(text: string, flag: string): Amount {
  const percent = /^(\d{1,2}(?:\.\d+)?|100)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) > 0) return { kind: "share", share: Number(percent) / 100 };
  const parsed = percent === undefined ? parseQuantity(text) : ({ kind: "invalid" } as const);
  if (parsed.kind === "ok" && parsed.milli > 0n) return { kind: "bytes", bytes: memoryBytes(text) };
  throw invalid(flag, text, "a quantity or a percentage above zero, such as 500Mi or 5%");
}

function metricsAddress(text: string | undefined): MachineOptions["metrics"] {
  if (text === undefined) return undefined;
  const match = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const host = match?.[1]?.replace(/^\[(.*)\]$/, "$1");
  if (host === undefined || !(port <= 65_535))
    throw invalid("metrics-address", text, "HOST:PORT, such as 127.0.0.1:9465");
  return { host, port };
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag}: "${value}" is not valid; expected ${expected}`);
}

export function bytesOf(amount: Amount, capacityBytes: number): number {
  return amount.kind === "bytes" ? amount.bytes : Math.round(amount.share * capacityBytes);
}
