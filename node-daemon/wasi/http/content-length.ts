import type { FieldsBase } from "./fields.ts";

export type ContentLength =
  | { readonly kind: "any" }
  | { readonly kind: "exactly"; readonly bytes: number }
  /** No body has it. */
  | { readonly kind: "malformed" };

/** As the headers say it: the same number as often as it is there. */
export function contentLength(headers: FieldsBase): ContentLength {
  const values = headers.get("content-length").map((value) => Buffer.from(value).toString("latin1"));
  const [first] = values;
  if (first === undefined) return { kind: "any" };
  const isOne = /^\d{1,15}$/.test(first) && values.every((value) => value === first);
  return isOne ? { kind: "exactly", bytes: Number(first) } : { kind: "malformed" };
}
