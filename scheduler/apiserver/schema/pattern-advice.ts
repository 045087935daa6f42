import type { FieldError } from "../../../api/validation/field-error.ts";

/** What a person should write, for the patterns that appear in our own schemas. */
const advices: readonly { readonly marker: string; readonly advice: string }[] = [
  {
    marker: "[KMGTPE]i",
    advice:
      "must be a quantity: a number with an optional unit, such as 250m or 2 for cpu, 64Mi or 1Gi for memory",
  },
  {
    marker: "file|https?",
    advice: "must begin with https://, http:// or file://, such as file:///srv/app.wasm",
  },
  { marker: "[0-9]+%?", advice: "must be a number of instances such as 1, or a share such as 25%" },
  { marker: "sha256:", advice: "must be sha256: followed by 64 lower-case hexadecimal digits" },
  {
    marker: "[-a-z0-9]*[a-z0-9]",
    advice:
      "must consist of lower case alphanumeric characters or '-', and start and end with an alphanumeric character",
  },
  { marker: "'^/'", advice: "must be an absolute path, beginning with /" },
];

const form = /^(?<value>Invalid value: .*): \S+ in body should match (?<pattern>'.*')$/s;

/** The same error, saying what to write instead of the pattern that does not match. */
export function patternAdvice(error: FieldError): FieldError {
  const { value, pattern = "" } = form.exec(error.message)?.groups ?? {};
  const known = advices.find(({ marker }) => pattern.includes(marker));
  if (value === undefined || !known) return error;
  return { ...error, message: `${value}: ${known.advice}` };
}
