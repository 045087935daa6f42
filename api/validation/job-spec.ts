import type { WasmJobSpec } from "../gen/kinds.gen.ts";
import { IndexRanges, indexRangesFault } from "../index-ranges.ts";
import { stoppedReason, terminationReasons } from "../termination-reasons.ts";
import {
  duplicateValue,
  type FieldError,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "./field-error.ts";
import { instanceTemplateWarnings, validateInstanceTemplate } from "./instance-template.ts";
import { faultsOfServingJob } from "./serving.ts";

type FailureRule = NonNullable<WasmJobSpec["failurePolicy"]>["rules"][number];
type SuccessRule = NonNullable<WasmJobSpec["successPolicy"]>["rules"][number];

/** The spec of a job at `field`, by itself: what a change of it may be is for whoever has both. */
export function validateJobSpec(spec: WasmJobSpec, field: string): readonly FieldError[] {
  return [
    ...validateInstanceTemplate(spec.template, `${field}.template`),
    ...faultsOfServingJob(spec.template.spec, `${field}.template.spec`),
    ...validateRestartPolicy(spec, field),
    ...validateIndexLimits(spec, field),
    ...validateFailurePolicy(spec, `${field}.failurePolicy`),
    ...validateSuccessPolicy(spec, field),
  ];
}

/** What is legal, and is probably not what was meant. */
export function jobSpecWarnings(spec: WasmJobSpec, field: string): readonly string[] {
  return [
    ...instanceTemplateWarnings(spec.template, `${field}.template`),
    ...(spec.failurePolicy?.rules ?? []).flatMap(({ onReasons = [] }, at) =>
      onReasons
        .filter((reason) => !terminationReasons.has(reason) && reason !== stoppedReason)
        .map(
          (reason) =>
            `${field}.failurePolicy.rules[${at}].onReasons: no instance is known to end with reason "${reason}"; ` +
            "docs/JOBS.md lists those that are",
        ),
    ),
  ];
}

/** A node that restarts the guest by itself asks nobody what that failure means. */
function validateRestartPolicy(spec: WasmJobSpec, field: string): readonly FieldError[] {
  const { restartPolicy } = spec.template.spec;
  const at = `${field}.template.spec.restartPolicy`;
  if (restartPolicy === "Always") return [unsupportedValue(at, restartPolicy, ["OnFailure", "Never"])];
  const needsNever = (["failurePolicy", "backoffLimitPerIndex"] as const).find(
    (name) => spec[name] !== undefined,
  );
  if (restartPolicy !== "OnFailure" || needsNever === undefined) return [];
  return [invalidValue(at, restartPolicy, `only "Never" is supported when ${needsNever} is specified`)];
}

function validateIndexLimits(spec: WasmJobSpec, field: string): readonly FieldError[] {
  const { completions, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const errors: FieldError[] = [];
  if (backoffLimitPerIndex !== undefined && completions === undefined)
    errors.push(requiredValue(`${field}.completions`, "when backoffLimitPerIndex is specified"));
  if (maxFailedIndexes === undefined) return errors;
  if (backoffLimitPerIndex === undefined)
    errors.push(requiredValue(`${field}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  if (completions !== undefined && maxFailedIndexes > completions)
    errors.push(
      invalidValue(
        `${field}.maxFailedIndexes`,
        maxFailedIndexes,
        `must be less than or equal to completions, which is ${completions}`,
      ),
    );
  return errors;
}

function validateFailurePolicy(spec: WasmJobSpec, field: string): readonly FieldError[] {
  return (spec.failurePolicy?.rules ?? []).flatMap((rule, at) => {
    const path = `${field}.rules[${at}]`;
    const errors = [...validateFailureMatch(rule, path)];
    if (rule.action === "FailIndex" && spec.backoffLimitPerIndex === undefined)
      errors.push(invalidValue(`${path}.action`, rule.action, "requires the backoffLimitPerIndex to be set"));
    return errors;
  });
}

function validateFailureMatch({ onExitCodes, onReasons }: FailureRule, path: string): readonly FieldError[] {
  if ((onExitCodes === undefined) === (onReasons === undefined))
    return [
      invalidValue(
        path,
        { onExitCodes, onReasons },
        "specifying one of onExitCodes and onReasons is required, and not both",
      ),
    ];
  const errors: FieldError[] = [];
  if (onExitCodes?.operator === "In" && onExitCodes.values.includes(0))
    errors.push(
      invalidValue(`${path}.onExitCodes.values`, 0, "must not be 0 for the In operator: that is success"),
    );
  for (const [at, reason] of (onReasons ?? []).entries()) {
    const place = `${path}.onReasons[${at}]`;
    if (reason === stoppedReason)
      errors.push(
        invalidValue(place, reason, "is the end of what was stopped by order, which is never a failure"),
      );
    if (onReasons?.indexOf(reason) !== at) errors.push(duplicateValue(place, reason));
  }
  return errors;
}

function validateSuccessPolicy(spec: WasmJobSpec, field: string): readonly FieldError[] {
  const { completions, successPolicy } = spec;
  if (successPolicy === undefined) return [];
  if (completions === undefined)
    return [requiredValue(`${field}.completions`, "when successPolicy is specified")];
  return successPolicy.rules.flatMap((rule, at) =>
    validateSuccessRule(rule, completions, `${field}.successPolicy.rules[${at}]`),
  );
}

function validateSuccessRule(
  { succeededIndexes, succeededCount }: SuccessRule,
  completions: number,
  path: string,
): readonly FieldError[] {
  if (succeededIndexes === undefined && succeededCount === undefined)
    return [requiredValue(path, "at least one of succeededCount or succeededIndexes must be specified")];
  const fault = succeededIndexes === undefined ? undefined : indexRangesFault(succeededIndexes, completions);
  if (fault !== undefined) return [invalidValue(`${path}.succeededIndexes`, succeededIndexes, fault)];
  if (succeededCount === undefined) return [];
  const [countMax, of] =
    succeededIndexes === undefined
      ? [completions, "completions"]
      : [IndexRanges.parse(succeededIndexes).size, "the number of indexes in succeededIndexes"];
  if (succeededCount <= countMax) return [];
  return [
    invalidValue(
      `${path}.succeededCount`,
      succeededCount,
      `must be less than or equal to ${countMax} (${of})`,
    ),
  ];
}
