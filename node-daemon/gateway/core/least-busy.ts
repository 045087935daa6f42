/**
 * Members by how many requests are in flight with them. The least busy one is found, and a member moved up or down, in constant
 * time, however many there are; among equals it is the turn of the one that has waited the longest.
 *
 *   buckets[n]: a ring of the members with n in flight; #least points at the first that is not empty, or below it
 */

export interface Busy {
  inFlight: number;
  /** Of the ring: not to be touched by others. */
  bucket: number;
  before: Busy | undefined;
  after: Busy | undefined;
}

export class LeastBusy<M extends Busy> {
  /** The first of each ring. */
  readonly #buckets: (M | undefined)[] = [];
  #least = 0;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  add(member: M): void {
    const bucket = member.inFlight;
    while (this.#buckets.length <= bucket) this.#buckets.push(undefined);
    const first = this.#buckets[bucket];
    member.bucket = bucket;
    if (first === undefined) {
      member.before = member;
      member.after = member;
      this.#buckets[bucket] = member;
    } else {
      const last = first.before ?? first;
      member.before = last;
      member.after = first;
      last.after = member;
      first.before = member;
    }
    if (this.#count === 0 || bucket < this.#least) this.#least = bucket;
    this.#count++;
  }

  remove(member: M): void {
    if (member.bucket < 0) return;
    const { before, after } = member;
    if (before === undefined || after === undefined || after === member) {
      this.#buckets[member.bucket] = undefined;
    } else {
      before.after = after;
      after.before = before;
      // The ring holds members of this kind only.
      if (this.#buckets[member.bucket] === member) this.#buckets[member.bucket] = after as M;
    }
    member.bucket = -1;
    member.before = undefined;
    member.after = undefined;
    this.#count--;
  }

  /** After its `inFlight` has changed. */
  move(member: M): void {
    if (member.bucket < 0 || member.bucket === member.inFlight) return;
    this.remove(member);
    this.add(member);
  }

  first(): M | undefined {
    if (this.#count === 0) return undefined;
    while (this.#buckets[this.#least] === undefined) this.#least++;
    return this.#buckets[this.#least];
  }

  /** The least busy one that is none of these few. */
  firstWithout(excluded: readonly M[]): M | undefined {
    if (excluded.length === 0) return this.first();
    if (this.#count === 0) return undefined;
    for (let bucket = this.#least; bucket < this.#buckets.length; bucket++) {
      const first = this.#buckets[bucket];
      if (first === undefined) continue;
      let member = first;
      do {
        if (!excluded.includes(member)) return member;
        member = (member.after ?? first) as M;
      } while (member !== first);
    }
    return undefined;
  }
}
