/** What the schema of autoscalers cannot say. Where it is the same, paths and messages are those of Kubernetes' HPA (autoscaling/v2). */
import type { AutoscalerMetric, ScalingRules, WasmAutoscaler, WasmAutoscalerSpec } from "../gen/kinds.gen.ts";
import { validateAutoscalerMetric } from "./autoscaler-metric.ts";
import { duplicateValue, type FieldError, forbiddenValue, invalidValue } from "./field-error.ts";
import { checkPathSegmentName } from "./names.ts";
import { validateQuantity } from "./resources.ts";

export function validateWasmAutoscaler(
  { spec }: WasmAutoscaler,
  old: WasmAutoscaler | undefined,
): readonly FieldError[] {
  const { metrics = [], fallback = [], behavior } = spec;
  const schedules = schedulesOf(old?.spec);
  return [
    ...validateReference(spec),
    ...validateBounds(spec),
    ...metrics.flatMap((metric, at) => validateAutoscalerMetric(metric, `spec.metrics[${at}]`, schedules)),
    ...fallback.flatMap((metric, at) => validateAutoscalerMetric(metric, `spec.fallback[${at}]`, schedules)),
    ...validateRules(behavior?.scaleUp, "spec.behavior.scaleUp"),
    ...validateRules(behavior?.scaleDown, "spec.behavior.scaleDown"),
  ];
}

/** As text: what was right once may be wrong now, as time zones come and go; it must not keep others from changing something else. */
function schedulesOf(spec: WasmAutoscalerSpec | undefined): ReadonlySet<string> {
  const metrics: readonly AutoscalerMetric[] = [...(spec?.metrics ?? []), ...(spec?.fallback ?? [])];
  return new Set(
    metrics.flatMap(({ schedule }) => (schedule === undefined ? [] : [JSON.stringify(schedule)])),
  );
}

function validateReference({ scaleTargetRef }: WasmAutoscalerSpec): readonly FieldError[] {
  const { apiVersion, kind, name } = scaleTargetRef;
  const field = "spec.scaleTargetRef";
  const errors = (["kind", "name"] as const).flatMap((part) => {
    const problem = checkPathSegmentName(part === "kind" ? kind : name);
    return problem === undefined ? [] : [invalidValue(`${field}.${part}`, scaleTargetRef[part], problem)];
  });
  if (/^([a-z0-9][-a-z0-9.]*\/)?[a-z0-9][-a-z0-9]*$/.test(apiVersion)) return errors;
  const why = "must be a group and a version, such as wherry.dev/v1alpha1, or a version alone";
  return [...errors, invalidValue(`${field}.apiVersion`, apiVersion, why)];
}

function validateBounds({
  minReplicas,
  maxReplicas,
  metrics = [],
}: WasmAutoscalerSpec): readonly FieldError[] {
  if (maxReplicas < minReplicas)
    return [invalidValue("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`")];
  if (minReplicas > 0 || metrics.some(({ type }) => type !== "Resource")) return [];
  return [
    forbiddenValue(
      "spec.metrics",
      "must specify at least one metric of type Requests, Prometheus, Redis or Schedule to support scaling to zero replicas: what instances use does not say when there should be one again",
    ),
  ];
}

function validateRules(rules: ScalingRules | undefined, field: string): readonly FieldError[] {
  if (rules === undefined) return [];
  const seen = new Set<string>();
  const duplicates = (rules.policies ?? []).flatMap((policy, at) => {
    const { type, value, periodSeconds } = policy;
    const text = JSON.stringify([type === "Pods" ? "Instances" : type, value, periodSeconds]);
    if (seen.has(text)) return [duplicateValue(`${field}.policies[${at}]`, policy)];
    seen.add(text);
    return [];
  });
  return [...duplicates, ...validateQuantity(rules.tolerance, `${field}.tolerance`)];
}
