import type { WasmNode } from "../gen/kinds.gen.ts";
import { duplicateValue, type FieldError, invalidValue } from "./field-error.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";

export function validateWasmNode({ spec }: WasmNode): readonly FieldError[] {
  return [...validateOvercommit(spec.overcommit ?? {}), ...validateTaints(spec)];
}

/** The schema has seen to it that they are numbers. With 0 of something nothing could ever be placed. */
function validateOvercommit(overcommit: NonNullable<WasmNode["spec"]["overcommit"]>): readonly FieldError[] {
  return (["cpu", "memory"] as const).flatMap((name) => {
    const ratio = overcommit[name];
    if (ratio === undefined || Number(ratio) > 0) return [];
    return [
      invalidValue(
        `spec.overcommit.${name}`,
        ratio,
        "must be greater than 0; to keep instances away, cordon the node",
      ),
    ];
  });
}

function validateTaints(spec: WasmNode["spec"]): readonly FieldError[] {
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
