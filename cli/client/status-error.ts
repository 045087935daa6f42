import { WherryError } from "../../kit/errors.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** metav1.Status, as far as it is used. */
export interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  /** Where a list goes on whose first moment is no longer known. */
  readonly metadata?: { readonly continue?: string };
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
  };
}

/** The server answered, and refused. `code` is the status' reason: `NotFound`, `Conflict`, `Invalid`, … */
export class ApiStatusError extends WherryError {
  readonly status: Status;
  readonly httpStatus: number;

  constructor(status: Status, httpStatus: number) {
    super(status.reason || "Unknown", status.message ?? `HTTP ${httpStatus}`, {
      retryable: httpStatus === 429 || httpStatus >= 500,
    });
    this.name = "ApiStatusError";
    this.status = status;
    this.httpStatus = httpStatus;
  }
}

export function isNotFound(error: unknown): error is ApiStatusError {
  return error instanceof ApiStatusError && error.httpStatus === 404;
}

/**
 * The text that kubectl prints for a refusal, causes one per line with their field's path.
 * `attempt`: what was tried with what, such as `error when creating "hello.yaml"`.
 */
export function statusText(error: ApiStatusError, attempt?: string): string {
  const { reason, message, details } = error.status;
  const causes = causeLines(details?.causes ?? []);
  if (reason === "Invalid" && details?.kind !== undefined) {
    const prefix = `The ${details.kind} "${details.name ?? ""}" is invalid`;
    if (causes.length === 0) return message ?? prefix;
    return causes.length === 1
      ? `${prefix}: ${causes[0]}`
      : `${prefix}:${causes.map((cause) => `\n* ${cause}`).join("")}`;
  }
  const said = message ?? `the server answered with HTTP ${error.httpStatus}`;
  const kind = reason ? `Error from server (${reason})` : "Error from server";
  return `${kind}: ${attempt ? `${attempt}: ` : ""}${said}`;
}

function causeLines(causes: readonly StatusCause[]): string[] {
  const lines = causes.map(({ field, message }) => (field ? `${field}: ${message ?? ""}` : (message ?? "")));
  return [...new Set(lines)];
}
