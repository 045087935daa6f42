/** Addresses and endpoints as templates and flags write them. */
import { isIPv4, isIPv6, SocketAddress } from "node:net";

export interface Endpoint {
  /** A DNS name in lower case without a final dot, an address as `parseAddress` gives it, or `*`. */
  readonly host: string;
  /** 0 for `*`. */
  readonly port: number;
}

/** RFC 1123, each label at most 63 characters, the whole at most 253. */
const nameForm = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;

/**
 * An IPv4 or IPv6 address in its shortest form; undefined for anything else, zones and IPv4 written as IPv6 included
 * (`::ffff:1.2.3.4` would be a second name for the same place).
 */
export function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return /^::ffff:/i.test(address) ? undefined : address;
}

/** `host:port`, as in `network.allow`; undefined for what is none. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const colon = text.lastIndexOf(":");
  const port = parsePort(text.slice(colon + 1));
  if (colon < 1 || port === undefined) return undefined;
  const host = text.slice(0, colon);
  const bracketed = /^\[(.+)\]$/.exec(host)?.[1];
  if (bracketed !== undefined) {
    const address = parseAddress(bracketed);
    return address === undefined || isIPv4(address) ? undefined : { host: address, port };
  }
  if (host === "*") return { host, port };
  const name = host.toLowerCase().replace(/\.$/, "");
  // What ends in a number would be taken for an address by resolvers: 127.1 is 127.0.0.1.
  const known = isIPv4(name) || (nameForm.test(name) && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name));
  return known ? { host: name, port } : undefined;
}

function parsePort(text: string): number | undefined {
  if (text === "*") return 0;
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Whether the address is the machine itself, or a service that a cloud offers to the machine alone (link-local, such as
 * 169.254.169.254). `unspecified` addresses reach the machine, too.
 */
export function isOfMachine(address: string): boolean {
  if (isIPv4(address)) return /^(127|0)\./.test(address) || address.startsWith("169.254.");
  return address === "::" || address === "::1" || /^fe[89ab]/i.test(address);
}
