import { isDeepStrictEqual } from "node:util";
import type { InstanceTemplate, WasmDeployment } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue } from "./field-error.ts";
import { selectorMatches, validateLabelSelector } from "./label-selector.ts";

interface Selecting {
  readonly selector?: WasmDeployment["spec"]["selector"];
  readonly template: InstanceTemplate;
}

/** As in Kubernetes: it selects the template's labels, and what autoscalers and budgets select by must not change under them. */
export function validateWorkloadSelector(
  spec: Selecting,
  old: Selecting | undefined,
  word: "deployment" | "daemon set",
): readonly FieldError[] {
  return [...validateSelector(spec), ...(old ? validateChange(spec, old, word) : [])];
}

function validateSelector({ selector, template }: Selecting): readonly FieldError[] {
  if (!selector) return [];
  const errors = validateLabelSelector(selector, "spec.selector");
  const labels = template.metadata?.labels ?? {};
  if (errors.length > 0 || selectorMatches(selector, labels)) return errors;
  return [
    invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
  ];
}

function validateChange({ selector }: Selecting, old: Selecting, word: string): readonly FieldError[] {
  if (isDeepStrictEqual(selector, old.selector)) return [];
  const why = `field is immutable; delete the ${word} and create it again, or leave the selector as it was`;
  return [invalidValue("spec.selector", selector ?? null, why)];
}
