/**
 * How many there should be, from what is proposed: windows, caution, zero, policies and bounds, in this order.
 *
 *   proposals ─▶ wanted ─▶ stabilized (windows) ─▶ kept (caution: nothing is taken away) ─▶ limited (policies, min, max)
 */
import type { WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Caution } from "./caution.ts";
import type { Idleness } from "./idleness.ts";
import type { AutoscalerMemory } from "./memory.ts";
import { recallRecommendations, stabilized, windowEnd, type Recommendations } from "./recommendations.ts";
import { downLimit, limitEnd, upLimit, withChange, type ReplicaChange } from "./replica-changes.ts";
import type { ScalingBehavior } from "./scaling-rules.ts";

export interface Choice {
  /** Without windows and limits. */
  readonly wanted: number;
  /** What is wanted, as near as windows and caution let it come; before the limits. */
  readonly stabilized: number;
  readonly replicas: number;
  /** What kept it from being what is wanted. */
  readonly stabilizedBy: "nothing" | "upWindow" | "downWindow" | "caution";
  readonly limitedBy: Limit;
  readonly recommendations: Recommendations;
  /** If `replicas` are set. */
  readonly changes: readonly ReplicaChange[];
  /** When windows, policies or idle times let it go on; undefined: nothing waits for time alone. */
  readonly wakeAtMs: number | undefined;
}

export type Limit = "nothing" | "max" | "min" | "upPolicies" | "downPolicies";

export interface ChoiceInput {
  readonly spec: WasmAutoscalerSpec;
  readonly behavior: ScalingBehavior;
  readonly current: number;
  /** The largest of the proposals; undefined: nothing is known. */
  readonly proposal: number | undefined;
  readonly caution: Caution;
  readonly idleness: Idleness;
  readonly memory: AutoscalerMemory;
  readonly nowMs: number;
}

export function choose(input: ChoiceInput): Choice {
  const { behavior, current, caution, idleness, memory, nowMs } = input;
  const windows = { upMs: behavior.up.windowMs, downMs: behavior.down.windowMs };
  const wanted = wantedOf(input);
  const recalled = recallRecommendations(memory.recommendations, current, windows, nowMs);
  const within = stabilizedFor(input, wanted, recalled);
  const mayTake = caution.obstacle === undefined;
  const kept = mayTake ? within : Math.max(within, current);
  const { replicas, limitedBy } = limited(input, kept);
  const change = { from: current, to: replicas };
  const changes = replicas === current ? memory.changes : withChange(memory.changes, change, behavior, nowMs);
  return {
    wanted,
    stabilized: kept,
    replicas,
    stabilizedBy: kept > within ? "caution" : stabilizedBy(wanted, within),
    limitedBy,
    recommendations: { ...recalled, latest: wanted },
    changes,
    wakeAtMs: earliestAfter(nowMs, [
      windowEnd(recalled, wanted, current, windows),
      ...(wanted < current || idleness.endsAtMs !== undefined ? [caution.endsAtMs] : []),
      idleness.endsAtMs,
      limitedBy === "upPolicies" ? limitEnd(behavior.up, changes, nowMs) : undefined,
      limitedBy === "downPolicies" ? limitEnd(behavior.down, changes, nowMs) : undefined,
    ]),
  };
}

function wantedOf({ spec, current, proposal = current, idleness }: ChoiceInput): number {
  if (spec.minReplicas > 0) return proposal;
  if (current === 0) return idleness.isActive ? Math.max(1, proposal) : 0;
  return idleness.isOver ? 0 : Math.max(1, proposal);
}

function stabilizedFor(
  { spec, current, idleness }: ChoiceInput,
  wanted: number,
  recalled: Recommendations,
): number {
  const within = stabilized(recalled, wanted, current);
  if (spec.minReplicas > 0) return within;
  if (current === 0) return Math.min(wanted, Math.max(1, within));
  return idleness.isOver ? 0 : within;
}

function stabilizedBy(wanted: number, within: number): Choice["stabilizedBy"] {
  if (wanted === within) return "nothing";
  return wanted > within ? "upWindow" : "downWindow";
}

function limited(input: ChoiceInput, kept: number): Pick<Choice, "replicas" | "limitedBy"> {
  const { spec, behavior, current, memory, nowMs } = input;
  const { minReplicas: min, maxReplicas: max } = spec;
  // What is declared counts at once, whatever metrics say of it and however fast that is.
  if (current > max) return { replicas: max, limitedBy: "max" };
  if (current < min) return { replicas: min, limitedBy: "min" };
  if (kept > current) {
    const fastest = upLimit(behavior.up, memory.changes, current, nowMs);
    // Who has nothing waits for no policy but that of never.
    const most = behavior.up.select !== "Disabled" ? Math.max(1, fastest) : fastest;
    if (kept > most && most < max) return { replicas: most, limitedBy: "upPolicies" };
    if (kept > max) return { replicas: max, limitedBy: "max" };
  }
  if (kept < current) {
    const fewest = downLimit(behavior.down, memory.changes, current, nowMs);
    if (kept < fewest && fewest > min) return { replicas: fewest, limitedBy: "downPolicies" };
    if (kept < min) return { replicas: min, limitedBy: "min" };
  }
  return { replicas: kept, limitedBy: "nothing" };
}

function earliestAfter(nowMs: number, times: readonly (number | undefined)[]): number | undefined {
  const later = times.filter((ms): ms is number => ms !== undefined && ms > nowMs && Number.isFinite(ms));
  return later.length === 0 ? undefined : Math.min(...later);
}
