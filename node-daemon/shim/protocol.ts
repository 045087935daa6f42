/**
 * What the daemon and a shim say to each other, over a Unix socket on which the shim listens.
 *
 *   daemon                                   shim
 *     │ ◀───────────── hello ──────────────── │   who it is, which protocols
 *     │ ◀── run, run, … , inventory end ───── │   every run that is not settled
 *     │ ── claim, if it is nobody's yet ────▶ │
 *     │ ── start, stop, settle, exit, heard ▶ │
 *     │ ◀─ started, ended, usage, … ───────── │
 *
 * The shim is the truth about its runs. Every message can be repeated: a start of a run that is known changes nothing,
 * and so on; whoever reconnects compares the inventory with what it believes. An end is kept until it is settled.
 * A second connection replaces the first: a new daemon process is there before the old one's socket is seen closed.
 */
import type { Isolation } from "../../api/isolation.ts";
import type { RunEnd, RunId, RunSpec, RunUsage } from "../runtimes/runtime-driver.ts";

/**
 * Raised when a message changes in a way that the other side cannot ignore. What each version knows:
 *
 * | version | the shim says                                                 | the daemon says           |
 * | ------- | ------------------------------------------------------------- | ------------------------- |
 * | 1       | hello, run, inventoryEnd, started, ended, usage, logsDropped  | start, stop, settle, exit |
 * | 2       | hello with protocolMin, isolation, ageMs; run with stopNotice | claim, heard              |
 *
 * A shim serves the daemon before and the one after its own: nothing new is started in a shim of another build, so what it
 * is told is to list, stop and settle its runs, and to exit.
 */
export const protocolVersion = 2;
/** The oldest that this program still speaks. */
export const protocolVersionMin = 1;

export const socketName = "shim.sock";
/** Written by the daemon before it starts the shim, and by the shim when it is claimed. */
export const configName = "config.json";
/** Written by the shim before it listens: how to find the process when it does not answer. */
export const processName = "process.json";
export const ownLogName = "shim.log";
/** Written by a shim for one run, just before that starts: its guest may wait inside an instruction, and then it is silent. */
export const ownRunName = "run.json";

export interface ShimIdentity {
  readonly shimId: string;
  /** Whose instances it hosts; undefined until it is claimed, and never another afterwards. */
  readonly namespace: string | undefined;
  /** Of the program that the shim runs: a daemon starts nothing new in a shim of another build. */
  readonly buildId: string;
  readonly isolation: Isolation;
}

export interface Claim {
  readonly namespace: string;
  readonly isolation: Isolation;
}

export type ToShim =
  /** For a shim that was started before it was known for whom. The same claim can be repeated. */
  | ({ readonly kind: "claim" } & Claim)
  | { readonly kind: "start"; readonly spec: RunSpec }
  | { readonly kind: "stop"; readonly uid: string; readonly graceMs: number }
  | { readonly kind: "settle"; readonly id: RunId }
  /** `empty`: once no run is left. `now`: stops all runs first. */
  | { readonly kind: "exit"; readonly when: "empty" | "now" }
  /** The scheduler heard this node so long ago (see `RunSpec.stopAloneAfterMs`). */
  | { readonly kind: "heard"; readonly agoMs: number };

export interface RunReport {
  readonly id: RunId;
  /** When its first instruction ran; undefined as long as it is being prepared, or was refused. */
  readonly startedMs: number | undefined;
  readonly ended: { readonly atMs: number; readonly end: RunEnd } | undefined;
  readonly logsDropped: boolean;
  readonly stopNotice: RunSpec["stopNotice"];
  readonly listeners: readonly BoundListener[];
}

export interface OwnRunRecord {
  readonly identity: ShimIdentity;
  readonly report: RunReport;
}

export interface Hello extends ShimIdentity {
  readonly protocol: number;
  /** The oldest daemon that the shim understands. */
  readonly protocolMin: number;
  /** Since it was started, by a clock that nobody sets. */
  readonly ageMs: number;
  readonly pid: number;
}

export type FromShim =
  | ({ readonly kind: "hello" } & Hello)
  | ({ readonly kind: "run" } & RunReport)
  | { readonly kind: "inventoryEnd" }
  | { readonly kind: "started"; readonly id: RunId; readonly atMs: number }
  | { readonly kind: "ended"; readonly id: RunId; readonly atMs: number; readonly end: RunEnd }
  | { readonly kind: "usage"; readonly usages: readonly RunUsage[] }
  | { readonly kind: "logsDropped"; readonly id: RunId }
  /** All of them, so far. */
  | { readonly kind: "listening"; readonly id: RunId; readonly listeners: readonly BoundListener[] };

/** One of a run's listeners whose template leaves the port open. */
export interface BoundListener {
  readonly name: string;
  readonly port: number;
}

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
  "listening",
]);
const toShimKinds: ReadonlySet<unknown> = new Set<ToShim["kind"]>([
  "claim",
  "start",
  "stop",
  "settle",
  "exit",
  "heard",
]);

/** Undefined for what this version does not know: a newer side may say more. What an older one leaves out is added. */
export function asFromShim(value: unknown): FromShim | undefined {
  if (!hasKind(value, fromShimKinds)) return undefined;
  const message = value as FromShim;
  switch (message.kind) {
    case "hello":
      return { ...helloBefore2, ...message };
    case "run":
      return { ...reportBefore2, ...message };
    case "usage":
      return { ...message, usages: message.usages.map((usage) => ({ ...usageBefore2, ...usage })) };
    default:
      return message;
  }
}

/** The version that both sides speak; undefined if there is none. */
export function commonProtocol(shim: Pick<Hello, "protocol" | "protocolMin">): number | undefined {
  const version = Math.min(shim.protocol, protocolVersion);
  return version >= shim.protocolMin && version >= protocolVersionMin ? version : undefined;
}

const helloBefore2 = { protocolMin: 1, namespace: undefined, isolation: "shared", ageMs: 0 } as const;
const reportBefore2 = {
  startedMs: undefined,
  ended: undefined,
  // Whoever may have been told to come to an end is given its time.
  stopNotice: "stdin",
  // Nobody asked before there were gateways.
  listeners: [],
} as const;
const usageBefore2 = { fuel: 0, throttledUs: 0 } as const;

export function asToShim(value: unknown): ToShim | undefined {
  return hasKind(value, toShimKinds) ? (value as ToShim) : undefined;
}

function hasKind(value: unknown, kinds: ReadonlySet<unknown>): boolean {
  return typeof value === "object" && value !== null && "kind" in value && kinds.has(value.kind);
}
