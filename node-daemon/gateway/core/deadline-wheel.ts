/**
 * Deadlines by the tens of thousands that mostly never come: setting and clearing one is a few assignments, and one timer of the
 * owner's serves all. Each comes up to a tick late, never early.
 *
 *   slots: a ring; a deadline lies in the slot of its tick, modulo the ring, and is looked at once a round until it is due
 */

export abstract class Deadline {
  /** Of the wheel: not to be touched by others. */
  dueTick = -1;
  before: Deadline | undefined;
  after: Deadline | undefined;

  /** Called once; it may be set again from there. Must not throw. */
  abstract onDeadline(nowMs: number): void;
}

const slotCount = 512;

export class DeadlineWheel {
  readonly #tickMs: number;
  readonly #slots = Array.from<Deadline | undefined>({ length: slotCount });
  /** Everything up to this tick has been told. */
  #tick: number;
  #count = 0;

  constructor(tickMs: number, nowMs: number) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** How many are set: with none, nothing has to call {@link advance}. */
  get size(): number {
    return this.#count;
  }

  /** In place of when it was due before. */
  set(deadline: Deadline, dueMs: number): void {
    this.clear(deadline);
    const tick = Math.max(Math.ceil(dueMs / this.#tickMs), this.#tick + 1);
    const slot = tick % slotCount;
    const head = this.#slots[slot];
    deadline.dueTick = tick;
    deadline.before = undefined;
    deadline.after = head;
    if (head !== undefined) head.before = deadline;
    this.#slots[slot] = deadline;
    this.#count++;
  }

  clear(deadline: Deadline): void {
    if (deadline.dueTick < 0) return;
    if (deadline.before === undefined) this.#slots[deadline.dueTick % slotCount] = deadline.after;
    else deadline.before.after = deadline.after;
    if (deadline.after !== undefined) deadline.after.before = deadline.before;
    deadline.dueTick = -1;
    deadline.before = undefined;
    deadline.after = undefined;
    this.#count--;
  }

  /** Tells those that are due by now. What they set meanwhile is due at the next tick at the earliest. */
  advance(nowMs: number): void {
    const to = Math.floor(nowMs / this.#tickMs);
    // After a long pause (the machine slept) one round sees all slots.
    const from = Math.max(this.#tick + 1, to - slotCount + 1);
    this.#tick = Math.max(this.#tick, to);
    const due: Deadline[] = [];
    for (let tick = from; tick <= to; tick++) {
      for (let one = this.#slots[tick % slotCount]; one !== undefined; one = one.after) {
        if (one.dueTick <= to) due.push(one);
      }
    }
    for (const one of due) this.clear(one);
    for (const one of due) one.onDeadline(nowMs);
  }
}
