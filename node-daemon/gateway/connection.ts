/** Connections of clients, as their requests see them. */
import type { Socket } from "node:net";
import type { Clock } from "../../kit/clock.ts";
import type { ClientRequest } from "./client-side.ts";
import type { GatewayCounts } from "./gateway-counts.ts";

/** A connection of a client, as far as its requests want to know. */
export interface Connection {
  readonly socket: Socket;
  readonly scheme: "http" | "https";
  /** What the client has asked for by SNI. */
  readonly serverName: string | undefined;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** As the host of a URL. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Its client has too many: its first request is answered so, whatever it is. */
  readonly isBeyond: boolean;
}

export interface RequestHandlers {
  readonly clock: Clock;
  readonly counts: GatewayCounts;
  take(request: ClientRequest): void;
  /** Of ours: the one request has failed. */
  bug(thrown: unknown): void;
  /** Whether a connection that was made for this name may ask for that host. */
  isSameHost(serverName: string, host: string): boolean;
}

/** IPv4, as sockets for both families write it. */
function plain(address: string | undefined): string {
  return address?.startsWith("::ffff:") === true ? address.slice(7) : (address ?? "");
}

/** As URLs write it (RFC 3986 3.2.2). */
function asHost(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** `addressed`: the TCP connection, where `socket` is what TLS makes of it. */
export function connectionOf(
  socket: Socket,
  scheme: "http" | "https",
  serverName: string | undefined,
  isBeyond: boolean,
  addressed: Socket = socket,
): Connection {
  return {
    socket,
    scheme,
    serverName,
    clientAddress: plain(addressed.remoteAddress),
    clientPort: addressed.remotePort ?? 0,
    localAddress: asHost(plain(addressed.localAddress)),
    localPort: addressed.localPort ?? 0,
    isBeyond,
  };
}
