/**
 * How much there was of something within the last seconds, by the second. What is added is spread over the time in which it has
 * come, so that a steady flow reads as steady however it is told of. A fixed amount of memory, O(1) per second.
 */

/** Told of once a second, so the last second is not whole yet. */
const lagMs = 1_000;
const windowMs = 10_000;
/** The longest time that something which was added still shows. */
export const windowSpanMs = windowMs + lagMs;

const slotMs = 1_000;
/** A window can touch eleven seconds, beside the one that is not over. */
const slots = 16;

export class TrafficWindow {
  readonly #amounts = new Float64Array(slots);
  /** The newest second that there is. */
  #newest = 0;
  /** What is known of it ends here. */
  #knownToMs = 0;

  /** That came between the two times, evenly. */
  add(amount: number, fromMs: number, toMs: number): void {
    const last = Math.floor(toMs / slotMs);
    this.#advance(last);
    this.#knownToMs = Math.max(this.#knownToMs, toMs);
    const spanMs = toMs - fromMs;
    if (spanMs <= 0) return this.#put(last, amount);
    const first = Math.max(Math.floor(fromMs / slotMs), last - slots + 1);
    for (let second = first; second <= last; second++)
      this.#put(second, amount * (overlapMs(second, fromMs, toMs) / spanMs));
  }

  /** Per second, within ten seconds that ended one second ago. */
  perSecond(nowMs: number): number {
    const toMs = nowMs - lagMs;
    const fromMs = toMs - windowMs;
    let sum = 0;
    const last = Math.min(Math.floor(toMs / slotMs), this.#newest);
    const first = Math.max(Math.floor(fromMs / slotMs), this.#newest - slots + 1, 0);
    for (let second = first; second <= last; second++) {
      const amount = this.#amounts[second % slots] ?? 0;
      if (amount !== 0) sum += amount * this.#share(second, fromMs, toMs);
    }
    return (sum * 1_000) / windowMs;
  }

  /** How much of what is known of a second is within the two times. */
  #share(second: number, fromMs: number, toMs: number): number {
    const beganMs = second * slotMs;
    const endMs = Math.max(beganMs + 1, Math.min(beganMs + slotMs, this.#knownToMs));
    return Math.max(0, Math.min(endMs, toMs) - Math.max(beganMs, fromMs)) / (endMs - beganMs);
  }

  #put(second: number, amount: number): void {
    if (second < 0 || second <= this.#newest - slots) return;
    const place = second % slots;
    this.#amounts[place] = (this.#amounts[place] ?? 0) + amount;
  }

  #advance(second: number): void {
    if (second <= this.#newest) return;
    if (second - this.#newest >= slots) this.#amounts.fill(0);
    else for (let next = this.#newest + 1; next <= second; next++) this.#amounts[next % slots] = 0;
    this.#newest = second;
  }
}

function overlapMs(second: number, fromMs: number, toMs: number): number {
  return Math.max(0, Math.min((second + 1) * slotMs, toMs) - Math.max(second * slotMs, fromMs));
}
