/** What one metric says: whether it is known, how many instances it proposes, whether something happens. */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import type { InstanceTally, ResourceTally } from "./instance-tally.ts";
import { targetValueOf, thresholdOf, type TargetValue } from "./metric-target-value.ts";
import type { Tolerance } from "./ratio.ts";
import type { Reading, UnknownReason } from "./reading.ts";
import { averageUse, proposeByUse, utilization, utilizationOf } from "./use-proposal.ts";
import { proposeByAverage, proposeByValue } from "./value-proposal.ts";

export interface MetricVerdict {
  readonly metric: AutoscalerMetric;
  readonly knowledge: Knowledge;
  /** undefined: it is not known. What is known in part may add to what there is, and takes nothing away. */
  readonly proposal: number | undefined;
  /** It proposes more only because a rise that has begun is finished. undefined: such a metric begins and finishes none. */
  readonly isWithinTolerance?: boolean;
  /** Whether something happens; undefined: metrics of this type say nothing of it, or it is not known. */
  readonly isActive: boolean | undefined;
  readonly current: CurrentValue;
  readonly target: TargetValue | undefined;
  /** When the data is from, by the wall clock. */
  readonly sampleMs: number | undefined;
  /** When whoever tells it was last found away, by the monotonic clock; undefined: never. */
  readonly awayMs?: number | undefined;
  /** How many had made it what it is. */
  readonly ready: number;
  /** For how long it must have been known before it takes anything away. */
  readonly trustMs: number;
}

export type Knowledge =
  | { readonly kind: "known" }
  | { readonly kind: "partial"; readonly message: string }
  | { readonly kind: "unknown"; readonly reason: UnknownReason; readonly message: string };

/** In the unit of the readings. */
export interface CurrentValue {
  readonly utilization?: number;
  readonly value?: number;
  readonly average?: number;
}

/** What a metric is judged by, beside its reading. */
export interface Surroundings {
  /** What the target should have now. */
  readonly current: number;
  readonly tally: InstanceTally;
  /** How many were ready when the reading was first seen: the same sample asks for more only once, however soon they are there. */
  readonly ready: number;
  readonly tolerance: Tolerance;
  /** A rise has begun just now: it is finished without tolerance. */
  readonly isRising: boolean;
}

/** However short a query looks back: what has just begun to answer again may not have heard of everybody yet. */
const trustMsMin = 60_000;
/** However far it looks back: who averages over a week must not keep for a week what a restart has left. */
const trustMsMax = 3_600_000;

/** `use`: what the instances come to, for a reading of each of them. */
export function judgeMetric(
  metric: AutoscalerMetric,
  reading: Reading,
  use: ResourceTally | undefined,
  surroundings: Surroundings,
): MetricVerdict {
  if (reading.kind === "unknown") return unknown(metric, reading.reason, reading.message);
  if (reading.kind === "value" && !Number.isFinite(reading.value))
    return unknown(metric, "NoData", `its value is ${reading.value}`);
  if (metric.type === "Schedule" && reading.kind === "value") return judgeSchedule(metric, reading);
  const target = targetValueOf(metric);
  if (target === undefined)
    return unknown(metric, "Misdeclared", "its target has no value that is more than 0");
  if (reading.kind === "value") return judgeValue(metric, reading, target, surroundings);
  if (use === undefined)
    return unknown(
      metric,
      "Malformed",
      `it is known of single instances, which says nothing of ${metric.type}`,
    );
  return { ...judgeUse(metric, use, target, surroundings), sampleMs: reading.atMs };
}

