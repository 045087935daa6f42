/** The reasons that Kubernetes gives in `details.causes` of a Status. */
export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueTypeInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueNotFound";

/** What is wrong with one field: `field` is its path (`spec.mounts[0].path`), `message` everything after the path. */
export interface FieldError {
  readonly reason: FieldErrorReason;
  readonly field: string;
  readonly message: string;
}

/** Values are shown, but never at length: messages are read by people and kept in logs. */
const shownLengthMax = 200;

export function showValue(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}

export function invalidValue(field: string, value: unknown, why: string): FieldError {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${showValue(value)}: ${why}` };
}

export function requiredValue(field: string, why = ""): FieldError {
  return {
    reason: "FieldValueRequired",
    field,
    message: why === "" ? "Required value" : `Required value: ${why}`,
  };
}

export function duplicateValue(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, message: `Duplicate value: ${showValue(value)}` };
}

export function forbiddenValue(field: string, why: string): FieldError {
  return { reason: "FieldValueForbidden", field, message: `Forbidden: ${why}` };
}

export function notFoundValue(field: string, value: unknown, why: string): FieldError {
  return { reason: "FieldValueNotFound", field, message: `Not found: ${showValue(value)}: ${why}` };
}

export function unsupportedValue(field: string, value: unknown, supported: readonly unknown[]): FieldError {
  // Kubernetes quotes numbers, too.
  const list = supported
    .map((one) => JSON.stringify(typeof one === "string" ? one : JSON.stringify(one)))
    .join(", ");
  return {
    reason: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${showValue(value)}: supported values: ${list}`,
  };
}

export function tooLong(field: string, bytesMax: number): FieldError {
  const unit = bytesMax === 1 ? "byte" : "bytes";
  return {
    reason: "FieldValueTooLong",
    field,
    message: `Too long: may not be more than ${bytesMax} ${unit}`,
  };
}

export function tooMany(field: string, count: number, countMax: number): FieldError {
  return {
    reason: "FieldValueTooMany",
    field,
    message: `Too many: ${count}: must have at most ${countMax} ${countMax === 1 ? "item" : "items"}`,
  };
}
