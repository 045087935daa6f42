/** The sockets of one instance: how many there may be, and how to end them all. */
import { closeSync, openSync } from "node:fs";

import { SpareSockets } from "./spare-sockets.ts";

/** One socket's right to exist. */
export interface Seat {
  /** What closes the socket once it has sent what it accepted. */
  end: () => void;
  /** What closes it at once, whatever it is doing. */
  abort: () => void;
  /** Nobody uses the socket for now: see `TcpConnection.spare`. */
  spare(giveUp: () => void): () => void;
  /** The thread has done something for it that nobody asked for: something came in. */
  event(): void;
  /** Idempotent: the socket is gone. */
  release(): void;
}

interface SeatLimits {
  readonly socketsMax: number;
  readonly hostDescriptorsMax: number;
}

export class SocketSeats {
  readonly #socketsMax: number;
  readonly #hostDescriptorsMax: number;
  readonly #limits: SeatLimits;
  readonly #onEvent: () => void;
  readonly #parent: SocketSeats | undefined;
  /** Of the instance. */
  readonly #spares: SpareSockets;
  /** Of the process. */
  readonly #allSpares: SpareSockets;
  readonly #taken = new Set<Seat>();
  #emptied: (() => void) | undefined;
  #closed = false;

  constructor(
    limits: SeatLimits,
    onEvent: () => void = nothing,
    allSpares = new SpareSockets(limits.socketsMax),
    parent?: SocketSeats,
  ) {
    this.#onEvent = onEvent;
    this.#parent = parent;
    this.#allSpares = allSpares;
    this.#spares = parent ? parent.#spares : new SpareSockets(limits.socketsMax, allSpares);
    this.#limits = limits;
    this.#socketsMax = limits.socketsMax;
    this.#hostDescriptorsMax = limits.hostDescriptorsMax;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Undefined when the instance has its share, or the process has no more to give. */
  take(): Seat | undefined {
    if (this.#closed || !this.#makeRoom()) return undefined;
    const above = this.#parent?.take();
    if (this.#parent && !above) return undefined;
    const seat: Seat = {
      end: nothing,
      abort: nothing,
      spare: (giveUp) => this.#spares.add(giveUp),
      event: this.#onEvent,
      release: () => {
        above?.release();
        if (this.#taken.delete(seat) && this.#taken.size === 0) this.#emptied?.();
      },
    };
    if (above) {
      above.end = () => seat.end();
      above.abort = () => seat.abort();
    }
    this.#taken.add(seat);
    return seat;
  }

  /** Some of these: who has one has one of these too. */
  share(): SocketSeats {
    return new SocketSeats(this.#limits, this.#onEvent, this.#allSpares, this);
  }

  /** Spare sockets are closed for it, where there are any. */
  #makeRoom(): boolean {
    while (this.#taken.size >= this.#socketsMax) if (!this.#spares.giveUpOne()) return false;
    while (!this.descriptorsLeft()) if (!this.#allSpares.giveUpOne()) return false;
    return true;
  }

  /** The kernel gives the lowest number that is free: the one it would give next tells how many are in use. */
  descriptorsLeft(): boolean {
    try {
      const next = openSync("/dev/null", "r");
      closeSync(next);
      return next < this.#hostDescriptorsMax;
    } catch {
      return false;
    }
  }

  /** Resolves when the last is gone. */
  async endAll(): Promise<void> {
    this.#closed = true;
    for (const seat of this.#taken) seat.end();
    if (this.#taken.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
  }

  abortAll(): void {
    this.#closed = true;
    for (const seat of this.#taken) {
      seat.abort();
      seat.release();
    }
  }
}

function nothing(): void {}
