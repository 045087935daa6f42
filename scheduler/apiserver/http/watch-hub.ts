import type { Clock, Timer } from "../../../kit/clock.ts";
import { ApiError } from "../status.ts";
import { EventEncoder, type WatchStream } from "./watch-stream.ts";

/** Refused beyond, with TooManyRequests. */
const watchesMax = 4_000;
/** How often a watch that allows bookmarks gets one: often enough that a resumed watch is never too old. */
const bookmarkMs = 60_000;

interface Entry {
  readonly stream: WatchStream;
  readonly bookmarks: boolean;
  timer: Timer | undefined;
}

/** All watches that are open: bounds them, sends them bookmarks, and ends them when the server drains. */
export class WatchHub implements Disposable {
  readonly encoder = new EventEncoder();
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();
  #bookmarkTimer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  admit(): void {
    if (this.#entries.size >= watchesMax)
      throw new ApiError("TooManyRequests", `${watchesMax} watches are open already`, {
        retryAfterSeconds: 5,
      });
  }

  /** Returns what to call when the watch is over. */
  add(stream: WatchStream, bookmarks: boolean, timeoutMs: number): () => void {
    const entry: Entry = { stream, bookmarks, timer: undefined };
    entry.timer = this.#clock.setTimer(timeoutMs, () => {
      if (bookmarks) stream.bookmark();
      stream.end();
    });
    this.#entries.add(entry);
    this.#schedule();
    return () => {
      entry.timer?.cancel();
      this.#entries.delete(entry);
      if (this.#entries.size > 0) return;
      this.#bookmarkTimer?.cancel();
      this.#bookmarkTimer = undefined;
    };
  }

  endAll(): void {
    for (const { stream } of this.#entries) stream.end();
  }

  [Symbol.dispose](): void {
    this.endAll();
    for (const { timer } of this.#entries) timer?.cancel();
    this.#bookmarkTimer?.cancel();
  }

  #schedule(): void {
    this.#bookmarkTimer ??= this.#clock.setTimer(bookmarkMs, () => {
      this.#bookmarkTimer = undefined;
      for (const { stream, bookmarks } of this.#entries) if (bookmarks) stream.bookmark();
      if (this.#entries.size > 0) this.#schedule();
    });
  }
}
