/**
 * From and to zero, where minReplicas is 0. Metrics of requests, queries, queues and schedules say whether something happens; what instances
 * use says nothing of it.
 *
 *   0 ──something happens──▶ at least 1 ──nothing happens, all of it known, for idleSeconds without a gap──▶ 0
 *
 * That time is the window for this step: what was wanted shortly before keeps nothing. Whoever else wakes it (the gateway holds a request)
 * makes the time begin anew.
 */
import type { WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Caution } from "./caution.ts";
import type { Evidence } from "./evidence.ts";
import type { AutoscalerMemory } from "./memory.ts";

export interface Idleness {
  /** Whether something is known to happen. */
  readonly isActive: boolean;
  readonly idleSinceMs: number | undefined;
  /** Nothing has happened for long enough. Whether anything may be taken away is another question. */
  readonly isOver: boolean;
  /** When that will be, if nothing happens. */
  readonly endsAtMs: number | undefined;
}

export function judgeIdleness(
  { minReplicas, idleSeconds }: WasmAutoscalerSpec,
  { verdicts, standIn }: Evidence,
  { certainSinceMs }: Caution,
  memory: AutoscalerMemory,
  current: number,
  nowMs: number,
): Idleness {
  const all = standIn === undefined ? verdicts : [...verdicts, standIn];
  const isActive = all.some((verdict) => verdict.isActive === true);
  const isIdle =
    minReplicas === 0 &&
    current > 0 &&
    !isActive &&
    certainSinceMs !== undefined &&
    verdicts.some((verdict) => verdict.isActive === false);
  if (!isIdle) return { isActive, idleSinceMs: undefined, isOver: false, endsAtMs: undefined };
  // Since the last look: by a request, or by somebody. What we have set ourselves is remembered.
  const wasWoken = memory.replicas !== undefined && current > memory.replicas;
  const idleSinceMs = wasWoken ? nowMs : Math.max(memory.idleSinceMs ?? nowMs, certainSinceMs);
  const endsAtMs = idleSinceMs + idleSeconds * 1_000;
  return { isActive, idleSinceMs, isOver: endsAtMs <= nowMs, endsAtMs };
}
