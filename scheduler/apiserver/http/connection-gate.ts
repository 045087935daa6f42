/**
 * Lets new connections in one after the other: a TLS handshake costs about a millisecond of the one thread that also
 * runs the controllers, and thousands of clients may come at once.
 *
 *   accepted ─▶ waiting (bounded; the oldest go first) ─▶ handshake (a few at a time) ─▶ the server
 */
import type { Socket } from "node:net";

export interface GateLimits {
  /** Handshakes under way. */
  readonly handshakes: number;
  /** Connections that wait for theirs. Beyond: closed at once. */
  readonly waiting: number;
}

export class ConnectionGate {
  readonly #limits: GateLimits;
  readonly #begin: (socket: Socket) => void;
  readonly #waiting = new Set<Socket>();
  #underWay = 0;

  /** `begin` starts the handshake; whoever sees its end, good or bad, calls `finished`. */
  constructor(limits: GateLimits, begin: (socket: Socket) => void) {
    this.#limits = limits;
    this.#begin = begin;
  }

  enter(socket: Socket): void {
    if (this.#underWay < this.#limits.handshakes) return this.#start(socket);
    if (this.#waiting.size >= this.#limits.waiting) {
      socket.destroy();
      return;
    }
    this.#waiting.add(socket);
    socket.once("close", () => this.#waiting.delete(socket));
    // Nobody else listens yet.
    socket.once("error", () => socket.destroy());
  }

  close(): void {
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting.clear();
  }

  #start(socket: Socket): void {
    this.#underWay++;
    this.#begin(socket);
  }

  /** To be called once for each socket that was begun. */
  finished(): void {
    this.#underWay--;
    // After this turn of the event loop, so that a crowd does not keep it.
    setImmediate(() => this.#startNext());
  }

  #startNext(): void {
    for (const socket of this.#waiting) {
      if (this.#underWay >= this.#limits.handshakes) return;
      this.#waiting.delete(socket);
      if (!socket.destroyed) this.#start(socket);
    }
  }
}
