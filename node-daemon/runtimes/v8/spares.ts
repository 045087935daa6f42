/**
 * Shims that are started ahead, for whoever needs one next.
 *
 *   wanted ── nobody is starting, for a moment ──▶ started ──▶ waits ──▶ taken, and another is wanted
 *
 * One is wanted at first and when one was taken, never because one died: a machine on which none can live is not kept
 * busy by them.
 */
import type { Clock, Timer } from "../../../kit/clock.ts";
import type { Shim } from "./hosting.ts";
import { driverLimits } from "./limits.ts";

export interface SparesOptions {
  readonly max: number;
  readonly clock: Clock;
  /** Whether a process that somebody waits for is starting. */
  readonly busy: () => boolean;
  /** Starts one, and adds it. */
  readonly start: () => void;
}

export class Spares {
  readonly #options: SparesOptions;
  readonly #shims = new Set<Shim>();
  /** Since the last was started. */
  #wanted = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#shims.size;
  }

  add(shim: Shim): void {
    this.#shims.add(shim);
  }

  remove(shim: Shim): void {
    this.#shims.delete(shim);
  }

  /** There are more than there should be. */
  isSurplus(shim: Shim): boolean {
    return this.#shims.has(shim) && this.#shims.size > this.#options.max;
  }

  /** One that is still starting is nearer than one that is not even started. */
  take(): Shim | undefined {
    const shims = [...this.#shims];
    const shim =
      shims.find(({ handle }) => handle.isReady) ?? shims.find(({ handle }) => handle.pid !== undefined);
    if (shim) this.#shims.delete(shim);
    return shim;
  }

  want(): void {
    this.#wanted = this.#options.max > 0;
    this.review();
  }

  /** To be called whenever nobody may be starting any more. */
  review(): void {
    const { max, clock, busy } = this.#options;
    if (this.#closed || !this.#wanted || this.#timer || this.#shims.size >= max || busy()) return;
    this.#timer = clock.setTimer(driverLimits.spareDelayMs, () => {
      this.#timer = undefined;
      if (!this.#closed && !busy()) this.#start();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #start(): void {
    this.#wanted = this.#shims.size + 1 < this.#options.max;
    if (process.availableMemory() >= driverLimits.spareMemoryBytesMin) this.#options.start();
  }
}
