/**
 * The memory that all servants of a run have together. Strictly: only one guest runs at a time, and before its turn it is told what
 * its memories may grow by, which is what nobody has.
 *
 * A stack that is suspended counts as well. It grows while its guest runs, when nobody can stop it: so a guest that leaves its turn
 * with more than there is, one whole stack beyond the limit included, has gone too far and is stopped.
 */
export interface PotMember {
  /** Now: of all its memories, and of its stacks as far as they are suspended. */
  readonly memoryBytes: number;
  /** Until the next call its memories may grow by so much together. */
  allow(roomBytes: number): void;
  /** It has more than it may: it is to end. */
  exceeded(): void;
}

interface Share {
  /** What it was promised, and has even if it has not taken it yet. */
  readonly leastBytes: number;
  /** As of the last time that it ran. */
  bytes: number;
  ranMs: number;
}

export class MemoryPot {
  readonly bytesMax: number;
  readonly #stackBytesMax: number;
  readonly #members = new Map<PotMember, Share>();
  #usedBytes = 0;
  #reservedBytes = 0;
  /** The only one whose memory can be another by now. */
  #last: PotMember | undefined;

  constructor(bytesMax: number, stackBytesMax: number) {
    this.bytesMax = bytesMax;
    this.#stackBytesMax = stackBytesMax;
  }

  get usedBytes(): number {
    this.#refresh();
    return this.#usedBytes;
  }

  get leftBytes(): number {
    return Math.max(0, this.bytesMax - this.usedBytes - this.#reservedBytes);
  }

  /** For what nobody uses, and nobody else can have. */
  reserve(bytes: number): void {
    this.#reservedBytes += bytes;
  }

  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** `leastBytes`: what it has once it is instantiated. */
  add(member: PotMember, leastBytes: number): void {
    this.#members.set(member, { leastBytes, bytes: leastBytes, ranMs: 0 });
    this.#usedBytes += leastBytes;
  }

  /** Its memory may be another by now, though it has not run. */
  look(member: PotMember): void {
    this.#refresh();
    if (!this.#members.has(member)) return;
    this.#last = member;
    this.#refresh();
  }

  /** In all its turns that are over, by the clock on the wall. */
  ranMsOf(member: PotMember): number {
    return this.#members.get(member)?.ranMs ?? 0;
  }

  remove(member: PotMember): void {
    if (this.#last === member) this.#last = undefined;
    this.#usedBytes -= this.#members.get(member)?.bytes ?? 0;
    this.#members.delete(member);
  }

  /** Before each turn of its guest, and before any other call into it. */
  enter(member: PotMember): void {
    if (this.#last !== member) this.#refresh();
    if (!this.#members.has(member)) return;
    this.#last = member;
    member.allow(this.leftBytes);
  }

  /** After each turn, which took so long. */
  leave(member: PotMember, wallMs: number): void {
    const share = this.#members.get(member);
    if (this.#last !== member || share === undefined) return;
    share.ranMs += wallMs;
    if (this.usedBytes > this.bytesMax + this.#stackBytesMax) member.exceeded();
  }

  #refresh(): void {
    const share = this.#last && this.#members.get(this.#last);
    if (this.#last === undefined || share === undefined) return;
    const bytes = Math.max(share.leastBytes, this.#last.memoryBytes);
    this.#usedBytes += bytes - share.bytes;
    share.bytes = bytes;
  }
}
