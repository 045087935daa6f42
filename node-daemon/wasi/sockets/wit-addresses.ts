/** Addresses as the WIT of `wasi:sockets` has them, 0.2 and 0.3 alike, and which of them a socket can have to do with. */
import {
  addressBytes,
  addressText,
  type Family,
  isIpv4Mapped,
  isUnicast,
  isUnspecified,
} from "./addresses.ts";
import type { SocketAddress, SocketError } from "./network.ts";

type Ipv4 = readonly [number, number, number, number];
type Ipv6 = readonly [number, number, number, number, number, number, number, number];

export type WitIpAddress =
  | { readonly tag: "ipv4"; readonly val: Ipv4 }
  | { readonly tag: "ipv6"; readonly val: Ipv6 };

export type WitSocketAddress =
  | { readonly tag: "ipv4"; readonly val: { readonly port: number; readonly address: Ipv4 } }
  | {
      readonly tag: "ipv6";
      readonly val: {
        readonly port: number;
        readonly flowInfo: number;
        readonly address: Ipv6;
        readonly scopeId: number;
      };
    };

/** Flow labels are not passed on, as on Linux unless asked for. */
export function socketAddressOf(given: WitSocketAddress): SocketAddress {
  const { port } = given.val;
  return { family: given.tag, address: addressText(bytesOf(given)), port };
}

function bytesOf({ tag, val }: WitSocketAddress): Uint8Array {
  if (tag === "ipv4") return Uint8Array.from(val.address);
  return Uint8Array.from(val.address.flatMap((group) => [group >> 8, group & 255]));
}

export function witAddress(address: string): WitIpAddress {
  const bytes = addressBytes(address) ?? new Uint8Array(4);
  if (bytes.byteLength === 4) return { tag: "ipv4", val: [...bytes] as unknown as Ipv4 };
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0),
  );
  return { tag: "ipv6", val: groups as unknown as Ipv6 };
}

export function witSocketAddress({ address, port }: SocketAddress): WitSocketAddress {
  const ip = witAddress(address);
  if (ip.tag === "ipv4") return { tag: "ipv4", val: { port, address: ip.val } };
  return { tag: "ipv6", val: { port, flowInfo: 0, address: ip.val, scopeId: 0 } };
}

/** Why a TCP socket of that family can't be bound to it, whatever is granted. */
export function tcpLocalRefusal(family: Family, local: WitSocketAddress): SocketError | undefined {
  return udpLocalRefusal(family, local) ?? (isUnicast(bytesOf(local)) ? undefined : "invalid-argument");
}

export function udpLocalRefusal(family: Family, local: WitSocketAddress): SocketError | undefined {
  if (local.tag !== family || isIpv4Mapped(bytesOf(local))) return "invalid-argument";
  return zoneRefusal(local);
}

/** Why a TCP socket of that family can't be connected to it, whatever is granted. */
export function tcpRemoteRefusal(family: Family, remote: WitSocketAddress): SocketError | undefined {
  return udpRemoteRefusal(family, remote) ?? (isUnicast(bytesOf(remote)) ? undefined : "invalid-argument");
}

export function udpRemoteRefusal(family: Family, remote: WitSocketAddress): SocketError | undefined {
  const bytes = bytesOf(remote);
  const isNowhere = remote.val.port === 0 || isUnspecified(bytes) || isIpv4Mapped(bytes);
  return remote.tag !== family || isNowhere ? "invalid-argument" : zoneRefusal(remote);
}

/** Zones are interfaces of this machine, which no grant names. */
function zoneRefusal({ tag, val }: WitSocketAddress): SocketError | undefined {
  return tag === "ipv6" && val.scopeId !== 0 ? "not-supported" : undefined;
}
