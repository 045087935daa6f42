/** What a schema cannot say about where instances may be placed. */
import type { InstanceSpec, Toleration } from "../gen/kinds.gen.ts";
import { parseVersionRange } from "../version-range.ts";
import { duplicateValue, type FieldError, invalidValue } from "./field-error.ts";
import {
  instanceAffinityWarnings,
  validateInstanceAffinity,
  validateLabelKey,
  validateLabelKeys,
} from "./instance-affinity.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { validateLabels } from "./metadata.ts";
import { checkLabelName } from "./names.ts";
import { validateNodeAffinity } from "./node-affinity.ts";

type Spread = NonNullable<InstanceSpec["topologySpreadConstraints"]>[number];

/** `field` is where the spec stands, such as `spec.template.spec`. */
export function placementFaults(spec: InstanceSpec, field: string): readonly FieldError[] {
  const { affinity, placementProfile = "", runtimeVersion = "" } = spec;
  const profileProblem = placementProfile === "" ? undefined : checkLabelName(placementProfile);
  return [
    ...(parseVersionRange(runtimeVersion)
      ? []
      : [invalidValue(`${field}.runtimeVersion`, runtimeVersion, versionAdvice)]),
    ...(profileProblem === undefined
      ? []
      : [invalidValue(`${field}.placementProfile`, placementProfile, profileProblem)]),
    ...validateLabels(spec.nodeSelector ?? {}, `${field}.nodeSelector`),
    ...(affinity?.nodeAffinity
      ? validateNodeAffinity(affinity.nodeAffinity, `${field}.affinity.nodeAffinity`)
      : []),
    ...(affinity ? validateInstanceAffinity(affinity, `${field}.affinity`) : []),
    ...validateSpread(spec.topologySpreadConstraints ?? [], `${field}.topologySpreadConstraints`),
    ...(spec.tolerations ?? []).flatMap((one, at) => validateToleration(one, `${field}.tolerations[${at}]`)),
  ];
}

const versionAdvice =
  "must be comparisons with blanks between them, each of up to four numbers and with >=, >, =, <= or < in front of it or nothing, such as >=14.6 or >=40 <42";

/** What is legal and hardly meant. */
export function placementWarnings({ affinity }: InstanceSpec, field: string): readonly string[] {
  return affinity ? instanceAffinityWarnings(affinity, `${field}.affinity`) : [];
}

function validateSpread(constraints: readonly Spread[], field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, at) => {
    const { topologyKey, whenUnsatisfiable } = constraint;
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    const isRepeated = seen.has(pair);
    seen.add(pair);
    return [
      ...validateConstraint(constraint, `${field}[${at}]`),
      ...(isRepeated ? [duplicateValue(`${field}[${at}].{topologyKey, whenUnsatisfiable}`, pair)] : []),
    ];
  });
}

function validateConstraint(constraint: Spread, field: string): readonly FieldError[] {
  const { maxSkew, topologyKey, whenUnsatisfiable, minDomains, labelSelector } = constraint;
  const { matchLabelKeys = [] } = constraint;
  return [
    ...(maxSkew > 0 ? [] : [invalidValue(`${field}.maxSkew`, maxSkew, "must be greater than zero")]),
    ...validateLabelKey(topologyKey, `${field}.topologyKey`),
    ...(minDomains === undefined || minDomains > 0
      ? []
      : [invalidValue(`${field}.minDomains`, minDomains, "must be greater than zero")]),
    ...(minDomains === undefined || whenUnsatisfiable === "DoNotSchedule"
      ? []
      : [
          invalidValue(
            `${field}.minDomains`,
            minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
          ),
        ]),
    ...(labelSelector ? validateLabelSelector(labelSelector, `${field}.labelSelector`) : []),
    ...validateLabelKeys(matchLabelKeys, labelSelector, `${field}.matchLabelKeys`),
  ];
}

function validateToleration(toleration: Toleration, field: string): readonly FieldError[] {
  const { key = "", operator, value = "", effect, tolerationSeconds } = toleration;
  const errors: FieldError[] = key === "" ? [] : [...validateLabelKey(key, `${field}.key`)];
  if (key === "" && operator !== "Exists")
    errors.push(
      invalidValue(
        `${field}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    );
  if (tolerationSeconds !== undefined && effect !== "NoExecute")
    errors.push(
      invalidValue(
        `${field}.effect`,
        effect ?? "",
        "effect must be 'NoExecute' when `tolerationSeconds` is set",
      ),
    );
  if (operator === "Exists" && value !== "")
    errors.push(invalidValue(`${field}.value`, value, "value must be empty when `operator` is 'Exists'"));
  return errors;
}
