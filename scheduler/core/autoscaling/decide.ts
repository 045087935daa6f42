/**
 * What an autoscaler does now. As Kubernetes' HPA (autoscaling/v2) decides
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details), with a rule of our own for bad data
 * (caution.ts), with fallbacks (evidence.ts) and with zero (idleness.ts).
 *
 *   readings, instances ─▶ evidence ─▶ caution, idleness ─▶ choice ─▶ status, events, memory
 *
 * Pure. The instances are walked once, and everything else is bounded, whatever is declared and however much time has passed.
 */
import type { Condition, WasmAutoscaler } from "../../../api/gen/kinds.gen.ts";
import type { ConditionVerdict } from "../controllers/conditions.ts";
import {
  ableToScale,
  describe,
  scalingActive,
  scalingDisabled,
  scalingLimited,
  unableToScale,
  unknownReason,
} from "./autoscaler-conditions.ts";
import { autoscalerStatus, targetlessStatus } from "./autoscaler-status.ts";
import { judgeCaution, type Caution } from "./caution.ts";
import { choose, type Choice } from "./choice.ts";
import type { Decision, DecisionEvent, DecisionInput } from "./decision.ts";
import { gatherEvidence, isMissing, largestProposal, type Evidence } from "./evidence.ts";
import { judgeIdleness } from "./idleness.ts";
import { emptyAutoscalerMemory, type AutoscalerMemory } from "./memory.ts";
import { shortMetricName } from "./metric-names.ts";
import type { MetricVerdict } from "./metric-verdict.ts";
import type { UnknownReason } from "./reading.ts";
import { scalingBehavior } from "./scaling-rules.ts";
import type { ScaleTarget, TargetProblem } from "./target.ts";

export function decide(input: DecisionInput): Decision {
  const { autoscaler, target } = input;
  if (target.kind !== "found") return withoutTarget(input, target);
  if (target.target.specReplicas === 0 && autoscaler.spec.minReplicas > 0) return disabled(input);
  return scaled(input, target.target);
}

function scaled(input: DecisionInput, target: ScaleTarget): Decision {
  const { autoscaler, memory, monotonicMs: nowMs } = input;
  const { spec } = autoscaler;
  const current = target.specReplicas;
  const behavior = scalingBehavior(spec);
  const evidence = gatherEvidence(input, target, behavior);
  const caution = judgeCaution(evidence, memory, behavior.down.windowMs, nowMs);
  const idleness = judgeIdleness(spec, evidence, caution, memory, current, nowMs);
  const largest = largestProposal(evidence);
  const choice = choose({
    spec,
    behavior,
    current,
    proposal: largest?.proposal,
    caution,
    idleness,
    memory,
    nowMs,
  });
  const isChanged = choice.replicas !== current;
  const conditions = [
    ableToScale(choice, current, caution),
    scalingActive(evidence, current),
    scalingLimited(choice),
  ];
  const hasRisen = isChanged && largest !== undefined && beginsRise(largest, current);
  const risenMs = hasRisen ? nowMs : memory.risenMs;
  const next = remembered(input, choice, caution, idleness.idleSinceMs, current);
  const why = isChanged ? whyOf(choice, evidence, autoscaler, current) : "";
  return {
    replicas: isChanged ? choice.replicas : undefined,
    why,
    status: autoscalerStatus({
      autoscaler,
      current,
      desired: choice.replicas,
      evidence,
      conditions,
      nowMs: input.nowMs,
    }),
    unknown: reasonsOf(evidence, current),
    isFallback: evidence.standIn !== undefined,
    memory: isChanged ? { ...next, changes: choice.changes, risenMs, replicas: choice.replicas } : next,
    memoryIfFailed: next,
    events: [
      ...metricEvents(evidence, current, conditions, autoscaler),
      ...(isChanged ? [rescaled(choice.replicas, current, why)] : []),
    ],
    wakeAtMs: choice.wakeAtMs,
  };
}

