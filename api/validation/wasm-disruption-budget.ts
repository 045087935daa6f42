import type { WasmDisruptionBudget } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue, requiredValue } from "./field-error.ts";
import { validateLabelSelector } from "./label-selector.ts";

const countMax = 2 ** 31 - 1;

export function validateWasmDisruptionBudget({ spec }: WasmDisruptionBudget): readonly FieldError[] {
  const { minAvailable, maxUnavailable, selector } = spec;
  return [
    ...validateChoice(spec),
    ...validateAmount(minAvailable, "spec.minAvailable"),
    ...validateAmount(maxUnavailable, "spec.maxUnavailable"),
    ...validateLabelSelector(selector, "spec.selector"),
  ];
}

/** Of what is legal, and blocks every drain but those of deployments that may surge. */
export function wasmDisruptionBudgetWarnings({ spec }: WasmDisruptionBudget): readonly string[] {
  const { minAvailable, maxUnavailable } = spec;
  const consequence =
    "allows no instance to be missing, ever: drains of their nodes will be blocked until this is changed, except for deployments that may surge";
  if (maxUnavailable !== undefined && Number.parseInt(String(maxUnavailable), 10) === 0)
    return [`spec.maxUnavailable: ${maxUnavailable} ${consequence}`];
  if (minAvailable === "100%") return [`spec.minAvailable: 100% ${consequence}`];
  return [];
}

function validateChoice({
  minAvailable,
  maxUnavailable,
}: WasmDisruptionBudget["spec"]): readonly FieldError[] {
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    return [
      invalidValue(
        "spec",
        { minAvailable, maxUnavailable },
        "minAvailable and maxUnavailable cannot be both set",
      ),
    ];
  if (minAvailable !== undefined || maxUnavailable !== undefined) return [];
  return [
    requiredValue("spec.maxUnavailable", "set it, or spec.minAvailable: without them it would mean nothing"),
  ];
}

function validateAmount(value: number | string | undefined, field: string): readonly FieldError[] {
  if (value === undefined) return [];
  const text = String(value);
  if (!/^\d+%?$/.test(text))
    return [invalidValue(field, value, "must be a number such as 1 or a share such as 25%, not negative")];
  const amount = Number.parseInt(text, 10);
  if (text.endsWith("%") && amount > 100)
    return [invalidValue(field, value, "must not be greater than 100%")];
  if (amount > countMax) return [invalidValue(field, value, `must not be greater than ${countMax}`)];
  return [];
}
