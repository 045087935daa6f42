import type { AutoscalerMetric, ScalingRules, WasmAutoscaler } from "../../api/gen/kinds.gen.ts";
import { assertNever } from "../../kit/errors.ts";
import { ageOf } from "../output/age.ts";
import { cellText, formatColumns } from "../output/table.ts";
import { type DescribedLine, formatSection } from "./text.ts";

type MetricStatus = NonNullable<NonNullable<WasmAutoscaler["status"]>["currentMetrics"]>[number];

const unknown = "<unknown>";
/** The server's, where nothing is declared. */
const downWindowSeconds = 300;
const defaultMetrics: readonly AutoscalerMetric[] = [
  { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
];

/** In the order in which one asks: of what, how many, between which bounds, how fast. */
export function describeAutoscaler({ spec, status }: WasmAutoscaler, now: number): readonly DescribedLine[] {
  const { scaleTargetRef, minReplicas, maxReplicas, idleSeconds, behavior } = spec;
  const line = (label: string, value: string | number, depth = 0): DescribedLine => ({
    depth,
    label,
    value: String(value),
  });
  const { currentReplicas, desiredReplicas, lastScaleTime } = status ?? {};
  return [
    line("Reference", `${scaleTargetRef.kind}/${scaleTargetRef.name} (${scaleTargetRef.apiVersion})`),
    line("Min Replicas", minReplicas),
    line("Max Replicas", maxReplicas),
    ...(minReplicas === 0 ? [line("To Zero", zeroText(idleSeconds, behavior))] : []),
    line("Replicas", `${currentReplicas ?? unknown} current / ${desiredReplicas ?? unknown} desired`),
    line(
      "Last Scaled",
      lastScaleTime === undefined ? "<never>" : `${lastScaleTime} (${ageOf(lastScaleTime, now)} ago)`,
    ),
    line("Behavior", ""),
    line("Scale Up", rulesText(behavior?.scaleUp, "4 Instances or 100% each 15s", 0), 1),
    line("Scale Down", rulesText(behavior?.scaleDown, "100% each 15s", downWindowSeconds), 1),
  ];
}

/** Idle or not, nothing goes before the window of scaling down is over. */
function zeroText(idleSeconds: number, behavior: WasmAutoscaler["spec"]["behavior"]): string {
  const windowSeconds = behavior?.scaleDown?.stabilizationWindowSeconds ?? downWindowSeconds;
  const idle = `when nothing has happened for ${idleSeconds}s`;
  return windowSeconds > idleSeconds ? `${idle}, once the window of ${windowSeconds}s is over` : idle;
}

/** What each metric is and should be. Those of spec.fallback are last, where one stands in. */
export function describeMetrics({ spec, status }: WasmAutoscaler, now: number): string {
  const declared = spec.metrics?.length ? spec.metrics : defaultMetrics;
  const known = status?.currentMetrics ?? [];
  const rows = declared.map((metric, at) => metricRow(metric, known[at], now, ""));
  const standIns = known.slice(declared.length).map((current) => {
    const metric = (spec.fallback ?? []).find(
      (one) => nameOf(one) === current.name && one.type === current.type,
    );
    return metricRow(metric, current, now, " (fallback)");
  });
  const header = ["Type", "Name", "Current", "Target", "Proposes", "Measured", "Message"];
  return formatSection("Metrics", header, [...rows, ...standIns], formatColumns);
}

function metricRow(
  metric: AutoscalerMetric | undefined,
  status: MetricStatus | undefined,
  now: number,
  note: string,
): readonly string[] {
  const { current, proposedReplicas, sampleTime, message = "" } = status ?? {};
  return [
    metric?.type ?? status?.type ?? "",
    cellText(`${(metric && nameOf(metric)) ?? status?.name ?? ""}${note}`),
    metric?.schedule ? scheduleText(status) : currentText(current),
    metric === undefined ? unknown : targetText(metric),
    proposedReplicas === undefined ? "" : String(proposedReplicas),
    sampleTime === undefined ? "" : `${ageOf(sampleTime, now)} ago`,
    cellText(message),
  ];
}

function scheduleText(status: MetricStatus | undefined): string {
  if (status?.proposedReplicas === undefined) return unknown;
  return status.proposedReplicas > 0 ? "now" : "not now";
}

function currentText(current: MetricStatus["current"]): string {
  const { averageUtilization, averageValue, value } = current ?? {};
  const amount = averageValue === undefined ? value : `${averageValue} (avg)`;
  if (averageUtilization === undefined) return amount === undefined ? unknown : String(amount);
  return averageValue === undefined ? `${averageUtilization}%` : `${averageUtilization}% (${averageValue})`;
}

function targetText({ schedule, resource, requests, prometheus, redis }: AutoscalerMetric): string {
  if (schedule) return `at least ${schedule.replicas}`;
  const target = (resource ?? requests ?? prometheus ?? redis)?.target;
  if (target === undefined) return unknown;
  switch (target.type) {
    case "Utilization":
      return `${target.averageUtilization ?? unknown}%`;
    case "AverageValue":
      return `${target.averageValue ?? unknown} (avg)`;
    case "Value":
      return String(target.value ?? unknown);
    default:
      return assertNever(target.type, "type of target");
  }
}

function nameOf({ resource, requests, prometheus, redis, schedule }: AutoscalerMetric): string | undefined {
  if (schedule) return `${schedule.start} to ${schedule.end}`;
  return resource?.name ?? requests?.metric ?? prometheus?.query ?? redis?.list?.key ?? redis?.stream?.key;
}

function rulesText(rules: ScalingRules | undefined, usual: string, windowSeconds: number): string {
  if (rules?.selectPolicy === "Disabled") return "never";
  const policies = (rules?.policies ?? []).map(({ type, value, periodSeconds }) =>
    type === "Percent" ? `${value}% each ${periodSeconds}s` : `${value} Instances each ${periodSeconds}s`,
  );
  const word = rules?.selectPolicy === "Min" ? " and " : " or ";
  const window = rules?.stabilizationWindowSeconds ?? windowSeconds;
  const tolerance = rules?.tolerance === undefined ? "" : `; tolerance ${rules.tolerance}`;
  return `${policies.length === 0 ? usual : policies.join(word)}; window ${window}s${tolerance}`;
}
