/**
 * Values as jco's bindings take them. A WIT `result` is returned tagged, never thrown: an error that a guest expects is no
 * exception, and one that is thrown costs a stack trace.
 */
export interface Ok<T> {
  readonly tag: "ok";
  readonly val: T;
}

export interface Err<E> {
  readonly tag: "err";
  readonly val: E;
}

export type Result<T, E> = Ok<T> | Err<E>;

export function ok<T>(val: T): Ok<T> {
  return { tag: "ok", val };
}

export function err<E>(val: E): Err<E> {
  return { tag: "err", val };
}

/** `result<_, E>` that succeeded. */
export const done: Ok<undefined> = { tag: "ok", val: undefined };

/** A `u64` as a count that the host can use: no more than `max`. */
export function atMost(wanted: bigint, max: number): number {
  return wanted > BigInt(max) ? max : Number(wanted);
}
