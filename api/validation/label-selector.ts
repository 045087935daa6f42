import type { LabelSelector } from "../gen/kinds.gen.ts";
import { type FieldError, forbiddenValue, invalidValue, requiredValue } from "./field-error.ts";
import { validateLabels } from "./metadata.ts";
import { checkQualifiedName } from "./names.ts";

export function validateLabelSelector(selector: LabelSelector, field: string): readonly FieldError[] {
  return [
    ...validateLabels(selector.matchLabels ?? {}, `${field}.matchLabels`),
    ...(selector.matchExpressions ?? []).flatMap((term, at) => {
      const place = `${field}.matchExpressions[${at}]`;
      const problem = checkQualifiedName(term.key);
      const errors: FieldError[] =
        problem === undefined ? [] : [invalidValue(`${place}.key`, term.key, problem)];
      const takesValues = term.operator === "In" || term.operator === "NotIn";
      if (takesValues && !term.values?.length)
        errors.push(requiredValue(`${place}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      if (!takesValues && term.values?.length)
        errors.push(
          forbiddenValue(
            `${place}.values`,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
          ),
        );
      return errors;
    }),
  ];
}

export function selectorMatches(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return exact && (selector.matchExpressions ?? []).every((term) => termMatches(term, labels));
}

function termMatches(
  term: NonNullable<LabelSelector["matchExpressions"]>[number],
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, term.key) ? labels[term.key] : undefined;
  switch (term.operator) {
    case "In":
      return value !== undefined && (term.values ?? []).includes(value);
    case "NotIn":
      return value === undefined || !(term.values ?? []).includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return term.operator satisfies never;
  }
}
