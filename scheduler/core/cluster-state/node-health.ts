/**
 * When silence of a node means that it is lost.
 *
 *   normal ── too many silent at once ──▶ massSilence ── enough are back ──▶ normal (all waits start anew)
 *
 * In mass silence the scheduler suspects itself and declares nothing. When it ends, the nodes that are still silent
 * get the whole `lostAfterMs` again: they may be reconnecting to a scheduler that was itself cut off. The share is
 * that of Kubernetes' --unhealthy-zone-threshold.
 */
import type { NodeConnection } from "../model.ts";

export type NodeHealthMemory =
  | { readonly kind: "normal"; readonly sinceMs: number }
  | { readonly kind: "massSilence" };

export interface NodeHealthInput {
  readonly nodes: Iterable<{ readonly name: string; readonly connection: NodeConnection }>;
  readonly nowMs: number;
  readonly lostAfterMs: number;
  /** What the last call returned; at first `normal` since the start. */
  readonly memory: NodeHealthMemory;
}

export interface NodeHealth {
  /** Suspect nodes whose time is over. */
  readonly lost: readonly string[];
  readonly memory: NodeHealthMemory;
  /** When the next suspect falls due; undefined: not before a connection changes. */
  readonly wakeAtMs: number | undefined;
}

const silentPercentMax = 55;

export function assessNodeHealth(input: NodeHealthInput): NodeHealth {
  const { nowMs, lostAfterMs, memory } = input;
  let total = 0;
  let silent = 0;
  const suspects: { readonly name: string; readonly sinceMs: number }[] = [];
  for (const { name, connection } of input.nodes) {
    total++;
    if (connection.kind !== "connected") silent++;
    if (connection.kind === "suspect") suspects.push({ name, sinceMs: connection.sinceMs });
  }
  if (isMassSilence(total, silent)) return { lost: [], memory: { kind: "massSilence" }, wakeAtMs: undefined };

  const normal = memory.kind === "normal" ? memory : { kind: "normal" as const, sinceMs: nowMs };
  const lost: string[] = [];
  let wakeAtMs: number | undefined;
  for (const { name, sinceMs } of suspects) {
    const dueMs = Math.max(sinceMs, normal.sinceMs) + lostAfterMs;
    if (dueMs <= nowMs) lost.push(name);
    else wakeAtMs = Math.min(wakeAtMs ?? dueMs, dueMs);
  }
  return { lost, memory: normal, wakeAtMs };
}

function isMassSilence(total: number, silent: number): boolean {
  if (total > 1 && silent === total) return true;
  return total > 2 && silent * 100 >= silentPercentMax * total;
}
