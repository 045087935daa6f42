/**
 * The memory that all servants of a run have together. Strictly: only one guest runs at a time, and before its turn it is told what
 * it may grow to, which is what it has and what nobody else has.
 *
 * A stack that is suspended counts as well. It grows while its guest runs, when nobody can stop it; so a guest that leaves its turn
 * with more than the limit and one stack together is over the limit.
 */
export interface PotMember {
  /** Now. */
  readonly memoryBytes: number;
  /** Until the next call its memories may grow to so much together. */
  allow(memoryBytesMax: number): void;
}

export class MemoryPot {
  readonly bytesMax: number;
  /** As of the last time that each of them ran. */
  readonly #members = new Map<PotMember, number>();
  #usedBytes = 0;
  /** The only one whose memory can be another by now. */
  #last: PotMember | undefined;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get usedBytes(): number {
    this.#refresh();
    return this.#usedBytes;
  }

  get leftBytes(): number {
    return Math.max(0, this.bytesMax - this.usedBytes);
  }

  /** `bytes`: what it will have at once. */
  add(member: PotMember, bytes: number): void {
    this.#members.set(member, bytes);
    this.#usedBytes += bytes;
  }

  remove(member: PotMember): void {
    if (this.#last === member) this.#last = undefined;
    this.#usedBytes -= this.#members.get(member) ?? 0;
    this.#members.delete(member);
  }

  /** Before each turn of its guest, and before any other call into it. */
  enter(member: PotMember): void {
    this.#refresh();
    const own = this.#members.get(member);
    if (own === undefined) return;
    this.#last = member;
    member.allow(Math.max(0, own + this.bytesMax - this.#usedBytes));
  }

  #refresh(): void {
    const last = this.#last;
    if (last === undefined) return;
    const before = this.#members.get(last) ?? 0;
    const { memoryBytes } = last;
    if (memoryBytes === before) return;
    this.#members.set(last, memoryBytes);
    this.#usedBytes += memoryBytes - before;
  }
}
