import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import { checkDns1035Label } from "../../../api/validation/names.ts";
import type { CrdNames } from "./crd.ts";

/** The names that a kind asks for, or that it was given. */
export function validateNames(names: Partial<CrdNames>, path: string): readonly FieldError[] {
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  const mixed = "may have mixed case, but should otherwise match: ";
  const inLists = [
    ...shortNames.map((text, at) => [`shortNames[${at}]`, text] as const),
    ...categories.map((text, at) => [`categories[${at}]`, text] as const),
  ];
  return [
    ...checkName(`${path}.plural`, plural, (text) => checkDns1035Label(text)),
    ...checkName(`${path}.singular`, singular, (text) => checkDns1035Label(text)),
    ...checkName(`${path}.kind`, kind, (text) => prefixed(mixed, checkDns1035Label(text.toLowerCase()))),
    ...checkName(`${path}.listKind`, listKind, (text) =>
      prefixed(mixed, checkDns1035Label(text.toLowerCase())),
    ),
    ...inLists.flatMap(([place, text]) => checkLabel(`${path}.${place}`, text)),
    ...(kind && kind === listKind
      ? [invalidValue(`${path}.listKind`, listKind, "kind and listKind may not be the same")]
      : []),
  ];
}

/** Those without which a kind can't be. singular and listKind have defaults. */
export function requireNames(names: Partial<CrdNames>, path: string): readonly FieldError[] {
  const fields = ["plural", "singular", "kind", "listKind"] as const;
  return fields.filter((field) => !names[field]).map((field) => requiredValue(`${path}.${field}`));
}

/** Empty ones are missing, which is another error. */
function checkName(
  field: string,
  text: string | undefined,
  check: (text: string) => string | undefined,
): readonly FieldError[] {
  const problem = text ? check(text) : undefined;
  return problem === undefined ? [] : [invalidValue(field, text, problem)];
}

function checkLabel(field: string, text: string): readonly FieldError[] {
  const problem = checkDns1035Label(text);
  return problem === undefined ? [] : [invalidValue(field, text, problem)];
}

function prefixed(prefix: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : prefix + problem;
}
