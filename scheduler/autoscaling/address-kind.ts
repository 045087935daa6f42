/** What an address is for, as far as it matters to who may be asked. */
import { BlockList, isIPv4, SocketAddress } from "node:net";

export type AddressKind = "ordinary" | "loopback" | "linkLocal" | "unspecified" | "multicast" | "metadata";

type Ranges = readonly (readonly [AddressKind, BlockList])[];

/** RFC 6890, and the addresses at which clouds answer a machine about itself although they are not link-local. */
const ranges: Ranges = [
  ["metadata", list(["fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32"])],
  ["loopback", list(["127.0.0.0/8", "::1/128"])],
  ["linkLocal", list(["169.254.0.0/16", "fe80::/10"])],
  ["unspecified", list(["0.0.0.0/8", "::/128", "255.255.255.255/32"])],
  ["multicast", list(["224.0.0.0/4", "ff00::/8"])],
];

/** Of an address without a zone. IPv4 inside of IPv6 counts as what it leads to. */
export function addressKind(address: string): AddressKind {
  const inner = isIPv4(address) ? address : (embeddedIpv4(address) ?? address);
  const family = isIPv4(inner) ? "ipv4" : "ipv6";
  return ranges.find(([, addresses]) => addresses.check(inner, family))?.[0] ?? "ordinary";
}

function list(subnets: readonly string[]): BlockList {
  const addresses = new BlockList();
  for (const subnet of subnets) {
    const [network = "", bits = ""] = subnet.split("/");
    addresses.addSubnet(network, Number(bits), isIPv4(network) ? "ipv4" : "ipv6");
  }
  return addresses;
}

/** Mapped (::ffff:0:0/96), compatible (::/96), translated (64:ff9b::/96, RFC 6052) and 6to4 (2002::/16, RFC 3056). */
function embeddedIpv4(address: string): string | undefined {
  const groups = groupsOf(address);
  const [first = 0, second = 0, third = 0] = groups;
  if (first === 0x2002) return dotted(second, third);
  const head = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(":");
  const [high = 0, low = 0] = groups.slice(6);
  // ::0 and ::1 are addresses of IPv6's own.
  const isCompatible = head === "0:0:0:0:0:0" && high !== 0;
  const isMapped = head === "0:0:0:0:0:ffff" || head === "64:ff9b:0:0:0:0";
  return isCompatible || isMapped ? dotted(high, low) : undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function groupsOf(address: string): readonly number[] {
  const { address: canonical } = new SocketAddress({ address, family: "ipv6" });
  const hex = canonical.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a: string, b: string, c: string, d: string) =>
      [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [left = "", right] = hex.split("::");
  const before = numbers(left);
  const after = numbers(right ?? "");
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function numbers(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
