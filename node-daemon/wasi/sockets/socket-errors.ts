/** The one table from the error codes of Node's network calls to those of WASI. */
import { errorCode } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import type { Refused, SocketError } from "./network.ts";

const byCode: Readonly<Record<string, readonly [SocketError, Errno]>> = {
  EACCES: ["access-denied", errno.acces],
  EADDRINUSE: ["address-in-use", errno.addrinuse],
  EADDRNOTAVAIL: ["address-not-bindable", errno.addrnotavail],
  EAFNOSUPPORT: ["invalid-argument", errno.afnosupport],
  ECONNABORTED: ["connection-aborted", errno.connaborted],
  ECONNREFUSED: ["connection-refused", errno.connrefused],
  ECONNRESET: ["connection-reset", errno.connreset],
  EHOSTDOWN: ["remote-unreachable", errno.hostunreach],
  EHOSTUNREACH: ["remote-unreachable", errno.hostunreach],
  EINVAL: ["invalid-argument", errno.inval],
  // The process is out of descriptors, not the guest.
  EMFILE: ["new-socket-limit", errno.nfile],
  EMSGSIZE: ["datagram-too-large", errno.msgsize],
  ENETDOWN: ["remote-unreachable", errno.netdown],
  ENETUNREACH: ["remote-unreachable", errno.netunreach],
  ENFILE: ["new-socket-limit", errno.nfile],
  ENOBUFS: ["out-of-memory", errno.nobufs],
  ENOMEM: ["out-of-memory", errno.nomem],
  EPERM: ["access-denied", errno.perm],
  EPIPE: ["connection-reset", errno.pipe],
  EPROTO: ["connection-aborted", errno.connaborted],
  ETIMEDOUT: ["timeout", errno.timedout],
};

export interface Failure {
  readonly error: SocketError;
  readonly errno: Errno;
}

/** A code that is in no table is still an operating failure: what the kernel says about a network is not ours to know. */
export function failureOf(thrown: unknown): Failure {
  const known = byCode[errorCode(thrown) ?? ""];
  return known === undefined ? { error: "unknown", errno: errno.io } : { error: known[0], errno: known[1] };
}

/** The error of a stream that failed with that errno; undefined for what no network says. */
export function socketErrorOf(code: Errno): SocketError | undefined {
  return Object.values(byCode).find(([, known]) => known === code)?.[0];
}

export function refused(error: SocketError): Refused {
  return { kind: "refused", error };
}

export function refusedBy(thrown: unknown): Refused {
  return refused(failureOf(thrown).error);
}
