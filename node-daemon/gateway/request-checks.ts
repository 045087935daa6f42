/** What both versions of HTTP ask of a request before anyone looks for its route. */
import { type Authority, parseAuthority } from "./core/authority.ts";
import { parseLength } from "./core/headers.ts";
import { badRequest, type OwnAnswer } from "./core/own-answer.ts";
import type { RequestHeaders } from "./core/request-headers.ts";
import { parseTarget } from "./core/request-target.ts";

export type CheckedRequest =
  | {
      readonly kind: "fine";
      readonly authority: string;
      readonly host: string;
      readonly path: string;
      readonly query: string;
      readonly bodyLength: number | undefined;
    }
  | { readonly kind: "refused"; readonly answer: OwnAnswer };

export interface RawRequest {
  readonly protocol: "1.0" | "1.1" | "2.0";
  readonly method: string;
  readonly target: string;
  readonly headers: RequestHeaders;
  /** HTTP/2's :authority. */
  readonly authority: string | undefined;
  /** Where there is no name at all: HTTP/1.0. */
  readonly localAddress: string;
}

export function checkRequest(raw: RawRequest): CheckedRequest {
  const { method } = raw;
  if (method === "TRACE") {
    return refused({ status: 405, reason: "MethodNotAllowed", text: "The method TRACE is not forwarded." });
  }
  const target = parseTarget(method, raw.target);
  if (target.kind === "invalid") return bad(`The target of the request is none: ${target.why}.`);
  const said = target.kind === "path" ? (raw.authority ?? target.authority) : raw.authority;
  const named = nameOf(raw, said);
  if (typeof named === "string") return bad(named);
  const bodyLength = lengthOf(raw);
  if (bodyLength === "invalid") return bad("The length of the body is not clear.");
  if (bodyLength === "unsupported") {
    return refused({
      status: 501,
      reason: "TransferCoding",
      text: "Of transfer codings only chunked is supported.",
    });
  }
  const { authority, host } = named;
  const path = target.kind === "path" ? target.path : "*";
  const query = target.kind === "path" ? target.query : "";
  return { kind: "fine", authority, host, path, query, bodyLength };
}

function bad(text: string): CheckedRequest {
  return refused(badRequest(text));
}

function refused(answer: OwnAnswer): CheckedRequest {
  return { kind: "refused", answer };
}

/** One name, wherever it is said; where it is said twice, it has to be the same. A text says what is wrong. */
function nameOf(
  { headers, protocol, localAddress }: RawRequest,
  said: string | undefined,
): { readonly authority: string; readonly host: string } | string {
  if (headers.hosts > 1) return "The request has several Host headers.";
  const { host } = headers;
  if (host === undefined && protocol === "1.1") return "The request has no Host header.";
  const text = said ?? host;
  if (text === undefined || (text === "" && protocol === "1.0")) return { authority: localAddress, host: "" };
  const parsed = parseAuthority(text);
  if (parsed === undefined) return "The host of the request is not a name or address with an optional port.";
  if (said !== undefined && host !== undefined && said !== host) {
    const other = parseAuthority(host);
    if (other === undefined || !isSameAuthority(parsed, other)) return "The request names two hosts.";
  }
  return { authority: text, host: parsed.host };
}

function isSameAuthority(a: Authority, b: Authority): boolean {
  return a.host === b.host && (a.port === b.port || a.port === undefined || b.port === undefined);
}

/** The parsers refuse what is ambiguous (RFC 9112 6.3); this is about what they let through. */
function lengthOf({ headers, protocol }: RawRequest): number | undefined | "invalid" | "unsupported" {
  const { transferEncoding, contentLength } = headers;
  if (transferEncoding !== undefined) {
    if (protocol !== "1.1" || contentLength !== undefined) return "invalid";
    return transferEncoding.toLowerCase() === "chunked" ? undefined : "unsupported";
  }
  if (contentLength === undefined) return protocol === "2.0" ? undefined : 0;
  return parseLength(contentLength) ?? "invalid";
}
