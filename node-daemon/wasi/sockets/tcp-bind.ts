/** A TCP socket from being bound to being a listener or a connection. */
import { BoundSocket, type Server, Socket } from "node:net";

import type { Clock } from "../../../kit/clock.ts";
import { duplicate } from "./duplicate.ts";
import { socketLimits } from "./limits.ts";
import type { NetworkPolicy } from "./network-policy.ts";
import type { BoundTcp, SocketAddress, SocketOutcome, TcpConnection, TcpListener } from "./network.ts";
import { refused, refusedBy } from "./socket-errors.ts";
import type { Seat, SocketSeats } from "./socket-seats.ts";
import { HostConnection } from "./tcp-connection.ts";
import { HostListener } from "./tcp-listener.ts";

export interface TcpParts {
  readonly policy: NetworkPolicy;
  readonly seats: SocketSeats;
  readonly clock: Clock;
  /** Something listens there from now on. */
  readonly onListening?: ((local: SocketAddress) => void) | undefined;
}

export function bindTcp(parts: TcpParts, local: SocketAddress): SocketOutcome<BoundTcp> {
  const { policy, seats } = parts;
  if (!policy.mayBind(local) && !(local.port === 0 && policy.allowsAny)) return refused("access-denied");
  const seat = seats.take();
  if (seat === undefined) return refused("new-socket-limit");
  try {
    const socket = new BoundSocket({
      host: local.address,
      port: local.port,
      ipv6Only: local.family === "ipv6",
    });
    return { kind: "ok", value: new HostBoundTcp(parts, seat, socket, local.family) };
  } catch (thrown) {
    seat.release();
    return refusedBy(thrown);
  }
}

class HostBoundTcp implements BoundTcp {
  readonly local: SocketAddress;
  readonly #parts: TcpParts;
  readonly #seat: Seat;
  /** Undefined once it is taken over or closed. */
  #socket: BoundSocket | undefined;

  constructor(parts: TcpParts, seat: Seat, socket: BoundSocket, family: SocketAddress["family"]) {
    this.#parts = parts;
    this.#seat = seat;
    this.#socket = socket;
    const { address, port } = socket.address();
    this.local = { family, address, port };
    seat.end = () => this.close();
    seat.abort = () => this.close();
  }

  listen(backlog: number): SocketOutcome<TcpListener> {
    const socket = this.#socket;
    if (socket === undefined) return refused("invalid-state");
    if (!this.#parts.policy.mayBind(this.local)) {
      this.close();
      return refused("access-denied");
    }
    this.#socket = undefined;
    const { seats, clock, onListening } = this.#parts;
    const listener = new HostListener({
      local: this.local,
      seats,
      seat: this.#seat,
      clock,
      backlog: Math.max(1, Math.min(backlog, socketLimits.listenBacklogMax)),
      spare: duplicate(socket.fd()),
    });
    // The only thing the kernel minds now is another listener on the address.
    if (listener.start((server: Server, queued) => void server.listen(socket, queued))) {
      onListening?.(this.local);
      return { kind: "ok", value: listener };
    }
    socket[Symbol.dispose]();
    listener.close();
    return refused("address-in-use");
  }

  connect(remote: SocketAddress, signal: AbortSignal): Promise<SocketOutcome<TcpConnection>> {
    const handle = this.#socket;
    if (handle === undefined) return Promise.resolve(refused("invalid-state"));
    if (remote.family !== this.local.family || !this.#parts.policy.mayConnect(remote)) {
      this.close();
      return Promise.resolve(
        refused(remote.family === this.local.family ? "access-denied" : "invalid-argument"),
      );
    }
    this.#socket = undefined;
    return establish(this.#parts, this.#seat, new Socket({ ...socketOptions, handle }), remote, signal);
  }

  close(): void {
    if (this.#socket === undefined) return;
    this.#socket.close();
    this.#socket = undefined;
    this.#seat.release();
  }
}

const socketOptions = { allowHalfOpen: true, highWaterMark: socketLimits.receiveBufferBytes };

export async function connectTcp(
  parts: TcpParts,
  remote: SocketAddress,
  signal: AbortSignal,
): Promise<SocketOutcome<TcpConnection>> {
  if (!parts.policy.mayConnect(remote)) return refused("access-denied");
  const seat = parts.seats.take();
  if (seat === undefined) return refused("new-socket-limit");
  return establish(parts, seat, new Socket(socketOptions), remote, signal);
}

/** Takes over seat and socket. Rejects with the signal's reason. */
async function establish(
  { clock }: TcpParts,
  seat: Seat,
  socket: Socket,
  remote: SocketAddress,
  signal: AbortSignal,
): Promise<SocketOutcome<TcpConnection>> {
  const abort = () => void socket.destroy();
  seat.end = abort;
  seat.abort = abort;
  try {
    signal.throwIfAborted();
    signal.addEventListener("abort", abort, { once: true });
    await connected(socket, remote);
  } catch (thrown) {
    socket.destroy();
    seat.release();
    signal.throwIfAborted();
    return refusedBy(thrown);
  } finally {
    signal.removeEventListener("abort", abort);
  }
  const { localAddress, localPort } = socket;
  const local = { family: remote.family, address: localAddress ?? "", port: localPort ?? 0 };
  return { kind: "ok", value: new HostConnection(socket, seat, clock, local, remote) };
}

function connected(socket: Socket, { family, address, port }: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("connect", resolve);
    // Destroyed by ourselves.
    socket.once("close", () =>
      reject(Object.assign(new Error("closed while connecting"), { code: "ECONNABORTED" })),
    );
    socket.connect({ host: address, port, family: family === "ipv4" ? 4 : 6 });
  });
}
