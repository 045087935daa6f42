/**
 * What the daemon and a shim say to each other, over a Unix socket on which the shim listens.
 *
 *   daemon                                   shim
 *     │ ◀───────────── hello ──────────────── │   who it is, which protocol
 *     │ ◀── run, run, … , inventory end ───── │   every run that is not settled
 *     │ ── start, stop, settle, exit ───────▶ │
 *     │ ◀─ started, ended, usage, … ───────── │
 *
 * The shim is the truth about its runs. Every message can be repeated: a start of a run that is known changes nothing,
 * and so on; whoever reconnects compares the inventory with what it believes. An end is kept until it is settled.
 * A second connection replaces the first: a new daemon process is there before the old one's socket is seen closed.
 */
import type { RunEnd, RunId, RunSpec, RunUsage } from "../runtimes/runtime-driver.ts";

/** Raised when a message changes in a way that the other side cannot ignore. */
export const protocolVersion = 1;

export const socketName = "shim.sock";
/** Written by the daemon before it starts the shim. */
export const configName = "config.json";
/** Written by the shim before it listens: how to find the process when it does not answer. */
export const processName = "process.json";
export const ownLogName = "shim.log";

export interface ShimIdentity {
  readonly shimId: string;
  readonly namespace: string;
  /** Of the program that the shim runs: a daemon starts nothing new in a shim of another build. */
  readonly buildId: string;
}

export type ToShim =
  | { readonly kind: "start"; readonly spec: RunSpec }
  | { readonly kind: "stop"; readonly uid: string; readonly graceMs: number }
  | { readonly kind: "settle"; readonly id: RunId }
  /** `empty`: once no run is left. `now`: stops all runs first. */
  | { readonly kind: "exit"; readonly when: "empty" | "now" };

export interface RunReport {
  readonly id: RunId;
  /** When its first instruction ran; undefined as long as it is being prepared, or was refused. */
  readonly startedMs: number | undefined;
  readonly ended: { readonly atMs: number; readonly end: RunEnd } | undefined;
  readonly logsDropped: boolean;
}

export type FromShim =
  | ({ readonly kind: "hello"; readonly protocol: number; readonly pid: number } & ShimIdentity)
  | ({ readonly kind: "run" } & RunReport)
  | { readonly kind: "inventoryEnd" }
  | { readonly kind: "started"; readonly id: RunId; readonly atMs: number }
  | { readonly kind: "ended"; readonly id: RunId; readonly atMs: number; readonly end: RunEnd }
  | { readonly kind: "usage"; readonly usages: readonly RunUsage[] }
  | { readonly kind: "logsDropped"; readonly id: RunId };

export function runKey(id: RunId): string {
  return `${id.uid}/${id.run}`;
}

const fromShimKinds: ReadonlySet<unknown> = new Set<FromShim["kind"]>([
  "hello",
  "run",
  "inventoryEnd",
  "started",
  "ended",
  "usage",
  "logsDropped",
]);
const toShimKinds: ReadonlySet<unknown> = new Set<ToShim["kind"]>(["start", "stop", "settle", "exit"]);

/** Undefined for what this version does not know: a newer side may say more. Both sides are one program. */
export function asFromShim(value: unknown): FromShim | undefined {
  return hasKind(value, fromShimKinds) ? (value as FromShim) : undefined;
}

export function asToShim(value: unknown): ToShim | undefined {
  return hasKind(value, toShimKinds) ? (value as ToShim) : undefined;
}

function hasKind(value: unknown, kinds: ReadonlySet<unknown>): boolean {
  return typeof value === "object" && value !== null && "kind" in value && kinds.has(value.kind);
}
