/** An IPv4 or IPv6 address as a number of so many bits. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

export type ParsedAddress =
  | { readonly kind: "ok"; readonly address: Address }
  | { readonly kind: "zone" }
  /** An IPv4 address within IPv6 (`::ffff:1.2.3.4`), which Kubernetes refuses. */
  | { readonly kind: "mapped" }
  | { readonly kind: "invalid"; readonly reason: string };

const textLengthMax = 128;

/** As Go's netip reads them: no leading zeros in IPv4, at most one `::` in IPv6. */
export function parseAddress(text: string): ParsedAddress {
  if (text.length > textLengthMax) return { kind: "invalid", reason: "unable to parse IP" };
  if (!text.includes(":")) return parseIpv4(text);
  const percent = text.indexOf("%");
  const value = parseIpv6(percent < 0 ? text : text.slice(0, percent));
  if (value === undefined) return { kind: "invalid", reason: "unable to parse IP" };
  if (percent >= 0)
    return percent === text.length - 1
      ? { kind: "invalid", reason: "zone must be a non-empty string" }
      : { kind: "zone" };
  if (value >> 32n === 0xffffn) return { kind: "mapped" };
  return { kind: "ok", address: { bits: 128, value } };
}

function parseIpv4(text: string): ParsedAddress {
  const parts = text.split(".");
  if (!/^[\d.]+$/.test(text)) return { kind: "invalid", reason: "unable to parse IP" };
  if (parts.length < 4) return { kind: "invalid", reason: "IPv4 address too short" };
  if (parts.length > 4) return { kind: "invalid", reason: "IPv4 address too long" };
  let value = 0n;
  for (const part of parts) {
    if (part === "") return { kind: "invalid", reason: "IPv4 field must have at least one digit" };
    if (part.length > 1 && part.startsWith("0"))
      return { kind: "invalid", reason: "IPv4 field has octet with leading zero" };
    if (Number(part) > 255) return { kind: "invalid", reason: "IPv4 field has value >255" };
    value = (value << 8n) | BigInt(part);
  }
  return { kind: "ok", address: { bits: 32, value } };
}

function parseIpv6(text: string): bigint | undefined {
  const [left = "", right, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const before = groupsOf(left, right === undefined);
  const after = right === undefined ? [] : groupsOf(right, true);
  if (!before || !after) return undefined;
  const missing = 8 - before.length - after.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => 0n), ...after];
  return all.reduce((value, group) => (value << 16n) | group, 0n);
}

/** The 16-bit groups of one side of `::`; the last two may be written as an IPv4 address. */
function groupsOf(text: string, isLast: boolean): readonly bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: bigint[] = [];
  for (const [at, part] of parts.entries()) {
    if (isLast && at === parts.length - 1 && part.includes(".")) {
      const tail = parseIpv4(part);
      if (tail.kind !== "ok") return undefined;
      groups.push(tail.address.value >> 16n, tail.address.value & 0xffffn);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** The canonical form: RFC 5952. */
export function formatAddress({ bits, value }: Address): string {
  const size = bits === 32 ? 8n : 16n;
  const groups = Array.from(
    { length: bits / Number(size) },
    (_, at) => (value >> (BigInt(bits) - size * BigInt(at + 1))) & ((1n << size) - 1n),
  );
  if (bits === 32) return groups.join(".");
  const texts = groups.map((group) => group.toString(16));
  const { start, length } = longestZeros(groups);
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly bigint[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
