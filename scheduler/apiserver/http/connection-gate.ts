/**
 * Lets new connections in a few at a time: a TLS handshake costs about a millisecond of the one thread that also runs the
 * controllers, and thousands of clients may come at once, or many that never say a word.
 *
 *   accepted ─▶ silent, until the first byte ─▶ waiting, addresses taking turns ─▶ handshake ─▶ the server
 *
 * Who says nothing takes no handshake from anybody, and is dropped after a while. A handshake that is not over within
 * `handshakeMs` goes on, but no longer keeps others waiting: its client is far away, or does not mean it.
 *
 * Bounds: connections of one address, and how many may wait; what is beyond is closed at once.
 */
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { type Flow, TurnQueue } from "./turn-queue.ts";

export interface GateLimits {
  /** Handshakes under way. */
  readonly handshakes: number;
  /** For so long at most. */
  readonly handshakeMs: number;
  /** Connections that wait for theirs. */
  readonly waiting: number;
  /** Connections of one address, whatever they do. */
  readonly ofAddress: number;
  /** For the first byte. */
  readonly silentMs: number;
}

interface Place {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** What of a socket is looked at. */
export interface GateSocket extends Place {
  readonly destroyed: boolean;
  readonly readableLength: number;
  destroy(): unknown;
  setTimeout(ms: number): unknown;
  once(event: "readable" | "close" | "error" | "timeout", listener: () => void): unknown;
  off(event: "readable" | "timeout", listener: () => void): unknown;
}

export class ConnectionGate<S extends GateSocket = Socket> {
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  readonly #begin: (socket: S) => void;
  readonly #ofAddresses = new Map<string, number>();
  readonly #silent = new Set<S>();
  readonly #waiting = new TurnQueue<S>();
  /** Handshakes that count, by whose they are. */
  readonly #underWay = new Map<string, Timer>();

  /** `begin` starts the handshake; whoever sees its end, good or bad, calls `finished`. */
  constructor(limits: GateLimits, clock: Clock, begin: (socket: S) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#begin = begin;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(socket: S): void {
    const address = socket.remoteAddress ?? "";
    const count = (this.#ofAddresses.get(address) ?? 0) + 1;
    if (count > this.#limits.ofAddress) {
      socket.destroy();
      return;
    }
    this.#ofAddresses.set(address, count);
    socket.once("close", () => {
      const left = (this.#ofAddresses.get(address) ?? 1) - 1;
      if (left > 0) this.#ofAddresses.set(address, left);
      else this.#ofAddresses.delete(address);
      this.#silent.delete(socket);
      this.#waiting.remove(flowOf(address), socket);
    });
    // Nobody else listens yet.
    socket.once("error", () => socket.destroy());
    if (socket.readableLength > 0) this.#wait(socket, address);
    else this.#listen(socket, address);
  }

  /** A handshake is over. `place` is that of its socket. */
  finished(place: Place): void {
    this.#free(keyOf(place));
  }

  close(): void {
    for (const socket of this.#silent) socket.destroy();
    for (let socket = this.#waiting.shift(); socket; socket = this.#waiting.shift()) socket.destroy();
    for (const timer of this.#underWay.values()) timer.cancel();
    this.#underWay.clear();
  }

  #listen(socket: S, address: string): void {
    const late = () => socket.destroy();
    const heard = () => {
      socket.off("timeout", late);
      socket.setTimeout(0);
      // It may have closed without a word.
      if (this.#silent.delete(socket)) this.#wait(socket, address);
    };
    this.#silent.add(socket);
    socket.setTimeout(this.#limits.silentMs);
    socket.once("timeout", late);
    socket.once("readable", heard);
  }

  #wait(socket: S, address: string): void {
    if (this.#waiting.size >= this.#limits.waiting) {
      socket.destroy();
      return;
    }
    this.#waiting.push(flowOf(address), socket);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#underWay.size < this.#limits.handshakes) {
      const socket = this.#waiting.shift();
      if (!socket) return;
      if (!socket.destroyed) this.#start(socket);
    }
  }

  #start(socket: S): void {
    const key = keyOf(socket);
    this.#underWay.get(key)?.cancel();
    this.#underWay.set(
      key,
      this.#clock.setTimer(this.#limits.handshakeMs, () => this.#free(key)),
    );
    this.#begin(socket);
  }

  #free(key: string): void {
    const timer = this.#underWay.get(key);
    if (!timer) return;
    timer.cancel();
    this.#underWay.delete(key);
    // After this turn of the event loop, so that a crowd does not keep it.
    setImmediate(() => this.#startNext());
  }
}

function keyOf({ remoteAddress, remotePort }: Place): string {
  return `${remoteAddress} ${remotePort}`;
}

function flowOf(address: string): Flow {
  return { user: address, agent: "" };
}
