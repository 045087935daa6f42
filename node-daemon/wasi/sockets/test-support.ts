/** Test support: real sockets on loopback, pulled the way a guest pulls them. */
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";

import { systemClock } from "../../../kit/clock.ts";
import { noNetworkGrant, type NetworkGrant } from "../../runtimes/runtime-driver.ts";
import { openNetwork, type NetworkParts } from "./host-network.ts";
import type { Network, SocketAddress, SocketOutcome, TcpConnection, TcpListener } from "./network.ts";

export const loopback4 = { family: "ipv4", address: "127.0.0.1", port: 0 } as const;
export const loopback6 = { family: "ipv6", address: "::1", port: 0 } as const;

export const everythingLocal: NetworkGrant = {
  allow: [
    { host: "127.0.0.1", port: 0 },
    { host: "::1", port: 0 },
  ],
  listeners: [
    { name: "four", address: "0.0.0.0", port: 0 },
    { name: "six", address: "::", port: 0 },
  ],
};

export function openTestNetwork(
  grant: Partial<NetworkGrant> = everythingLocal,
  parts: Partial<NetworkParts> = {},
): Network {
  return openNetwork({ ...noNetworkGrant, ...grant }, false, {
    clock: systemClock,
    hostDescriptorsMax: 100_000,
    ownAddresses: () => new Set(),
    ...parts,
  });
}

export function valueOf<T>(outcome: SocketOutcome<T>): T {
  if (outcome.kind === "refused") throw new Error(`refused: ${outcome.error}`);
  return outcome.value;
}

export const never: AbortSignal = new AbortController().signal;

export async function connect(network: Network, remote: SocketAddress): Promise<TcpConnection> {
  return valueOf(await network.connect(remote, { local: undefined, signal: never }));
}

export function listen(network: Network, local: SocketAddress = loopback4, backlog = 128): TcpListener {
  return valueOf(valueOf(network.bindTcp(local)).listen(backlog));
}

export async function accept(listener: TcpListener): Promise<TcpConnection> {
  for (;;) {
    const outcome = listener.accept();
    if (outcome !== "wait" && "kind" in outcome) throw new Error(`refused: ${outcome.error}`);
    if (outcome !== "wait") return outcome;
    await new Promise<void>((resolve) => listener.onAcceptable(resolve));
  }
}

type Read = ReturnType<TcpConnection["read"]>;

/** The first outcome that is not `wait`. */
export async function read(connection: TcpConnection, maxBytes = 65_536): Promise<Exclude<Read, "wait">> {
  for (;;) {
    const outcome = connection.read(maxBytes);
    if (outcome !== "wait") return outcome;
    await new Promise<void>((resolve) => connection.onReadable(resolve));
  }
}

export function textOf(outcome: Read): string {
  return outcome instanceof Uint8Array ? Buffer.from(outcome).toString() : JSON.stringify(outcome);
}

export async function writeAll(connection: TcpConnection, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const accepted = connection.write(bytes.subarray(done));
    if (typeof accepted !== "number") throw new Error(`errno ${accepted.errno}`);
    done += accepted;
    if (accepted === 0) await new Promise<void>((resolve) => connection.onWritable(resolve));
  }
}

/** A server that is no instance: its side of each connection is an ordinary socket. */
export class LoopbackServer implements Disposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      this.#sockets.push(socket);
    });
  }

  static async open(address = "127.0.0.1"): Promise<LoopbackServer> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(0, address);
    await once(server, "listening");
    return new LoopbackServer(server);
  }

  get address(): SocketAddress {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return { family: family === "IPv4" ? "ipv4" : "ipv6", address, port };
  }

  async socket(): Promise<Socket> {
    while (this.#sockets.length === 0) await once(this.#server, "connection");
    const [socket] = this.#sockets;
    if (!socket) throw new Error("no socket");
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

export async function dial({ address, port }: SocketAddress): Promise<Socket> {
  const socket = connectSocket({ host: address, port, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}
