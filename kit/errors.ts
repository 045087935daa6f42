/**
 * Operating failures: something outside this program went wrong. `code` is stable and is what callers compare;
 * the message says what was attempted, then the values. Expected outcomes are returned values, never errors,
 * and our own bugs are `Bug`.
 */
export class WherryError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WherryError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** A broken invariant of ours. Fails the one request or instance it belongs to; never caught to go on quietly. */
export class Bug extends Error {
  override readonly name = "Bug";
}

export function assertNever(value: never, what: string): never {
  throw new Bug(`unexpected ${what}: ${JSON.stringify(value)}`);
}

/** The text of anything that was thrown, for messages that people read. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`ENOENT`, …) or of a {@link WherryError}; undefined for anything else. */
export function errorCode(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
