import { assertNever } from "../../../../kit/errors.ts";
import { BOOL, INT, opaque, STRING } from "../language/types.ts";
import { ErrorValue, isError, noSuchOverload, type OpaqueValue, type Value } from "../values.ts";
import { type Address, formatAddress, parseAddress, type ParsedAddress } from "./ip-address.ts";
import { define, defineMethod, type Overload } from "./declare.ts";

export const IP = opaque("net.IP");
export const CIDR = opaque("net.CIDR");

class IpValue implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = IP.name;
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  get size(): number {
    return this.address.bits / 8;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && sameAddress(this.address, other.address);
  }
}

class CidrValue implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = CIDR.name;
  readonly address: Address;
  readonly length: number;

  constructor(address: Address, length: number) {
    this.address = address;
    this.length = length;
  }

  get size(): number {
    return Math.ceil(this.length / 8);
  }

  equals(other: OpaqueValue): boolean {
    return (
      other instanceof CidrValue && this.length === other.length && sameAddress(this.address, other.address)
    );
  }
}

function sameAddress(a: Address, b: Address): boolean {
  return a.bits === b.bits && a.value === b.value;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function ipOf(text: string): IpValue | ErrorValue {
  const parsed: ParsedAddress = parseAddress(text);
  switch (parsed.kind) {
    case "ok":
      return new IpValue(parsed.address);
    case "zone":
      return new ErrorValue(`IP address ${quoted(text)} with zone value is not allowed`);
    case "mapped":
      return new ErrorValue(`IPv4-mapped IPv6 address ${quoted(text)} is not allowed`);
    case "invalid":
      return new ErrorValue(
        `IP Address ${quoted(text)} parse error during conversion from string: ParseAddr(${quoted(text)}): ${parsed.reason}`,
      );
    default:
      return assertNever(parsed, "parsed address");
  }
}

function cidrOf(text: string): CidrValue | ErrorValue {
  const failed = (reason: string) =>
    new ErrorValue(`network address parse error during conversion from string: ${reason}`);
  const unreadable = (reason: string) =>
    failed(
      `network address parse error during conversion from string: netip.ParsePrefix(${quoted(text)}): ${reason}`,
    );
  const slash = text.lastIndexOf("/");
  if (slash < 0) return unreadable("no '/'");
  const parsed = parseAddress(text.slice(0, slash));
  if (parsed.kind === "mapped") return failed(`IPv4-mapped IPv6 address ${quoted(text)} is not allowed`);
  if (parsed.kind === "zone") return unreadable("IPv6 zones cannot be present in a prefix");
  if (parsed.kind === "invalid")
    return unreadable(`ParseAddr(${quoted(text.slice(0, slash))}): ${parsed.reason}`);
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return unreadable(`bad bits after slash: ${quoted(digits)}`);
  if (Number(digits) > parsed.address.bits) return unreadable("prefix length out of range");
  return new CidrValue(parsed.address, Number(digits));
}

function maskOf(bits: number, length: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
}

function containsAddress({ address, length }: CidrValue, other: Address): boolean {
  if (address.bits !== other.bits) return false;
  const mask = maskOf(address.bits, length);
  return (address.value & mask) === (other.value & mask);
}

function withIp(value: unknown, use: (address: Address) => Value): Value {
  if (isError(value)) return value;
  return value instanceof IpValue ? use(value.address) : noSuchOverload;
}

function withCidr(value: unknown, use: (cidr: CidrValue) => Value): Value {
  if (isError(value)) return value;
  return value instanceof CidrValue ? use(value) : noSuchOverload;
}

/** Whether an address lies in one of the ranges, each given as text: they are few and read once. */
function inRanges(...texts: readonly string[]): (address: Address) => boolean {
  const ranges = texts.map(cidrOf);
  return (address) => ranges.some((range) => range instanceof CidrValue && containsAddress(range, address));
}

const isUnspecified = inRanges("0.0.0.0/32", "::/128");
const isLoopback = inRanges("127.0.0.0/8", "::1/128");
const isMulticast = inRanges("224.0.0.0/4", "ff00::/8");
const isLinkLocalMulticast = inRanges(
  "224.0.0.0/24",
  // The third digit holds flags.
  ...Array.from({ length: 16 }, (_, flags) => `ff${flags.toString(16)}2::/16`),
);
const isLinkLocalUnicast = inRanges("169.254.0.0/16", "fe80::/10");
const isBroadcast = inRanges("255.255.255.255/32");

function isGlobalUnicast(address: Address): boolean {
  return ![isUnspecified, isLoopback, isMulticast, isLinkLocalUnicast, isBroadcast].some((is) => is(address));
}

function property(name: string, id: string, holds: (address: Address) => boolean): Overload {
  return defineMethod([name, id], [IP], BOOL, ([value]) => withIp(value, holds));
}

const addresses: readonly Overload[] = [
  define(["ip", "string_to_ip"], [STRING], IP, ([text]) => ipOf(text)),
  define(["isIP", "is_ip"], [STRING], BOOL, ([text]) => parseAddress(text).kind === "ok"),
  define(["ip.isCanonical", "ip_is_canonical"], [STRING], BOOL, ([text]) =>
    withIp(ipOf(text), (address) => formatAddress(address) === text),
  ),
  define(["string", "ip_to_string"], [IP], STRING, ([value]) => withIp(value, formatAddress)),
  defineMethod(["family", "ip_family"], [IP], INT, ([value]) =>
    withIp(value, ({ bits }) => (bits === 32 ? 4n : 6n)),
  ),
  property("isUnspecified", "ip_is_unspecified", isUnspecified),
  property("isLoopback", "ip_is_loopback", isLoopback),
  property("isLinkLocalMulticast", "ip_is_link_local_multicast", isLinkLocalMulticast),
  property("isLinkLocalUnicast", "ip_is_link_local_unicast", isLinkLocalUnicast),
  property("isGlobalUnicast", "ip_is_global_unicast", isGlobalUnicast),
];

function containsCidr(a: unknown, b: unknown): Value {
  return withCidr(a, (outer) =>
    withCidr(b, (inner) => outer.length <= inner.length && containsAddress(outer, inner.address)),
  );
}

const networks: readonly Overload[] = [
  define(["cidr", "string_to_cidr"], [STRING], CIDR, ([text]) => cidrOf(text)),
  define(["isCIDR", "is_cidr"], [STRING], BOOL, ([text]) => cidrOf(text) instanceof CidrValue),
  define(["string", "cidr_to_string"], [CIDR], STRING, ([value]) =>
    withCidr(value, ({ address, length }) => `${formatAddress(address)}/${length}`),
  ),
  defineMethod(["containsIP", "cidr_contains_ip_string"], [CIDR, STRING], BOOL, ([cidr, text]) =>
    withCidr(cidr, (outer) => withIp(ipOf(text), (address) => containsAddress(outer, address))),
  ),
  defineMethod(["containsIP", "cidr_contains_ip_ip"], [CIDR, IP], BOOL, ([cidr, ip]) =>
    withCidr(cidr, (outer) => withIp(ip, (address) => containsAddress(outer, address))),
  ),
  defineMethod(["containsCIDR", "cidr_contains_cidr_string"], [CIDR, STRING], BOOL, ([cidr, text]) =>
    containsCidr(cidr, cidrOf(text)),
  ),
  defineMethod(["containsCIDR", "cidr_contains_cidr"], [CIDR, CIDR], BOOL, ([a, b]) => containsCidr(a, b)),
  defineMethod(["ip", "cidr_ip"], [CIDR], IP, ([cidr]) =>
    withCidr(cidr, ({ address }) => new IpValue(address)),
  ),
  defineMethod(["prefixLength", "cidr_prefix_length"], [CIDR], INT, ([cidr]) =>
    withCidr(cidr, ({ length }) => BigInt(length)),
  ),
  defineMethod(["masked", "cidr_masked"], [CIDR], CIDR, ([cidr]) =>
    withCidr(
      cidr,
      ({ address: { bits, value }, length }) =>
        new CidrValue({ bits, value: value & maskOf(bits, length) }, length),
    ),
  ),
];

export const network: readonly Overload[] = [...addresses, ...networks];
