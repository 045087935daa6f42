/**
 * A listener that the guest accepts from. Node accepts connections as they come; so that they wait in the kernel instead, the
 * listener leaves the event loop while its queue is full, and a second descriptor keeps the kernel's socket alive meanwhile.
 *
 *   listening ── queue full ──▶ paused ── queue half empty ──▶ listening
 *
 * Where there can be no second descriptor, what comes while the queue is full is reset.
 *
 * Invariants: a connection in the queue is not read and has no seat; one that was accepted has.
 */
import { closeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";

import type { Clock } from "../../../kit/clock.ts";
import { unspecifiedAddress } from "./addresses.ts";
import { duplicate } from "./duplicate.ts";
import { socketLimits } from "./limits.ts";
import type { Refused, SocketAddress, TcpConnection, TcpListener } from "./network.ts";
import { refused } from "./socket-errors.ts";
import type { Seat, SocketSeats } from "./socket-seats.ts";
import { HostConnection } from "./tcp-connection.ts";
import { Wakers } from "./wakers.ts";

export class HostListener implements TcpListener {
  readonly local: SocketAddress;
  readonly #seats: SocketSeats;
  readonly #seat: Seat;
  readonly #clock: Clock;
  readonly #backlog: number;
  /** The second descriptor of the listening socket. */
  readonly #spare: number | undefined;
  readonly #queue: Socket[] = [];
  readonly #accepters = new Wakers();
  /** Undefined while it is paused, and once it is closed. */
  #server: Server | undefined;
  #closed = false;

  /** Takes over what it is given. `open` starts a server on the bound socket; undefined when the kernel refuses. */
  constructor(parts: {
    readonly local: SocketAddress;
    readonly seats: SocketSeats;
    readonly seat: Seat;
    readonly clock: Clock;
    readonly backlog: number;
    readonly spare: number | undefined;
  }) {
    this.local = parts.local;
    this.#seats = parts.seats;
    this.#seat = parts.seat;
    this.#clock = parts.clock;
    this.#backlog = parts.backlog;
    this.#spare = parts.spare;
    parts.seat.end = () => this.close();
    parts.seat.abort = () => this.close();
  }

  /** `bind` makes the server listen, at once. Whether it does. */
  start(bind: (server: Server, backlog: number) => void): boolean {
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      highWaterMark: socketLimits.receiveBufferBytes,
    });
    server.on("error", () => {});
    server.on("connection", (socket) => this.#enqueue(socket));
    try {
      bind(server, this.#backlog);
    } catch {
      return false;
    }
    if (!server.listening) return false;
    this.#server = server;
    return true;
  }

  accept(): TcpConnection | "wait" | Refused {
    if (this.#closed) return refused("invalid-state");
    if (this.#queue.length === 0) return this.#resume() ? "wait" : refused("new-socket-limit");
    const seat = this.#seats.take();
    const socket = seat && this.#queue.shift();
    if (seat === undefined || socket === undefined) return refused("new-socket-limit");
    if (this.#queue.length <= socketLimits.acceptQueueMax / 2) this.#resume();
    return new HostConnection(socket, seat, this.#clock, this.#localOf(socket), this.#remoteOf(socket));
  }

  onAcceptable(wake: () => void): () => void {
    return this.#accepters.watch(this.#closed || this.#queue.length > 0 || !this.#resume(), wake);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server?.close();
    this.#server = undefined;
    if (this.#spare !== undefined) closeSync(this.#spare);
    for (const socket of this.#queue.splice(0)) socket.resetAndDestroy();
    this.#seat.release();
    this.#accepters.wakeAll();
  }

  #enqueue(socket: Socket): void {
    this.#seat.event();
    // Until someone accepts it, nobody cares what becomes of it.
    socket.on("error", () => {});
    const full = this.#queue.length >= socketLimits.acceptQueueMax;
    if (this.#closed || full || !this.#seats.descriptorsLeft()) {
      socket.resetAndDestroy();
      return;
    }
    this.#queue.push(socket);
    if (this.#queue.length >= socketLimits.acceptQueueMax) this.#pause();
    this.#accepters.wakeAll();
  }

  #pause(): void {
    if (this.#spare === undefined) return;
    this.#server?.close();
    this.#server = undefined;
  }

  /** Whether it is listening. */
  #resume(): boolean {
    if (this.#server !== undefined) return true;
    const fd =
      this.#spare === undefined || !this.#seats.descriptorsLeft() ? undefined : duplicate(this.#spare);
    return fd !== undefined && this.start((server, backlog) => void server.listen({ fd, backlog }));
  }

  #localOf({ localAddress, localPort }: Socket): SocketAddress {
    if (localAddress === undefined || localPort === undefined) return this.local;
    return { family: this.local.family, address: localAddress, port: localPort };
  }

  /** The peer of a connection that is broken already is not known any more. */
  #remoteOf({ remoteAddress, remotePort }: Socket): SocketAddress {
    const { family } = this.local;
    return { family, address: remoteAddress ?? unspecifiedAddress(family), port: remotePort ?? 0 };
  }
}
