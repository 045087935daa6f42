/**
 * What a gateway does with the headers of a request: takes in what it needs to know in one pass, leaves out what belongs to the
 * connection or may not be believed, and says where the request came from (RFC 9110 7.6).
 */
import { lowerName, tokensOf } from "./headers.ts";

/** What goes on, and what the gateway has to know itself. */
export interface RequestHeaders {
  /** Without hop-by-hop headers, Host, Content-Length and what clients may not say. To be added to. */
  readonly list: string[];
  host: string | undefined;
  hosts: number;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  expect: string | undefined;
  upgrade: string | undefined;
  cookie: string | undefined;
  /** undefined: there is none; one that is none, or several, are as good as none (W3C Trace Context 3.2). */
  traceparent: string | undefined;
  traceparents: number;
  via: string | undefined;
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;
  forwardedPort: string | undefined;
  userAgent: string | undefined;
  debug: string | undefined;
  /** The names that Connection gives, in lower case. */
  readonly connection: string[];
}

/** Names and values in turn, as they came; pseudo headers of HTTP/2 are skipped. */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  const found: RequestHeaders = {
    list: [],
    host: undefined,
    hosts: 0,
    contentLength: undefined,
    transferEncoding: undefined,
    expect: undefined,
    upgrade: undefined,
    cookie: undefined,
    traceparent: undefined,
    traceparents: 0,
    via: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    forwardedPort: undefined,
    userAgent: undefined,
    debug: undefined,
    connection: [],
  };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    take(found, lowerName(raw[i] ?? ""), raw[i + 1] ?? "");
  }
  if (found.cookie !== undefined) found.list.push("cookie", found.cookie);
  if (found.traceparents > 0) keepTraceparent(found);
  if (found.connection.length > 0) removeNamed(found.list, found.connection);
  return found;
}

function take(found: RequestHeaders, name: string, value: string): void {
  switch (name) {
    case "host":
      found.host = value;
      found.hosts++;
      return;
    case "content-length":
      // Several are refused by the parsers.
      found.contentLength = value;
      return;
    case "transfer-encoding":
      found.transferEncoding = join(found.transferEncoding, value);
      return;
    case "expect":
      found.expect = value;
      return;
    case "upgrade":
      found.upgrade = value;
      return;
    case "connection":
      for (const token of tokensOf(value)) found.connection.push(token);
      return;
    case "cookie":
      // HTTP/2 sends each crumb by itself (RFC 9113 8.2.3).
      found.cookie = found.cookie === undefined ? value : `${found.cookie}; ${value}`;
      return;
    case "traceparent":
      found.traceparent = value;
      found.traceparents++;
      return;
    case "via":
      found.via = join(found.via, value);
      return;
    case "wherry-debug":
      found.debug = value;
      return;
    case "user-agent":
      found.userAgent = value;
      break;
    default:
      if (isConnectionHeader(name) || isForwarded(found, name, value)) return;
  }
  found.list.push(name, value);
}

/** What tracestate says of another trace goes with it (W3C Trace Context 3.3). */
function keepTraceparent(found: RequestHeaders): void {
  if (found.traceparents === 1 && isTraceparent(found.traceparent ?? "")) return;
  found.traceparent = undefined;
  removeNamed(found.list, ["tracestate"]);
}

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** RFC 9110 7.6.1, with those that history has added. */
export function isConnectionHeader(name: string): boolean {
  switch (name) {
    case "connection":
    case "keep-alive":
    case "proxy-connection":
    case "proxy-authenticate":
    case "proxy-authorization":
    case "te":
    case "transfer-encoding":
    case "upgrade":
    case "http2-settings":
      return true;
    default:
      return name.charCodeAt(0) === 0x3a;
  }
}

/** Names of the kind that only a proxy says; and those that CGI would take for them, as it writes `_` for `-`. */
function isForwarded(found: RequestHeaders, name: string, value: string): boolean {
  if (name.includes("_")) {
    const dashed = name.replaceAll("_", "-");
    return isOurs(dashed) || isConnectionHeader(dashed);
  }
  switch (name) {
    case "x-forwarded-for":
      found.forwardedFor = join(found.forwardedFor, value);
      return true;
    case "x-forwarded-proto":
      found.forwardedProto = value;
      return true;
    case "x-forwarded-host":
      found.forwardedHost = value;
      return true;
    case "x-forwarded-port":
      found.forwardedPort = value;
      return true;
    default:
      return isOurs(name);
  }
}

function isOurs(name: string): boolean {
  switch (name) {
    case "host":
    case "content-length":
    case "forwarded":
    case "via":
    case "x-real-ip":
    // CGI would make HTTP_PROXY of it, which many libraries take for their configuration.
    case "proxy":
      return true;
    default:
      return name.startsWith("x-forwarded-") || name.startsWith("wherry-");
  }
}

/** What Connection names is gone, too (RFC 9110 7.6.1). */
export function removeNamed(list: string[], names: readonly string[]): void {
  // A client may give thousands, which are not to be looked through for each header.
  const isNamed = names.length > 8 ? setOf(names) : (name: string) => names.includes(name);
  let kept = 0;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    if (isNamed(name)) continue;
    list[kept] = name;
    list[kept + 1] = list[i + 1] ?? "";
    kept += 2;
  }
  list.length = kept;
}

function setOf(names: readonly string[]): (name: string) => boolean {
  const set = new Set(names);
  return (name) => set.has(name);
}

/** From where a request came to this gateway. */
export interface Origin {
  readonly address: string;
  readonly scheme: "http" | "https";
  /** As the client has said it, with its port. */
  readonly host: string;
  /** Of this gateway. */
  readonly port: number;
  readonly protocol: "1.0" | "1.1" | "2.0";
}

export interface OriginRules {
  readonly name: string;
  readonly trustForwarded: boolean;
}

/** Adds what the next one is to know of the client. `makeTrace` is asked where the client gives no traceparent. */
export function addOrigin(
  headers: RequestHeaders,
  origin: Origin,
  rules: OriginRules,
  makeTrace: () => string,
): void {
  const { list } = headers;
  const trusted = rules.trustForwarded ? headers : untrusted;
  list.push(
    "x-forwarded-for",
    trusted.forwardedFor === undefined ? origin.address : `${trusted.forwardedFor}, ${origin.address}`,
  );
  list.push("x-forwarded-proto", trusted.forwardedProto ?? origin.scheme);
  list.push("x-forwarded-host", trusted.forwardedHost ?? origin.host);
  list.push("x-forwarded-port", trusted.forwardedPort ?? String(origin.port));
  list.push("traceparent", headers.traceparent ?? makeTrace());
  list.push("via", join(headers.via, `${origin.protocol} ${rules.name}`));
}

const untrusted = {
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
  forwardedPort: undefined,
};

/** W3C Trace Context 3.2: later versions may be longer. */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

export function isTraceparent(value: string): boolean {
  return traceparentPattern.test(value) && (value.length === 55 || !value.startsWith("00"));
}

/** Whether a header that a route sets or adds may be: those of the framing are the gateway's alone. */
export function mayChange(name: string): boolean {
  return name !== "host" && name !== "content-length" && name !== "trailer" && !isConnectionHeader(name);
}

export function hasUpgrade({ upgrade, connection }: RequestHeaders): boolean {
  return upgrade !== undefined && connection.includes("upgrade");
}

/** Those of clients that only look whether something is there: they wake nobody. */
const lookers = ["kube-probe/", "Prometheus/"];

export function isLooker({ userAgent }: RequestHeaders): boolean {
  return userAgent !== undefined && lookers.some((prefix) => userAgent.startsWith(prefix));
}
