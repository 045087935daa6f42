import type { SocketError } from "../sockets/network.ts";
import type { HttpErrorCode } from "./error-code.ts";

/** Why no connection could be had. */
export function connectFailure(error: SocketError): HttpErrorCode {
  switch (error) {
    case "access-denied":
      return { tag: "HTTP-request-denied" };
    case "invalid-argument":
      return { tag: "HTTP-request-URI-invalid" };
    case "name-unresolvable":
      return { tag: "DNS-error", val: { rcode: "NXDOMAIN", infoCode: undefined } };
    case "permanent-resolver-failure":
      return { tag: "DNS-error", val: { rcode: undefined, infoCode: undefined } };
    case "temporary-resolver-failure":
      return { tag: "DNS-timeout" };
    case "new-socket-limit":
    case "out-of-memory":
      return { tag: "connection-limit-reached" };
    case "timeout":
      return { tag: "connection-timeout" };
    case "connection-refused":
      return { tag: "connection-refused" };
    case "connection-reset":
    case "connection-aborted":
      return { tag: "connection-terminated" };
    default:
      return { tag: "destination-unavailable" };
  }
}
