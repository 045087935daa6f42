import { ApiStatusError, statusText } from "../client/status-error.ts";
import { describeError } from "../error-text.ts";
import { Failure } from "../failure.ts";

/**
 * What is printed for a document that could not be applied, or for something else that was done with it. Throws what is no matter of
 * the document: a server that is away says the same of all the others.
 */
export function describeApplyError(error: unknown, what: string, attempt = "applying"): string {
  if (error instanceof ApiStatusError) return statusText(error, `error when ${attempt} ${what}`);
  if (error instanceof Failure) return describeError(error);
  throw error;
}
