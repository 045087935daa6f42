/** What Kubernetes demands of the bodies of access reviews. They have passed their schema. */
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "../../../api/validation/field-error.ts";
import { checkLabelValue, checkQualifiedName } from "../../../api/validation/names.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { objectsOf, textOf, textsOf } from "./policy.ts";

export interface ReviewRules {
  /** Whether somebody else than the caller is asked about. */
  readonly namesSubject: boolean;
  /** Whether it lies in a namespace, and asks about that only. */
  readonly local: boolean;
}

export function validateReview(review: JsonObject, rules: ReviewRules): readonly FieldError[] {
  const spec = isObject(review["spec"]) ? review["spec"] : {};
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const errors: FieldError[] = [];
  if (resource !== undefined && path !== undefined)
    errors.push(
      invalidValue(
        "spec.nonResourceAttributes",
        goNames(path),
        "cannot be specified in combination with resourceAttributes",
      ),
    );
  if (resource === undefined && path === undefined)
    errors.push(
      invalidValue(
        "spec.resourceAttributes",
        null,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    );
  if (rules.namesSubject && textOf(spec["user"]) === "" && textsOf(spec["groups"]).length === 0)
    errors.push(invalidValue("spec.user", "", "at least one of user or group must be specified"));
  if (isObject(resource)) errors.push(...validateSelectors(resource));
  errors.push(...validateMetadata(review, rules.local));
  return rules.local ? [...errors, ...validatePlace(review, resource, path)] : errors;
}

function validateMetadata(review: JsonObject, local: boolean): readonly FieldError[] {
  const { managedFields: _, ...metadata } = isObject(review["metadata"]) ? review["metadata"] : {};
  const given = Object.keys(metadata).filter((field) => !(local && field === "namespace"));
  if (given.length === 0) return [];
  return [invalidValue("metadata", metadata, local ? "must be empty except for namespace" : "must be empty")];
}

function validatePlace(review: JsonObject, resource: unknown, path: unknown): readonly FieldError[] {
  const metadata = isObject(review["metadata"]) ? review["metadata"] : {};
  const errors: FieldError[] = [];
  if (isObject(resource) && textOf(resource["namespace"]) !== textOf(metadata["namespace"]))
    errors.push(
      invalidValue(
        "spec.resourceAttributes.namespace",
        textOf(resource["namespace"]),
        "must match metadata.namespace",
      ),
    );
  if (path !== undefined)
    errors.push(
      invalidValue("spec.nonResourceAttributes", goNames(path), "disallowed on this kind of request"),
    );
  return errors;
}

/** Kubernetes shows these by their names in Go. */
function goNames(path: unknown): object {
  const { path: Path, verb: Verb } = isObject(path) ? path : {};
  return { Path: textOf(Path), Verb: textOf(Verb) };
}

function validateSelectors(resource: JsonObject): readonly FieldError[] {
  return (["fieldSelector", "labelSelector"] as const).flatMap((name) => {
    const selector = resource[name];
    if (!isObject(selector)) return [];
    const field = `spec.resourceAttributes.${name}`;
    const raw = textOf(selector["rawSelector"]);
    const requirements = objectsOf(selector["requirements"]);
    const errors: FieldError[] = [];
    if (raw !== "" && requirements.length > 0)
      errors.push(
        invalidValue(`${field}.rawSelector`, raw, "may not specified at the same time as requirements"),
      );
    if (raw === "" && requirements.length === 0)
      errors.push(
        requiredValue(
          `${field}.requirements`,
          `when ${field} is specified, requirements or rawSelector is required`,
        ),
      );
    const check = name === "labelSelector" ? checkLabelRequirement : checkFieldRequirement;
    return [
      ...errors,
      ...requirements.flatMap((one, at) => {
        const place = `${field}.requirements[${at}]`;
        return [...check(one, place), ...checkValues(one, place)];
      }),
    ];
  });
}

function checkFieldRequirement(requirement: JsonObject, field: string): readonly FieldError[] {
  return textOf(requirement["key"]) === "" ? [requiredValue(`${field}.key`, "must be specified")] : [];
}

function checkLabelRequirement(requirement: JsonObject, field: string): readonly FieldError[] {
  const key = textOf(requirement["key"]);
  const problem = checkQualifiedName(key);
  return [
    ...(problem === undefined ? [] : [invalidValue(`${field}.key`, key, problem)]),
    ...textsOf(requirement["values"]).flatMap((value, at) => {
      const valueProblem = checkLabelValue(value);
      return valueProblem === undefined ? [] : [invalidValue(`${field}.values[${at}]`, value, valueProblem)];
    }),
  ];
}

/** An operator that we do not know is let pass, as by Kubernetes: a newer client may. */
function checkValues(requirement: JsonObject, field: string): readonly FieldError[] {
  const values = textsOf(requirement["values"]);
  switch (requirement["operator"]) {
    case "In":
    case "NotIn":
      return values.length > 0
        ? []
        : [requiredValue(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? []
        : [
            forbiddenValue(
              `${field}.values`,
              "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
          ];
    default:
      return [];
  }
}
