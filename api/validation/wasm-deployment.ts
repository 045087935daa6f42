import type { WasmDeployment } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue, unsupportedValue } from "./field-error.ts";
import { amountOf, validateInstanceAmount } from "./instance-amount.ts";
import { instanceTemplateWarnings, validateInstanceTemplate } from "./instance-template.ts";
import { validateWorkloadSelector } from "./workload-selector.ts";

export function validateWasmDeployment(
  { spec }: WasmDeployment,
  old: WasmDeployment | undefined,
): readonly FieldError[] {
  const { restartPolicy } = spec.template.spec;
  return [
    ...validateInstanceTemplate(spec.template, "spec.template"),
    ...(restartPolicy === undefined || restartPolicy === "Always"
      ? []
      : [unsupportedValue("spec.template.spec.restartPolicy", restartPolicy, ["Always"])]),
    ...validateRollingUpdate(spec.strategy),
    ...validateDeadline(spec),
    ...validateWorkloadSelector(spec, old?.spec, "deployment"),
  ];
}

/** What is legal, and is probably not what was meant. */
export function wasmDeploymentWarnings({ spec }: WasmDeployment): readonly string[] {
  const { template, wakeOnRequest } = spec;
  const isServing = template.spec.http !== undefined || template.spec.functions !== undefined;
  return [
    ...instanceTemplateWarnings(template, "spec.template"),
    ...(wakeOnRequest === true && !isServing
      ? ["spec.wakeOnRequest: no request reaches it: its template has neither http nor functions"]
      : []),
  ];
}

/** Until then no instance could ever count as available. */
function validateDeadline({
  minReadySeconds,
  progressDeadlineSeconds,
}: WasmDeployment["spec"]): readonly FieldError[] {
  const isTooShort = progressDeadlineSeconds <= minReadySeconds;
  const why = `must be greater than minReadySeconds (${minReadySeconds}), or every update would fail`;
  return isTooShort ? [invalidValue("spec.progressDeadlineSeconds", progressDeadlineSeconds, why)] : [];
}

function validateRollingUpdate({
  type,
  rollingUpdate,
}: WasmDeployment["spec"]["strategy"]): readonly FieldError[] {
  const field = "spec.strategy.rollingUpdate";
  const { maxSurge, maxUnavailable } = rollingUpdate;
  const errors = [
    ...validateInstanceAmount(maxSurge, `${field}.maxSurge`, true),
    ...validateInstanceAmount(maxUnavailable, `${field}.maxUnavailable`),
  ];
  if (errors.length > 0 || type !== "RollingUpdate") return errors;
  if (amountOf(maxSurge) > 0 || amountOf(maxUnavailable) > 0) return [];
  return [invalidValue(`${field}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")];
}
