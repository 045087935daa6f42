/**
 * Requests that wait as nobody can take them: while a workload wakes up, or while all of its places are set aside. First come, first
 * served; bounded for each workload, and for the whole gateway by number and by the bytes that they keep. A full one refuses.
 */
export interface HoldLimits {
  readonly perWorkload: number;
  readonly inAll: number;
  readonly bytesInAll: number;
}

/** What all queues of a gateway share. */
export class HoldRoom {
  readonly limits: HoldLimits;
  #count = 0;
  #bytes = 0;

  constructor(limits: HoldLimits) {
    this.limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  enter(bytes: number): boolean {
    if (this.#count >= this.limits.inAll || this.#bytes + bytes > this.limits.bytesInAll) return false;
    this.#count++;
    this.#bytes += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

export class HoldQueue<T> {
  readonly #room: HoldRoom;
  /** With the bytes of each; in the order of their arrival. */
  readonly #held = new Map<T, number>();

  constructor(room: HoldRoom) {
    this.#room = room;
  }

  get size(): number {
    return this.#held.size;
  }

  add(one: T, bytes: number): boolean {
    if (this.#held.size >= this.#room.limits.perWorkload || !this.#room.enter(bytes)) return false;
    this.#held.set(one, bytes);
    return true;
  }

  remove(one: T): boolean {
    const bytes = this.#held.get(one);
    if (bytes === undefined) return false;
    this.#held.delete(one);
    this.#room.leave(bytes);
    return true;
  }

  /** The one that has waited the longest, which stays. */
  first(): T | undefined {
    for (const one of this.#held.keys()) return one;
    return undefined;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#held.keys();
  }
}
