import type { WasmAutoscaler } from "../../api/gen/kinds.gen.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Scale } from "../backend/scale-backend.ts";
import type { Decision, DecisionInput } from "../core/autoscaling/decision.ts";
import { metricsOf } from "../core/autoscaling/metric-names.ts";
import { type AutoscalerCounters, unknownByReason } from "./autoscaler-figures.ts";
import type { AutoscalerRecord, LastLook } from "./autoscaler-record.ts";
import type { FollowedTarget, TargetReading } from "./followed-target.ts";
import { whileNodesAreUnknown } from "./metric-watches.ts";
import type { TargetCluster } from "./target-instances.ts";
import { wakesSlowly, withWakeUpNote } from "./wake-up-note.ts";

export interface AutoscalerCluster extends TargetCluster {
  /** Whether some node that was declared before the start has neither reported nor been given up. */
  hasUnknownNodes(): boolean;
  /** Whether requests wake the workload with this uid when it is at 0. */
  wakesOnRequest(uid: string): boolean;
}

/** What was found, and what is to be done. */
export interface Look {
  /** As it is stored. */
  readonly autoscaler: WasmAutoscaler;
  /** The same with the status that was decided last, which may not be stored yet. */
  readonly judged: WasmAutoscaler;
  readonly target: FollowedTarget;
  /** undefined: there is no target. */
  readonly scale: Scale | undefined;
  readonly decision: Decision;
  readonly last: LastLook;
}

export interface LookParts {
  readonly clock: Clock;
  readonly cluster: AutoscalerCluster;
  readonly decide: (input: DecisionInput) => Decision;
  readonly counters: AutoscalerCounters;
}

/** Opens and reads its metrics, and decides. Nothing is carried out. */
export function lookAt(record: AutoscalerRecord, reading: TargetReading, parts: LookParts): Look {
  const { clock, cluster, decide, counters } = parts;
  const { autoscaler, watches } = record;
  const isFound = reading.kind === "found";
  prepare(record, reading);
  const nodesWereUnknown = cluster.hasUnknownNodes();
  const judgedAs = nodesWereUnknown ? whileNodesAreUnknown : <T>(one: T) => one;
  const readings = watches.readings().map((one) => judgedAs(one));
  const fallbackReadings = watches.fallbackReadings().map((one) => judgedAs(one));
  const status = record.last?.status ?? autoscaler.status;
  const judged = status === undefined ? autoscaler : { ...autoscaler, status };
  const startMs = clock.monotonic();
  const decided = decide({
    autoscaler: judged,
    target: isFound ? { kind: "found", target: reading.target } : reading,
    readings,
    fallbackReadings,
    memory: record.memory,
    nowMs: clock.now(),
    monotonicMs: startMs,
  });
  counters.decisionSeconds.observe((clock.monotonic() - startMs) / 1_000);
  const scale = isFound ? reading.scale : undefined;
  const isSlow = scale !== undefined && wakesSlowly(autoscaler, cluster.wakesOnRequest(scale.uid));
  const decision = isSlow ? { ...decided, status: withWakeUpNote(decided.status) } : decided;
  const { isFallback } = decision;
  const last = {
    status: decision.status,
    unknown: unknownByReason(decision.unknown),
    isFallback,
    nodesWereUnknown,
  };
  return { autoscaler, judged, target: record.target, scale, decision, last };
}

function prepare(record: AutoscalerRecord, reading: TargetReading): void {
  const { spec } = record.autoscaler;
  if (reading.kind === "found") {
    if (!record.watches.isOf(reading.owner)) record.loseTarget();
    record.watches.set(reading.owner, metricsOf(spec), spec.fallback ?? []);
    return;
  }
  // Of what cannot be asked now it is not known that it is another one.
  if (reading.kind !== "unavailable") record.loseTarget();
}
