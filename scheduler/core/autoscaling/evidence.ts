/** All that is known of an autoscaler at one moment: what its metrics say, who stands in for whom, and what of it is in doubt. */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import type { DecisionInput } from "./decision.ts";
import { tallyInstances, type InstanceTally, type ResourceQuestion } from "./instance-tally.ts";
import { rememberedMetric } from "./memory.ts";
import { metricsOf } from "./metric-names.ts";
import { judgeMetric, type MetricVerdict } from "./metric-verdict.ts";
import type { Reading } from "./reading.ts";
import type { ScalingBehavior } from "./scaling-rules.ts";
import type { ScaleTarget } from "./target.ts";

/**
 * As often as Kubernetes' HPA looks, and longer than what gateways count looks back. What is looked at more often sees the beginning of a
 * rise first, and would stop within the tolerance of what it comes to: for so long a rise that was begun is finished to the last instance.
 */
const riseMs = 15_000;

export interface Evidence {
  /** In the order of spec.metrics, and then of spec.fallback. */
  readonly judged: readonly MetricVerdict[];
  /** In the order of spec.metrics. */
  readonly verdicts: readonly MetricVerdict[];
  /** The first fallback that is known, if a metric is not. */
  readonly standIn: MetricVerdict | undefined;
  readonly tally: InstanceTally;
}

export function gatherEvidence(
  { autoscaler: { spec }, readings, fallbackReadings, memory, monotonicMs }: DecisionInput,
  { instances, specReplicas }: ScaleTarget,
  { up, down }: ScalingBehavior,
): Evidence {
  const metrics = metricsOf(spec).map((metric, at) => paired(metric, readings[at]));
  const fallbacks = (spec.fallback ?? []).map((metric, at) => paired(metric, fallbackReadings[at]));
  const questions = [...metrics, ...fallbacks].flatMap(questionOf);
  const tally = tallyInstances(instances, questions, monotonicMs);
  const judged = [...metrics, ...fallbacks].map(({ metric, reading }, at): MetricVerdict => {
    const asked = questions.findIndex(
      (question) => question.reading === reading && question.resource === metric.resource?.name,
    );
    const seen = rememberedMetric(memory, metric, at)?.sample;
    const isSeen = reading.kind !== "unknown" && seen?.atMs === reading.atMs;
    return judgeMetric(metric, reading, tally.resources[asked], {
      current: specReplicas,
      tally,
      ready: isSeen ? seen.ready : tally.ready,
      tolerance: { up: up.tolerance, down: down.tolerance },
      isRising: memory.risenMs !== undefined && monotonicMs - memory.risenMs < riseMs,
    });
  });
  const verdicts = judged.slice(0, metrics.length);
  const standIns = judged.slice(metrics.length);
  const isInNeed = verdicts.some((verdict) => isMissing(verdict, specReplicas));
  const standIn = isInNeed ? standIns.find((verdict) => !isUnknown(verdict)) : undefined;
  return { judged, verdicts, standIn, tally };
}

function isUnknown({ knowledge }: MetricVerdict): boolean {
  return knowledge.kind === "unknown";
}

/** Not known, though it should be: what instances use cannot be known where there are to be none, and nothing depends on it. */
export function isMissing(verdict: MetricVerdict, current: number): boolean {
  return isUnknown(verdict) && !(current === 0 && verdict.metric.type === "Resource");
}

/** Of those that can be judged, the largest proposal; undefined: there is none. */
export function largestProposal({ verdicts, standIn }: Evidence): MetricVerdict | undefined {
  let largest: MetricVerdict | undefined;
  for (const verdict of standIn === undefined ? verdicts : [...verdicts, standIn])
    if (verdict.proposal !== undefined && verdict.proposal > (largest?.proposal ?? -1)) largest = verdict;
  return largest;
}

interface Pair {
  readonly metric: AutoscalerMetric;
  readonly reading: Reading;
}

interface Question extends ResourceQuestion {
  readonly reading: Reading;
}

const notAsked: Reading = { kind: "unknown", reason: "Pending", message: "it was not asked yet" };

function paired(metric: AutoscalerMetric, reading: Reading | undefined): Pair {
  return { metric, reading: reading ?? notAsked };
}

function questionOf({ metric, reading }: Pair): readonly Question[] {
  if (reading.kind !== "perInstance" || metric.type !== "Resource" || metric.resource === undefined)
    return [];
  return [{ reading, resource: metric.resource.name, samples: reading.samples }];
}
