/** As Kubernetes validates the affinity of pods (pkg/apis/core/validation), with instances for pods. */
import { isDeepStrictEqual } from "node:util";
import type { Affinity, AffinityTerm, LabelSelector } from "../gen/kinds.gen.ts";
import { type FieldError, forbiddenValue, invalidValue } from "./field-error.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { checkLabelName, checkQualifiedName } from "./names.ts";

const sides = ["instanceAffinity", "instanceAntiAffinity"] as const;

interface PlacedTerm {
  readonly term: AffinityTerm;
  readonly field: string;
}

export function validateInstanceAffinity(affinity: Affinity, field: string): readonly FieldError[] {
  return sides.flatMap((side) => {
    const preferred = affinity[side]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const preferredField = `${field}.${side}.preferredDuringSchedulingIgnoredDuringExecution`;
    return [
      ...requiredTerms(affinity, side, field),
      ...preferred.map((one, at) => ({
        term: one.instanceAffinityTerm,
        field: `${preferredField}[${at}].instanceAffinityTerm`,
      })),
    ].flatMap((one) => validateTerm(one));
  });
}

/** To be near and apart from the same, which is legal: at most a first instance that selects itself has a place. */
export function instanceAffinityWarnings(affinity: Affinity, field: string): readonly string[] {
  const near = requiredTerms(affinity, "instanceAffinity", field);
  return requiredTerms(affinity, "instanceAntiAffinity", field).flatMap(({ term, field: place }) => {
    const other = near.find((one) => isDeepStrictEqual(one.term, term));
    return other === undefined ? [] : [`${place}: contradicts ${other.field}, which is the same`];
  });
}

function requiredTerms(
  affinity: Affinity,
  side: (typeof sides)[number],
  field: string,
): readonly PlacedTerm[] {
  const place = `${field}.${side}.requiredDuringSchedulingIgnoredDuringExecution`;
  return (affinity[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term, at) => ({
    term,
    field: `${place}[${at}]`,
  }));
}

function validateTerm({ term, field }: PlacedTerm): readonly FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  return [
    ...(labelSelector ? validateLabelSelector(labelSelector, `${field}.labelSelector`) : []),
    ...(namespaceSelector ? validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`) : []),
    ...namespaces.flatMap((namespace, at) => {
      const problem = checkLabelName(namespace);
      return problem === undefined ? [] : [invalidValue(`${field}.namespaces[${at}]`, namespace, problem)];
    }),
    ...validateLabelKeyLists(term, field),
    ...validateLabelKey(topologyKey, `${field}.topologyKey`),
  ];
}

function validateLabelKeyLists(term: AffinityTerm, field: string): readonly FieldError[] {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  return [
    ...validateLabelKeys(matchLabelKeys, labelSelector, `${field}.matchLabelKeys`),
    ...validateLabelKeys(mismatchLabelKeys, labelSelector, `${field}.mismatchLabelKeys`),
    ...matchLabelKeys.flatMap((key, at) =>
      mismatchLabelKeys.includes(key)
        ? [
            invalidValue(
              `${field}.matchLabelKeys[${at}]`,
              key,
              "exists in both matchLabelKeys and mismatchLabelKeys",
            ),
          ]
        : [],
    ),
  ];
}

export function validateLabelKeys(
  keys: readonly string[],
  selector: LabelSelector | undefined,
  field: string,
): readonly FieldError[] {
  if (keys.length === 0) return [];
  if (selector === undefined)
    return [forbiddenValue(field, "must not be specified when labelSelector is not set")];
  const selected = new Set([
    ...Object.keys(selector.matchLabels ?? {}),
    ...(selector.matchExpressions ?? []).map(({ key }) => key),
  ]);
  const list = field.slice(field.lastIndexOf(".") + 1);
  return keys.flatMap((key, at) => [
    ...validateLabelKey(key, `${field}[${at}]`),
    ...(selected.has(key)
      ? [invalidValue(`${field}[${at}]`, key, `exists in both ${list} and labelSelector`)]
      : []),
  ]);
}

export function validateLabelKey(key: string, field: string): readonly FieldError[] {
  const problem = checkQualifiedName(key);
  return problem === undefined ? [] : [invalidValue(field, key, problem)];
}
