import type { ObjectMeta } from "../object-meta.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  showValue,
  tooLong,
} from "./field-error.ts";
import {
  checkLabelName,
  checkLabelValue,
  checkPathSegmentName,
  checkQualifiedName,
  checkSubdomainName,
} from "./names.ts";

/** Namespaces are labels, RBAC's kinds are path segments, nearly everything else is a subdomain. */
export type NameForm = "label" | "subdomain" | "path";

const nameChecks = { label: checkLabelName, subdomain: checkSubdomainName, path: checkPathSegmentName };

/** All annotations together. */
const annotationsBytesMax = 256 * 1024;

/** `nameForm` is that of the kind. */
export function validateMetadata(
  metadata: ObjectMeta,
  old: ObjectMeta | undefined,
  nameForm: NameForm,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const nameProblem = nameChecks[nameForm](metadata.name);
  if (metadata.name === "") errors.push(requiredValue("metadata.name", "name or generateName is required"));
  else if (nameProblem !== undefined) errors.push(invalidValue("metadata.name", metadata.name, nameProblem));
  errors.push(...validateLabels(metadata.labels ?? {}, "metadata.labels"));
  errors.push(...validateAnnotations(metadata.annotations ?? {}, "metadata.annotations"));
  for (const finalizer of metadata.finalizers ?? []) {
    if (errors.length >= errorsMax) break;
    const problem = checkQualifiedName(finalizer);
    if (problem !== undefined) errors.push(invalidValue("metadata.finalizers", finalizer, problem));
  }
  for (const [at, owner] of (metadata.ownerReferences ?? []).entries()) {
    if (errors.length >= errorsMax) break;
    const field = `metadata.ownerReferences[${at}]`;
    for (const part of ["apiVersion", "kind", "name", "uid"] as const)
      if (!owner[part]) errors.push(requiredValue(`${field}.${part}`, "must not be empty"));
  }
  if (old?.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers);
    const added = (metadata.finalizers ?? []).filter((one) => !before.has(one));
    if (added.length > 0)
      errors.push(
        forbiddenValue(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers ${showValue(added)}`,
        ),
      );
  }
  return errors;
}

/** More would help nobody, and there may be many thousands. */
const errorsMax = 100;

export function validateLabels(
  labels: Readonly<Record<string, string>>,
  field: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (errors.length >= errorsMax) break;
    const keyProblem = checkQualifiedName(key);
    const valueProblem = checkLabelValue(value);
    if (keyProblem !== undefined) errors.push(invalidValue(field, key, keyProblem));
    if (valueProblem !== undefined) errors.push(invalidValue(field, value, valueProblem));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>>,
  field: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const problem = errors.length < errorsMax ? checkQualifiedName(key.toLowerCase()) : undefined;
    if (problem !== undefined) errors.push(invalidValue(field, key, problem));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > annotationsBytesMax) errors.push(tooLong(field, annotationsBytesMax));
  return errors;
}
