import { type ApiError, badRequest } from "../status.ts";

/** Whether a write is to be tried only. Throws for values that mean nothing. */
export function dryRunOf(values: readonly string[]): boolean {
  const given = values.filter((value) => value !== "");
  const wrong = given.find((value) => value !== "All");
  if (wrong !== undefined) throw unsupportedParameter("dryRun", wrong, ["All"]);
  return given.length > 0;
}

export function unsupportedParameter(name: string, value: unknown, supported: readonly string[]): ApiError {
  const list = supported.map((one) => JSON.stringify(one)).join(", ");
  return badRequest(`${name}: Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`);
}
