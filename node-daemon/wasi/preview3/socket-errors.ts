import { errno } from "../abi.ts";
import type { StreamFailure } from "../host.ts";
import type { SocketError } from "../sockets/network.ts";
import { socketErrorOf } from "../sockets/socket-errors.ts";

/** `error-code` of `wasi:sockets/types`. */
export type ErrorCode =
  | { readonly tag: Exclude<SocketError, keyof typeof elsewhere> | "connection-broken" }
  | { readonly tag: "other"; readonly val: string | undefined };

/** Errors of 0.2 that 0.3 has no word for. */
const elsewhere = {
  unknown: undefined,
  "concurrency-conflict": "concurrency-conflict",
  "not-in-progress": "not-in-progress",
  "would-block": "would-block",
  "new-socket-limit": "new-socket-limit",
  "name-unresolvable": "name-unresolvable",
  "temporary-resolver-failure": "temporary-resolver-failure",
  "permanent-resolver-failure": "permanent-resolver-failure",
} as const;

export function errorCodeOf(error: SocketError): ErrorCode {
  return isElsewhere(error) ? { tag: "other", val: elsewhere[error] } : { tag: error };
}

function isElsewhere(error: SocketError): error is keyof typeof elsewhere {
  return Object.hasOwn(elsewhere, error);
}

/** Of a connection that broke while it was read or written. */
export function failureCode(failure: StreamFailure): ErrorCode {
  if (failure.errno === errno.pipe) return { tag: "connection-broken" };
  return errorCodeOf(socketErrorOf(failure.errno) ?? "unknown");
}

/** `error-code` of `wasi:sockets/ip-name-lookup`. */
export type LookupErrorCode =
  | { readonly tag: (typeof lookupErrors)[number] }
  | { readonly tag: "other"; readonly val: string | undefined };

const lookupErrors = [
  "access-denied",
  "invalid-argument",
  "name-unresolvable",
  "temporary-resolver-failure",
  "permanent-resolver-failure",
] as const;

export function lookupErrorCodeOf(error: SocketError): LookupErrorCode {
  const tag = lookupErrors.find((one) => one === error);
  return tag === undefined ? { tag: "other", val: error } : { tag };
}
