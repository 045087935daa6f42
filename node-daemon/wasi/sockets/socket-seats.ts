/** The sockets of one instance: how many there may be, and how to end them all. */
import { closeSync, openSync } from "node:fs";

/** One socket's right to exist. */
export interface Seat {
  /** What closes the socket once it has sent what it accepted. */
  end: () => void;
  /** What closes it at once, whatever it is doing. */
  abort: () => void;
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
  readonly #taken = new Set<Seat>();
  #emptied: (() => void) | undefined;
  #closed = false;

  constructor(limits: SeatLimits, onEvent: () => void = nothing, parent?: SocketSeats) {
    this.#onEvent = onEvent;
    this.#parent = parent;
    this.#limits = limits;
    this.#socketsMax = limits.socketsMax;
    this.#hostDescriptorsMax = limits.hostDescriptorsMax;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Undefined when the instance has its share, or the process has no more to give. */
  take(): Seat | undefined {
    if (this.#closed || this.#taken.size >= this.#socketsMax || !this.descriptorsLeft()) return undefined;
    const above = this.#parent?.take();
    if (this.#parent && !above) return undefined;
    const seat: Seat = {
      end: nothing,
      abort: nothing,
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
    return new SocketSeats(this.#limits, this.#onEvent, this);
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
