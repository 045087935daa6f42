/** The host part of requests: what a client says it wants, as routes name it (RFC 9110 7.2, RFC 3986 3.2). */

export interface Authority {
  /** In lower case, without a trailing dot: what routes are looked up by. IPv6 addresses keep their brackets. */
  readonly host: string;
  /** Undefined: none was given. */
  readonly port: number | undefined;
}

/** RFC 1035: 253 without the last dot; what is longer names nothing. */
const hostLengthMax = 255;

/** Letters that Node's parsers let through and names of hosts never have. IPv6 is apart. */
const hostPattern = /^(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])$/;

/** Undefined: not an authority, or one with user information, which no HTTP request may have. */
export function parseAuthority(text: string): Authority | undefined {
  const colon = text.endsWith("]") ? -1 : text.lastIndexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name.length === 0 || name.length > hostLengthMax || !hostPattern.test(name)) return undefined;
  const port = colon < 0 ? undefined : parsePort(text, colon + 1);
  if (port === "invalid") return undefined;
  const lower = name.toLowerCase();
  return { host: lower.endsWith(".") ? lower.slice(0, -1) : lower, port };
}

/** An empty port is none (RFC 3986 3.2.3). */
function parsePort(text: string, from: number): number | undefined | "invalid" {
  if (from === text.length) return undefined;
  if (text.length - from > 5) return "invalid";
  let port = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return "invalid";
    port = port * 10 + digit;
  }
  return port === 0 || port > 65_535 ? "invalid" : port;
}