/** By more than the tolerance, and by something that does not depend on how many there are. */
function beginsRise({ proposal = 0, isWithinTolerance }: MetricVerdict, current: number): boolean {
  return proposal > current && isWithinTolerance === false;
}

function withoutTarget({ autoscaler, memory, nowMs }: DecisionInput, problem: TargetProblem): Decision {
  const verdict = unableToScale(problem);
  const kept = { ...memory, certainSinceMs: undefined, idleSinceMs: undefined };
  return {
    replicas: undefined,
    why: "",
    status: targetlessStatus({ autoscaler, conditions: [verdict], nowMs }, problem.kind === "unavailable"),
    ...noneUnknown,
    memory: kept,
    memoryIfFailed: kept,
    events: isNews(verdict, autoscaler)
      ? [{ type: "Warning", reason: verdict.reason, message: verdict.message }]
      : [],
    wakeAtMs: undefined,
  };
}

function disabled({ autoscaler, nowMs }: DecisionInput): Decision {
  const memory = { ...emptyAutoscalerMemory, replicas: 0 };
  const able: ConditionVerdict = {
    type: "AbleToScale",
    status: "True",
    reason: "SucceededGetScale",
    message: "the target's scale was read",
  };
  return {
    replicas: undefined,
    why: "",
    status: autoscalerStatus({
      autoscaler,
      current: 0,
      desired: 0,
      evidence: undefined,
      conditions: [able, scalingDisabled],
      nowMs,
    }),
    ...noneUnknown,
    memory,
    memoryIfFailed: memory,
    events: [],
    wakeAtMs: undefined,
  };
}

/** No metric was looked at. */
const noneUnknown: Pick<Decision, "unknown" | "isFallback"> = { unknown: [], isFallback: false };

function reasonsOf({ verdicts }: Evidence, current: number): readonly UnknownReason[] {
  return verdicts.flatMap((verdict) =>
    verdict.knowledge.kind === "unknown" && isMissing(verdict, current) ? [verdict.knowledge.reason] : [],
  );
}

function remembered(
  { memory }: DecisionInput,
  { recommendations }: Choice,
  { known, certainSinceMs }: Caution,
  idleSinceMs: number | undefined,
  current: number,
): AutoscalerMemory {
  const { changes, risenMs } = memory;
  return { recommendations, changes, idleSinceMs, known, certainSinceMs, risenMs, replicas: current };
}

function whyOf(choice: Choice, evidence: Evidence, { spec }: WasmAutoscaler, current: number): string {
  if (current > spec.maxReplicas) return "Current number of replicas above Spec.MaxReplicas";
  if (current < spec.minReplicas) return "Current number of replicas below Spec.MinReplicas";
  if (choice.replicas === 0) return `Nothing has happened for ${spec.idleSeconds} s`;
  if (choice.replicas < current) return "All metrics below target";
  const largest = largestProposal(evidence);
  return largest === undefined ? "Something happens" : `${shortMetricName(largest.metric)} above target`;
}

function rescaled(to: number, from: number, why: string): DecisionEvent {
  return {
    type: "Normal",
    reason: "SuccessfulRescale",
    message: `New size: ${to} (was ${from}); reason: ${why}`,
  };
}

/** One for each metric that is not known, once: when the condition begins to say so, or says another reason. */
function metricEvents(
  { verdicts }: Evidence,
  current: number,
  conditions: readonly ConditionVerdict[],
  autoscaler: WasmAutoscaler,
): readonly DecisionEvent[] {
  const active = conditions.find(({ type }) => type === "ScalingActive");
  if (active?.status !== "False" || !isNews(active, autoscaler)) return [];
  const missing = verdicts.filter((verdict) => isMissing(verdict, current));
  return missing.map((verdict) => ({
    type: "Warning",
    reason: unknownReason(verdict),
    message: describe(verdict),
  }));
}

function isNews({ type, status, reason }: ConditionVerdict, { status: before }: WasmAutoscaler): boolean {
  const known = before?.conditions?.find((condition: Condition) => condition.type === type);
  return known?.status !== status || known.reason !== reason;
}
