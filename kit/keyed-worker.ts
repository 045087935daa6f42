/**
 * Runs one asynchronous job per key, as controllers' work queues do.
 *
 *   idle ──schedule──▶ waiting ──▶ running ──ok──▶ idle
 *                         ▲           │ scheduled meanwhile: waiting again
 *                         └──backoff──┘ failed
 *
 * Invariants: a key never runs twice at once; any number of `schedule` calls before a run starts make one run; a call
 * during a run makes one more after it; two runs of a key start at least `intervalMs` apart. Memory is bounded by the
 * number of keys that are not idle, and only `concurrencyMax` run at once: the others wait in order.
 */
import { backoffMs, type BackoffLimits } from "./backoff.ts";
import type { Clock, Timer } from "./clock.ts";

export interface KeyedWorkerOptions {
  readonly clock: Clock;
  readonly concurrencyMax: number;
  readonly intervalMs: number;
  readonly backoff: BackoffLimits;
  /** Told of each failure before it is tried again. */
  readonly failed: (key: string, thrown: unknown) => void;
}

interface Entry {
  attempt: number;
  again: boolean;
  timer: Timer | undefined;
  lastStartMs: number;
  state: "queued" | "timed" | "running" | "resting";
}

export class KeyedWorker implements AsyncDisposable {
  readonly #run: (key: string) => Promise<void>;
  readonly #options: KeyedWorkerOptions;
  readonly #entries = new Map<string, Entry>();
  /** From `#next` on: what is before it has been taken. */
  #queue: string[] = [];
  #next = 0;
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(run: (key: string) => Promise<void>, options: KeyedWorkerOptions) {
    this.#run = run;
    this.#options = options;
  }

  schedule(key: string): void {
    if (this.#closed) return;
    const entry = this.#entries.get(key);
    if (!entry) {
      this.#entries.set(key, {
        attempt: 0,
        again: false,
        timer: undefined,
        lastStartMs: -Infinity,
        state: "queued",
      });
      this.#enqueue(key);
      return;
    }
    if (entry.state === "running") entry.again = true;
    if (entry.state === "resting") this.#later(key, entry, this.#restMs(entry));
  }

  /** Starts nothing new and waits for what runs. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    await Promise.allSettled(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #enqueue(key: string): void {
    this.#queue.push(key);
    this.#startNext();
  }

  #startNext(): void {
    while (!this.#closed && this.#running.size < this.#options.concurrencyMax) {
      const key = this.#take();
      if (key === undefined) return;
      const entry = this.#entries.get(key);
      if (!entry) continue;
      entry.state = "running";
      entry.again = false;
      entry.lastStartMs = this.#options.clock.monotonic();
      const running: Promise<void> = this.#execute(key, entry).finally(() => {
        this.#running.delete(running);
        this.#startNext();
      });
      this.#running.add(running);
    }
  }

  /** Long queues are not moved for every key that is taken. */
  #take(): string | undefined {
    const key = this.#queue[this.#next];
    if (key === undefined) return undefined;
    this.#next++;
    if (this.#next * 2 < this.#queue.length) return key;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
    return key;
  }

  async #execute(key: string, entry: Entry): Promise<void> {
    try {
      await this.#run(key);
      entry.attempt = 0;
      if (entry.again) this.#later(key, entry, this.#restMs(entry));
      else this.#rest(key, entry);
    } catch (thrown) {
      this.#options.failed(key, thrown);
      this.#later(key, entry, backoffMs(entry.attempt++, this.#options.backoff));
    }
  }

  /** Remembers when the key last ran only as long as that matters. */
  #rest(key: string, entry: Entry): void {
    const restMs = this.#restMs(entry);
    if (restMs <= 0) {
      this.#entries.delete(key);
      return;
    }
    entry.state = "resting";
    entry.timer = this.#options.clock.setTimer(restMs, () => this.#entries.delete(key));
  }

  #later(key: string, entry: Entry, delayMs: number): void {
    entry.timer?.cancel();
    entry.state = "timed";
    if (this.#closed) return;
    entry.timer = this.#options.clock.setTimer(delayMs, () => {
      entry.state = "queued";
      this.#enqueue(key);
    });
  }

  #restMs(entry: Entry): number {
    return entry.lastStartMs + this.#options.intervalMs - this.#options.clock.monotonic();
  }
}
