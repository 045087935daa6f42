/** What an autoscaler's status says. */
import type { Condition, WasmAutoscaler, WasmAutoscalerStatus } from "../../../api/gen/kinds.gen.ts";
import { formatQuantity } from "../../../api/quantity.ts";
import { assertNever } from "../../../kit/errors.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { conditionAfter, type ConditionVerdict } from "../controllers/conditions.ts";
import type { Evidence } from "./evidence.ts";
import { metricName, shortMetricName } from "./metric-names.ts";
import type { CurrentValue, MetricVerdict } from "./metric-verdict.ts";

export interface StatusFacts {
  readonly autoscaler: WasmAutoscaler;
  readonly current: number;
  readonly desired: number;
  /** undefined: it was not looked at. */
  readonly evidence: Evidence | undefined;
  readonly conditions: readonly ConditionVerdict[];
  readonly nowMs: number;
}

export function autoscalerStatus(facts: StatusFacts): WasmAutoscalerStatus {
  const { autoscaler, current, desired, evidence, nowMs } = facts;
  const { status } = autoscaler;
  const lastScaleTime = desired !== current ? toTimestamp(nowMs) : status?.lastScaleTime;
  const verdicts = evidence === undefined ? [] : withStandIn(evidence);
  return {
    ...identity(autoscaler),
    targets: targetsText(evidence),
    currentReplicas: current,
    desiredReplicas: desired,
    ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
    currentMetrics: verdicts.map(metricStatus),
    conditions: conditionsAfter(facts),
  };
}

/** Without a target. What was known of it is not known any more, unless it only cannot be asked for now. */
export function targetlessStatus(
  facts: Pick<StatusFacts, "autoscaler" | "conditions" | "nowMs">,
  isPassing: boolean,
): WasmAutoscalerStatus {
  const { autoscaler } = facts;
  return {
    ...(isPassing ? autoscaler.status : { targets: none }),
    ...identity(autoscaler),
    conditions: conditionsAfter(facts),
  };
}

function identity({
  metadata,
  spec,
}: WasmAutoscaler): Pick<WasmAutoscalerStatus, "observedGeneration" | "reference"> {
  const { kind, name } = spec.scaleTargetRef;
  return {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    reference: `${kind}/${name}`,
  };
}

/** Those that are not judged now stay as they were. */
function conditionsAfter({
  autoscaler,
  conditions,
  nowMs,
}: Pick<StatusFacts, "autoscaler" | "conditions" | "nowMs">): readonly Condition[] {
  const before = autoscaler.status?.conditions ?? [];
  const kept = before.filter(({ type }) => conditions.every((verdict) => verdict.type !== type));
  const judged = conditions.map((verdict) =>
    conditionAfter(before, verdict, autoscaler.metadata.generation, nowMs),
  );
  return [...judged, ...kept];
}

function withStandIn({ verdicts, standIn }: Evidence): readonly MetricVerdict[] {
  return standIn === undefined ? verdicts : [...verdicts, standIn];
}

type MetricStatus = NonNullable<WasmAutoscalerStatus["currentMetrics"]>[number];

function metricStatus(verdict: MetricVerdict): MetricStatus {
  const { metric, knowledge, proposal, sampleMs, current } = verdict;
  const { utilization, value, average } = current;
  return {
    type: metric.type,
    name: metricName(metric),
    current: {
      ...(utilization === undefined ? {} : { averageUtilization: Math.min(utilization, int32Max) }),
      ...(value === undefined ? {} : { value: amount(verdict, value) }),
      ...(average === undefined ? {} : { averageValue: amount(verdict, average) }),
    },
    ...(proposal === undefined ? {} : { proposedReplicas: proposal }),
    ...(sampleMs === undefined ? {} : { sampleTime: toTimestamp(sampleMs) }),
    ...(knowledge.kind === "known" ? {} : { message: messageOf(knowledge) }),
  };
}

function messageOf(knowledge: Exclude<MetricVerdict["knowledge"], { kind: "known" }>): string {
  return knowledge.kind === "unknown" ? `${knowledge.reason}: ${knowledge.message}` : knowledge.message;
}

const int32Max = 2 ** 31 - 1;
const shownMax = 3;
const none = "<none>";

/** As in the column of `kubectl get hpa`: `cpu: 30%/80%, inFlight: 12/10 (avg)`. */
function targetsText(evidence: Evidence | undefined): string {
  const verdicts = evidence?.verdicts ?? [];
  if (verdicts.length === 0) return none;
  const rest = verdicts.length - shownMax;
  const shown = verdicts.slice(0, shownMax).map(targetText).join(", ");
  const standIn = evidence?.standIn === undefined ? "" : `; fallback ${targetText(evidence.standIn)}`;
  return `${shown}${rest > 0 ? ` + ${rest} more...` : ""}${standIn}`;
}

function targetText(verdict: MetricVerdict): string {
  const { metric, current, target } = verdict;
  const name = shortMetricName(metric);
  if (metric.type === "Schedule") return `${name}: ${scheduleText(verdict)}`;
  if (target === undefined) return `${name}: <unknown>`;
  switch (target.kind) {
    case "utilization":
      return `${name}: ${percentText(current)}/${target.percent}%`;
    case "value":
      return `${name}: ${amountText(verdict, current.value)}/${amount(verdict, target.value)}`;
    case "average":
      // Where there is nobody, nobody has a share.
      return `${name}: ${amountText(verdict, current.average ?? current.value)}/${amount(verdict, target.value)} (avg)`;
    default:
      return assertNever(target, "target");
  }
}

function scheduleText({ metric, isActive }: MetricVerdict): string {
  if (isActive === undefined) return "<unknown>";
  return isActive ? `${metric.schedule?.replicas ?? 0}` : "not now";
}

function percentText({ utilization }: CurrentValue): string {
  return utilization === undefined ? "<unknown>" : `${Math.min(utilization, int32Max)}%`;
}

function amountText(verdict: MetricVerdict, value: number | undefined): string {
  return value === undefined ? "<unknown>" : amount(verdict, value);
}

const milliMax = 2n ** 63n - 1n;

/** A quantity, whatever the number is: what is too large for one is shown as the largest. */
function amount({ metric }: MetricVerdict, value: number): string {
  // What readings of cpu are in is thousandths already.
  const exact = metric.resource?.name === "cpu" ? value : value * 1_000;
  if (!(Math.abs(exact) < Number(milliMax)))
    return formatQuantity(exact < 0 ? -milliMax : milliMax, "decimal");
  const milli = BigInt(Math.round(exact));
  if (metric.resource?.name === "memory") return formatQuantity((milli / 1_000n) * 1_000n, "binary");
  return formatQuantity(milli, "decimal");
}
