import { errorMessage } from "../kit/errors.ts";
import { ConnectionError } from "./client/api-client.ts";
import { ApiStatusError, statusText } from "./client/status-error.ts";
import { Failure } from "./failure.ts";

/** What is printed for a failure. Of a bug of ours the stack too, since it is what a report needs. */
export function describeError(error: unknown): string {
  if (error instanceof ApiStatusError) return statusText(error);
  if (error instanceof ConnectionError) return error.message;
  if (error instanceof Failure) return `error: ${error.message}`;
  return error instanceof Error && error.name !== "AbortError"
    ? `error: ${errorMessage(error)}\n${error.stack ?? ""}`
    : `error: ${errorMessage(error)}`;
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ConnectionError;
}