function judgeUse(
  metric: AutoscalerMetric,
  use: ResourceTally,
  target: TargetValue,
  { current, tally, ready, tolerance }: Surroundings,
): MetricVerdict {
  const { counted, overdue, withoutRequest } = use;
  const name = metric.resource?.name ?? "it";
  if (tally.total === 0) return unknown(metric, "NoData", "there are no instances");
  if (target.kind === "value")
    return unknown(metric, "Misdeclared", "a target of type Value says nothing of what instances use");
  if (target.kind === "utilization" && withoutRequest > 0)
    return unknown(
      metric,
      "Misdeclared",
      `${withoutRequest} of ${tally.total} instances request no ${name}, so there is nothing that it could be a share of: set resources.requests.${name}, or a target of type AverageValue`,
    );
  if (counted.count === 0)
    return unknown(
      metric,
      "NoData",
      `nothing is known of what the ready instances use (0 of ${tally.total})`,
    );
  const measure = target.kind === "utilization" ? utilization(target.percent) : averageUse(target.value);
  return {
    metric,
    knowledge:
      overdue === 0
        ? { kind: "known" }
        : {
            kind: "partial",
            message: `${overdue} of ${tally.total} instances have said nothing for a minute`,
          },
    proposal: proposeByUse(use, measure, current, tolerance),
    isActive: undefined,
    current: {
      average: counted.use / counted.count,
      ...(target.kind === "utilization" ? { utilization: utilizationOf(counted) } : {}),
    },
    target,
    sampleMs: undefined,
    ready,
    trustMs: trustMsMin,
  };
}

type ValueReading = Extract<Reading, { kind: "value" }>;

function judgeValue(
  metric: AutoscalerMetric,
  reading: ValueReading,
  target: TargetValue,
  { current, ready, tolerance, isRising }: Surroundings,
): MetricVerdict {
  if (target.kind === "utilization")
    return unknown(metric, "Misdeclared", `${metric.type} has no requests that it could be a share of`);
  const { value } = reading;
  const proposal =
    target.kind === "average"
      ? proposeByAverage(value, target.value, current, tolerance)
      : proposeByValue(value, target.value, { current, ready }, tolerance);
  // Of a Value it is only assumed that it falls as instances are added: the same rise would be answered again and again.
  const finishes = isRising && target.kind === "average" && proposal === current;
  const finished = finishes
    ? proposeByAverage(value, target.value, current, { ...tolerance, up: 0 })
    : proposal;
  return {
    metric,
    knowledge: knowledgeOf(reading),
    proposal: finished,
    ...(target.kind === "average" ? { isWithinTolerance: finished > proposal } : {}),
    isActive: activityOf(metric, reading),
    current: { value, ...(target.kind === "average" && current > 0 ? { average: value / current } : {}) },
    target,
    sampleMs: reading.atMs,
    awayMs: reading.awayMs,
    ready,
    trustMs: Math.min(Math.max(trustMsMin, reading.rangeMs ?? 0), trustMsMax),
  };
}

/** No tolerance: so many are asked for, and not about so many. */
function judgeSchedule(metric: AutoscalerMetric, reading: ValueReading): MetricVerdict {
  const isWithin = reading.value > 0;
  return {
    metric,
    knowledge: knowledgeOf(reading),
    proposal: isWithin ? (metric.schedule?.replicas ?? 0) : 0,
    isActive: isWithin,
    current: {},
    target: undefined,
    sampleMs: reading.atMs,
    ready: 0,
    trustMs: trustMsMin,
  };
}

function knowledgeOf({ isAtLeast, note }: ValueReading): Knowledge {
  if (!isAtLeast) return { kind: "known" };
  return { kind: "partial", message: note ?? "part of the data is missing, so it may be more" };
}

function activityOf(metric: AutoscalerMetric, { value, isActive }: ValueReading): boolean | undefined {
  if (metric.type === "Resource") return undefined;
  return isActive ?? value > thresholdOf(metric);
}

function unknown(metric: AutoscalerMetric, reason: UnknownReason, message: string): MetricVerdict {
  return {
    metric,
    knowledge: { kind: "unknown", reason, message },
    proposal: undefined,
    isActive: undefined,
    current: {},
    target: targetValueOf(metric),
    sampleMs: undefined,
    ready: 0,
    trustMs: trustMsMin,
  };
}
