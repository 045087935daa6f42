/**
 * Which servers the scheduler asks for metrics. It reaches what authors of autoscalers do not, and they say where it goes: so nothing
 * is asked that whoever runs the scheduler has not allowed, by name and by the address that the name turns out to have.
 */
import { isIPv4, isIPv6 } from "node:net";
import { parseEndpoint } from "../../api/network.ts";
import { addressKind, type AddressKind } from "./address-kind.ts";

export type ServerScheme = "http" | "https" | "redis" | "rediss";

export interface MetricServer {
  readonly scheme: ServerScheme;
  /** A name in lower case, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** One `--allow-metrics-server`, read. */
export interface ServerPattern {
  /** undefined: any. */
  readonly scheme: ServerScheme | undefined;
  readonly host:
    | { readonly kind: "any" }
    /** Whatever ends in it: `.example.com`. */
    | { readonly kind: "below"; readonly suffix: string }
    | { readonly kind: "exact"; readonly host: string };
  /** undefined: any. */
  readonly port: number | undefined;
}

export type PatternReading =
  | { readonly kind: "ok"; readonly pattern: ServerPattern }
  | { readonly kind: "invalid"; readonly message: string };

export const allowFlag = "--allow-metrics-server";

const defaultPorts: Readonly<Record<ServerScheme, number>> = {
  http: 80,
  https: 443,
  redis: 6379,
  rediss: 6379,
};
const patternForm = /^(?<scheme>https?|rediss?):\/\/(?<host>\[[^\]]*\]|[^:/@?#]+)(?::(?<port>[^/]*))?\/?$/i;

/** `*`, or SCHEME://HOST[:PORT]; the host may be `*` or begin with `*.`, the port may be `*`. */
export function parseServerPattern(text: string): PatternReading {
  if (text === "*")
    return { kind: "ok", pattern: { scheme: undefined, host: { kind: "any" }, port: undefined } };
  const groups = patternForm.exec(text)?.groups;
  if (!groups) return invalidPattern;
  // The expression has no other.
  const scheme = groups["scheme"]?.toLowerCase() as ServerScheme;
  const written = groups["host"] ?? "";
  const isBelow = written.startsWith("*.");
  const portText = groups["port"] ?? String(defaultPorts[scheme]);
  const endpoint = parseEndpoint(`${isBelow ? written.slice(2) : written}:${portText}`);
  if (!endpoint) return invalidPattern;
  const port = endpoint.port === 0 ? undefined : endpoint.port;
  const { host } = endpoint;
  if (host === "*")
    return isBelow ? invalidPattern : { kind: "ok", pattern: { scheme, host: { kind: "any" }, port } };
  if (!isBelow) return { kind: "ok", pattern: { scheme, host: { kind: "exact", host }, port } };
  if (isAddress(host)) return invalidPattern;
  return { kind: "ok", pattern: { scheme, host: { kind: "below", suffix: `.${host}` }, port } };
}

const invalidPattern: PatternReading = {
  kind: "invalid",
  message:
    "expected *, or SCHEME://HOST[:PORT] with http, https, redis or rediss, such as http://prometheus.monitoring:9090, https://*.example.com or redis://10.0.0.5:6379",
};

/** As a pattern that allows just this one. */
export function serverText({ scheme, host, port }: MetricServer): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

export class ServerPolicy {
  readonly #patterns: readonly ServerPattern[];

  /** Without any pattern no server is asked. */
  constructor(patterns: readonly ServerPattern[]) {
    this.#patterns = patterns;
  }

  /** Why the server is not asked, as far as its name tells; undefined: it may be. */
  refusal(server: MetricServer): string | undefined {
    if (this.#patterns.some((pattern) => matches(pattern, server))) return undefined;
    const text = serverText(server);
    return `the scheduler may not ask ${text}; whoever runs it allows that with ${allowFlag} ${text}`;
  }

  /** The same of one of its addresses. What only the machine itself reaches has to be named more exactly than anything else. */
  addressRefusal(server: MetricServer, address: string): string | undefined {
    const kind = addressKind(address);
    if (kind === "ordinary") return undefined;
    const itself = { ...server, host: address };
    const isNamed = this.#patterns.some(
      (pattern) => pattern.host.kind === "exact" && matches(pattern, itself),
    );
    if (isNamed || (kind === "loopback" && this.#allowsLoopback(server))) return undefined;
    const allowed = `${allowFlag} ${serverText(itself)}`;
    const what = `${kindTexts[kind]} and asked only when it is named itself: ${allowed}`;
    return server.host === address
      ? `the scheduler may not ask ${address}, which ${what}`
      : `the scheduler may not ask ${server.host}: its address ${address} ${what}`;
  }

  /** Who may name any server may name the machine; a name below a domain is not a way to it, as others say what it stands for. */
  #allowsLoopback(server: MetricServer): boolean {
    return this.#patterns.some((pattern) => pattern.host.kind !== "below" && matches(pattern, server));
  }
}

const kindTexts: Readonly<Record<Exclude<AddressKind, "ordinary">, string>> = {
  loopback: "is of the machine itself",
  linkLocal: "is link-local",
  unspecified: "is no address of one machine",
  multicast: "is a multicast address",
  metadata: "is where clouds tell a machine its secrets",
};

function matches(pattern: ServerPattern, server: MetricServer): boolean {
  if (pattern.port !== undefined && pattern.port !== server.port) return false;
  return matchesScheme(pattern.scheme, server.scheme) && matchesHost(pattern.host, server.host);
}

/** Who allows Redis as it is allows it with TLS. */
function matchesScheme(allowed: ServerScheme | undefined, scheme: ServerScheme): boolean {
  return allowed === undefined || allowed === scheme || (allowed === "redis" && scheme === "rediss");
}

function matchesHost(allowed: ServerPattern["host"], host: string): boolean {
  if (allowed.kind === "any") return true;
  if (allowed.kind === "exact") return allowed.host === host;
  return host.endsWith(allowed.suffix) && host.length > allowed.suffix.length;
}

function isAddress(host: string): boolean {
  return isIPv4(host) || isIPv6(host);
}
