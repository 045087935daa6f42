/** `wasi:http/types.error-code`, as far as something here says it. A guest may hand over any. */
import type { SocketError } from "../sockets/network.ts";

export type HttpErrorCode =
  | { readonly tag: PlainTag }
  | {
      readonly tag: "DNS-error";
      readonly val: { readonly rcode: string | undefined; readonly infoCode: number | undefined };
    }
  | { readonly tag: "HTTP-request-body-size" | "HTTP-response-body-size"; readonly val: bigint | undefined }
  | { readonly tag: "HTTP-response-header-section-size"; readonly val: number | undefined }
  | { readonly tag: "HTTP-response-transfer-coding"; readonly val: string | undefined }
  | {
      readonly tag: "TLS-alert-received";
      readonly val: { readonly alertId: number | undefined; readonly alertMessage: string | undefined };
    }
  | { readonly tag: "internal-error"; readonly val: string | undefined };

type PlainTag =
  | "DNS-timeout"
  | "destination-unavailable"
  | "connection-refused"
  | "connection-terminated"
  | "connection-timeout"
  | "connection-read-timeout"
  | "connection-limit-reached"
  | "TLS-protocol-error"
  | "TLS-certificate-error"
  | "HTTP-request-denied"
  | "HTTP-request-method-invalid"
  | "HTTP-request-URI-invalid"
  | "HTTP-response-incomplete"
  | "HTTP-response-timeout"
  | "HTTP-upgrade-failed"
  | "HTTP-protocol-error"
  | "configuration-error";

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
