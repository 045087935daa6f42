import { isDeepStrictEqual } from "node:util";
import type { WasmDeployment } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue, unsupportedValue } from "./field-error.ts";
import { validateInstanceTemplate } from "./instance-template.ts";
import { selectorMatches, validateLabelSelector } from "./label-selector.ts";

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
    ...validateSelector(spec),
    ...(old ? validateSelectorChange(spec, old.spec) : []),
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

/** As in Kubernetes: what autoscalers and budgets select by must not change under them. */
function validateSelectorChange(
  { selector }: WasmDeployment["spec"],
  old: WasmDeployment["spec"],
): readonly FieldError[] {
  if (isDeepStrictEqual(selector, old.selector)) return [];
  const why =
    "field is immutable; delete the deployment and create it again, or leave the selector as it was";
  return [invalidValue("spec.selector", selector ?? null, why)];
}

function validateSelector({ selector, template }: WasmDeployment["spec"]): readonly FieldError[] {
  if (!selector) return [];
  const errors = validateLabelSelector(selector, "spec.selector");
  const labels = template.metadata?.labels ?? {};
  if (errors.length > 0 || selectorMatches(selector, labels)) return errors;
  return [
    invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
  ];
}

function validateRollingUpdate({
  type,
  rollingUpdate,
}: WasmDeployment["spec"]["strategy"]): readonly FieldError[] {
  const field = "spec.strategy.rollingUpdate";
  const errors = (["maxSurge", "maxUnavailable"] as const).flatMap((name) => {
    const value = rollingUpdate[name];
    const amount = amountOf(value);
    if (Number.isNaN(amount))
      return [invalidValue(`${field}.${name}`, value, "must be a number such as 1 or a share such as 25%")];
    if (amount < 0) return [invalidValue(`${field}.${name}`, value, "must be greater than or equal to 0")];
    if (name === "maxUnavailable" && typeof value === "string" && value.endsWith("%") && amount > 100)
      return [invalidValue(`${field}.${name}`, value, "must not be greater than 100%")];
    return [];
  });
  if (errors.length > 0 || type !== "RollingUpdate") return errors;
  if (amountOf(rollingUpdate.maxSurge) > 0 || amountOf(rollingUpdate.maxUnavailable) > 0) return [];
  return [
    invalidValue(
      `${field}.maxUnavailable`,
      rollingUpdate.maxUnavailable,
      "may not be 0 when `maxSurge` is 0",
    ),
  ];
}

function amountOf(value: number | string): number {
  if (typeof value === "number") return value;
  return /^-?\d+%?$/.test(value) ? Number(value.replace("%", "")) : Number.NaN;
}
