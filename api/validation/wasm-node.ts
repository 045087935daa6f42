import type { WasmNode } from "../gen/kinds.gen.ts";
import { checkRatio } from "../overcommit.ts";
import { duplicateValue, type FieldError, invalidValue } from "./field-error.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";

export function validateWasmNode({ spec }: WasmNode): readonly FieldError[] {
  return [...taintErrors(spec), ...overcommitErrors(spec)];
}

function overcommitErrors({ overcommit = {} }: WasmNode["spec"]): readonly FieldError[] {
  return (["cpu", "memory"] as const).flatMap((what) => {
    const ratio = overcommit[what];
    const problem = ratio === undefined ? undefined : checkRatio(ratio);
    return problem === undefined ? [] : [invalidValue(`spec.overcommit.${what}`, ratio, problem)];
  });
}

function taintErrors(spec: WasmNode["spec"]): readonly FieldError[] {
  const seen = new Set<string>();
  return (spec.taints ?? []).flatMap((taint, at) => {
    const field = `spec.taints[${at}]`;
    const keyProblem = checkQualifiedName(taint.key);
    const valueProblem = checkLabelValue(taint.value ?? "");
    const identity = `${taint.key}:${taint.effect}`;
    const repeated = seen.has(identity);
    seen.add(identity);
    return [
      ...(keyProblem === undefined ? [] : [invalidValue(`${field}.key`, taint.key, keyProblem)]),
      ...(valueProblem === undefined ? [] : [invalidValue(`${field}.value`, taint.value, valueProblem)]),
      ...(repeated ? [duplicateValue(field, taint)] : []),
    ];
  });
}
