/**
 * Addresses as bytes, and which of them are inside: this machine, its neighbourhood, or whatever is no place of the public
 * internet. A grant of `*`, or of a name, never reaches those. Ranges from the IANA special-purpose registries, and the
 * addresses at which clouds serve credentials.
 */
import { isIP, SocketAddress as NodeAddress } from "node:net";

import { Bug } from "../../../kit/errors.ts";
import type { SocketAddress } from "./network.ts";

export type Family = SocketAddress["family"];

/** 4 or 16 bytes; undefined for what is no address. Zones are refused: they name interfaces of this machine. */
export function addressBytes(text: string): Uint8Array | undefined {
  const version = isIP(text);
  if (version === 4) return Uint8Array.from(text.split("."), Number);
  if (version !== 6 || text.includes("%")) return undefined;
  return ipv6Bytes(text);
}

function ipv6Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = "", tail] = text.split("::");
  const before = ipv6Part(head);
  const after = tail === undefined ? [] : ipv6Part(tail);
  bytes.set(before, 0);
  bytes.set(after, 16 - after.length);
  return bytes;
}

/** The bytes of groups between colons, the last of which may be an IPv4 address. */
function ipv6Part(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** The shortest form. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.byteLength === 4) return bytes.join(".");
  if (bytes.byteLength !== 16) throw new Bug(`an address of ${bytes.byteLength} bytes`);
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return new NodeAddress({ address: groups.join(":"), family: "ipv6" }).address;
}

export function familyOf(text: string): Family | undefined {
  const version = isIP(text);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}

export function unspecifiedAddress(family: Family): string {
  return family === "ipv4" ? "0.0.0.0" : "::";
}

export function isUnspecified(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Multicast and the limited broadcast: nothing connects or binds to it. */
export function isUnicast(bytes: Uint8Array): boolean {
  const [first = 0] = bytes;
  if (bytes.byteLength === 16) return first !== 0xff;
  return (first & 0xf0) !== 0xe0 && !bytes.every((byte) => byte === 255);
}

export function isIpv4Mapped(bytes: Uint8Array): boolean {
  return bytes.byteLength === 16 && matches(bytes, prefix("::ffff:0:0/96"));
}

interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

function prefix(text: string): Prefix {
  const [address = "", bits] = text.split("/");
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new Bug(`no prefix: ${text}`);
  return { bytes, bits: Number(bits) };
}

function matches(bytes: Uint8Array, { bytes: wanted, bits }: Prefix): boolean {
  if (bytes.byteLength !== wanted.byteLength) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== wanted[i]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  return (((bytes[whole] ?? 0) ^ (wanted[whole] ?? 0)) & (0xff << (8 - rest)) & 0xff) === 0;
}

const insidePrefixes: readonly Prefix[] = [
  "0.0.0.0/8", // this machine
  "10.0.0.0/8",
  "100.64.0.0/10", // shared by carriers; clouds serve metadata there too
  "127.0.0.0/8",
  "168.63.129.16/32", // a public address at which Azure serves its machines
  "169.254.0.0/16", // link-local, and most clouds' metadata
  "172.16.0.0/12",
  "192.0.0.0/24", // protocol assignments; Oracle's metadata
  "192.168.0.0/16",
  "198.18.0.0/15", // benchmarks, and inner networks that avoid the private ranges
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, used inside clouds; broadcast
  "::/96", // unspecified, loopback, and IPv4 as it once was embedded
  "::ffff:0:0:0/96", // IPv4 translated by SIIT: what it means is up to the network
  "100::/64", // discard
  "2001::/32", // Teredo: an IPv4 address in disguise
  "64:ff9b:1::/48", // NAT64 of the local network's own
  "fc00::/7", // private
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
].map(prefix);

/** Where an IPv6 address carries an IPv4 address that it may end at. */
const embeddings: readonly { readonly prefix: Prefix; readonly at: number }[] = [
  { prefix: prefix("::ffff:0:0/96"), at: 12 },
  { prefix: prefix("64:ff9b::/96"), at: 12 }, // NAT64
  { prefix: prefix("2002::/16"), at: 2 }, // 6to4
];

export function isInside(bytes: Uint8Array): boolean {
  if (insidePrefixes.some((one) => matches(bytes, one))) return true;
  if (bytes.byteLength === 4) return false;
  if (embeddings.some((one) => matches(bytes, one.prefix) && isInside(bytes.slice(one.at, one.at + 4))))
    return true;
  // ISATAP, below any prefix.
  const isatap = ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  return isatap && isInside(bytes.slice(12));
}
