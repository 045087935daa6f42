/** `wasi:http/types.error-code`, as far as something here says it. A guest may hand over any. */
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
