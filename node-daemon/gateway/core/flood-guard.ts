export interface FloodLimits {
  readonly perWindow: number;
  readonly windowMs: number;
}

/** Counts what costs its sender nothing, for one connection. */
export class FloodGuard {
  readonly #limits: FloodLimits;
  #windowBeganMs: number;
  #count = 0;

  constructor(limits: FloodLimits, nowMs: number) {
    this.#limits = limits;
    this.#windowBeganMs = nowMs;
  }

  /** False: that was one too many. */
  note(nowMs: number): boolean {
    if (nowMs - this.#windowBeganMs >= this.#limits.windowMs) {
      this.#windowBeganMs = nowMs;
      this.#count = 0;
    }
    return ++this.#count <= this.#limits.perWindow;
  }
}
