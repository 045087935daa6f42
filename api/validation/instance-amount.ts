import { type FieldError, invalidValue } from "./field-error.ts";

/** Instances, as a number or as a share of those that are wanted. */
export type InstanceAmount = number | string;

/** Without its `%`; NaN for a text that is neither. */
export function amountOf(value: InstanceAmount): number {
  if (typeof value === "number") return value;
  return /^-?\d+%?$/.test(value) ? Number(value.replace("%", "")) : Number.NaN;
}

/** `maySurpass`: whether it may be more than 100%. */
export function validateInstanceAmount(
  value: InstanceAmount,
  field: string,
  maySurpass = false,
): readonly FieldError[] {
  const amount = amountOf(value);
  if (Number.isNaN(amount))
    return [invalidValue(field, value, "must be a number such as 1 or a share such as 25%")];
  if (amount < 0) return [invalidValue(field, value, "must be greater than or equal to 0")];
  if (!maySurpass && typeof value === "string" && value.endsWith("%") && amount > 100)
    return [invalidValue(field, value, "must not be greater than 100%")];
  return [];
}
