/** As Kubernetes validates node affinity (pkg/apis/core/validation). */
import type { Affinity, NodeSelectorTerm } from "../gen/kinds.gen.ts";
import { parseWholeNumber } from "../whole-number.ts";
import { type FieldError, forbiddenValue, invalidValue, requiredValue } from "./field-error.ts";
import { checkLabelValue, checkQualifiedName, checkSubdomainName } from "./names.ts";

type Requirement = NonNullable<NodeSelectorTerm["matchExpressions"]>[number];

export function validateNodeAffinity(
  affinity: NonNullable<Affinity["nodeAffinity"]>,
  field: string,
): readonly FieldError[] {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const requiredField = `${field}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  const preferredField = `${field}.preferredDuringSchedulingIgnoredDuringExecution`;
  return [
    ...(required?.nodeSelectorTerms ?? []).flatMap((term, at) =>
      validateTerm(term, `${requiredField}[${at}]`),
    ),
    ...preferred.flatMap(({ preference }, at) =>
      validateTerm(preference, `${preferredField}[${at}].preference`),
    ),
  ];
}

function validateTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  field: string,
): readonly FieldError[] {
  return [
    ...matchExpressions.flatMap((one, at) => validateExpression(one, `${field}.matchExpressions[${at}]`)),
    ...matchFields.flatMap((one, at) => validateField(one, `${field}.matchFields[${at}]`)),
  ];
}

function validateExpression(requirement: Requirement, field: string): readonly FieldError[] {
  const { key, values = [] } = requirement;
  const problem = checkQualifiedName(key);
  return [
    ...validateValues(requirement, `${field}.values`),
    ...(problem === undefined ? [] : [invalidValue(`${field}.key`, key, problem)]),
    ...values.flatMap((value, at) => {
      // What a number is compared with may be negative, which no label is.
      const why = isComparison(requirement) ? undefined : checkLabelValue(value);
      return why === undefined ? [] : [invalidValue(`${field}.values[${at}]`, value, why)];
    }),
  ];
}

function isComparison({ operator }: Requirement): boolean {
  return operator === "Gt" || operator === "Lt";
}

function validateValues({ operator, values = [] }: Requirement, field: string): readonly FieldError[] {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0
        ? []
        : [requiredValue(field, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? []
        : [forbiddenValue(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case "Gt":
    case "Lt": {
      const [value = ""] = values;
      if (values.length !== 1)
        return [requiredValue(field, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
      return parseWholeNumber(value) !== undefined
        ? []
        : [invalidValue(`${field}[0]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")];
    }
    default:
      return operator satisfies never;
  }
}

function validateField({ key, operator, values = [] }: Requirement, field: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn")
    errors.push(invalidValue(`${field}.operator`, operator, "not a valid selector operator"));
  else if (values.length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(requiredValue(`${field}.values`, why));
  }
  if (key !== "metadata.name")
    return [...errors, invalidValue(`${field}.key`, key, "not a valid field selector key")];
  for (const [at, value] of values.entries()) {
    const problem = checkSubdomainName(value);
    if (problem !== undefined) errors.push(invalidValue(`${field}.values[${at}]`, value, problem));
  }
  return errors;
}
