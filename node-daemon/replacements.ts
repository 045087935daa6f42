/**
 * Which instances are begun anew because the process that hosts them is to go: all of them have to, but a few at a time, so
 * that a shim of thousands is not a gap of thousands.
 *
 *   note ─▶ waiting ─ a place is free ─▶ begun ─ it runs again, waits or has ended ─▶ done
 *
 * Bounded by the instances of the node; each is in it once.
 */
export class Replacements {
  readonly #atOnceMax: number;
  /** Says whether there was anything to do for it. */
  readonly #begin: (uid: string, why: string) => boolean;
  readonly #waiting = new Map<string, string>();
  readonly #begun = new Set<string>();

  constructor(atOnceMax: number, begin: (uid: string, why: string) => boolean) {
    this.#atOnceMax = atOnceMax;
    this.#begin = begin;
  }

  note(uid: string, why: string): void {
    if (!this.#begun.has(uid)) this.#waiting.set(uid, why);
  }

  beginSome(): void {
    for (const [uid, why] of this.#waiting) {
      if (this.#begun.size >= this.#atOnceMax) return;
      this.#waiting.delete(uid);
      this.#begun.add(uid);
      if (!this.#begin(uid, why)) this.#begun.delete(uid);
    }
  }

  /** This instance is through with it, or needs it no more. */
  done(uid: string): void {
    this.#waiting.delete(uid);
    if (this.#begun.delete(uid)) this.beginSome();
  }
}
