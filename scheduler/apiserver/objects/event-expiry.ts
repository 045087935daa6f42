/**
 * Events are kept for an hour after their last change, and never more than a bound of them: the oldest go first. One
 * timer, set for the event that is due next; nothing polls.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock, Timer } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { Kind } from "../registry.ts";
import type { KindCache } from "../storage/store-cache.ts";
import type { ObjectWriter } from "./object-writer.ts";

const eventsMax = 10_000;
const lifetimeMs = 3_600_000;
const batchMax = 500;
/** After a failed deletion. */
const retryMs = 5_000;

export class EventExpiry implements Disposable {
  readonly #kind: Kind;
  readonly #writer: ObjectWriter;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscription: Disposable;
  /** In the order of their last change, and so of their expiry. */
  readonly #events = new Map<string, { readonly object: ApiObject; readonly expiresAtMs: number }>();
  #timer: Timer | undefined;
  #isDeleting = false;
  #isDisposed = false;

  constructor(kind: Kind, cache: KindCache, writer: ObjectWriter, clock: Clock, log: Log) {
    this.#kind = kind;
    this.#writer = writer;
    this.#clock = clock;
    this.#log = log;
    const changedMs = (object: ApiObject) => {
      const lastMs = Date.parse(textOf(object["lastTimestamp"]) ?? object.metadata.creationTimestamp);
      return Number.isNaN(lastMs) ? clock.now() : Math.min(lastMs, clock.now());
    };
    const existing = [...cache.list(undefined)].sort((a, b) => changedMs(a) - changedMs(b));
    const start = clock.monotonic() - clock.now();
    for (const object of existing)
      this.#events.set(keyOf(object), { object, expiresAtMs: changedMs(object) + start + lifetimeMs });
    this.#subscription = cache.subscribe(({ kind: change, object }) => {
      const key = keyOf(object);
      this.#events.delete(key);
      if (change === "put") this.#events.set(key, { object, expiresAtMs: clock.monotonic() + lifetimeMs });
      this.#schedule();
    });
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#subscription[Symbol.dispose]();
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isDeleting || this.#isDisposed) return;
    const oldest = this.#events.values().next().value;
    if (!oldest) return;
    if (this.#events.size > eventsMax) {
      this.#timer?.cancel();
      this.#timer = undefined;
      void this.#deleteOldest();
      return;
    }
    this.#timer ??= this.#clock.setTimer(Math.max(0, oldest.expiresAtMs - this.#clock.monotonic()), () => {
      this.#timer = undefined;
      void this.#deleteOldest();
    });
  }

  async #deleteOldest(): Promise<void> {
    this.#isDeleting = true;
    const now = this.#clock.monotonic();
    // Ten percent below the bound, so that a full list does not cost a deletion for every new event.
    let excess = this.#events.size > eventsMax ? this.#events.size - eventsMax * 0.9 : 0;
    const due: { readonly kind: Kind; readonly object: ApiObject }[] = [];
    for (const { object, expiresAtMs } of this.#events.values()) {
      if (due.length >= batchMax || (expiresAtMs > now && excess <= 0)) break;
      due.push({ kind: this.#kind, object });
      excess--;
    }
    let failed = false;
    try {
      await this.#writer.deleteBatch(due);
    } catch (thrown) {
      failed = true;
      this.#log.warn("expired events could not be deleted", { err: thrown, events: due.length });
    }
    this.#isDeleting = false;
    if (!failed) return this.#schedule();
    if (!this.#isDisposed)
      this.#timer = this.#clock.setTimer(retryMs, () => {
        this.#timer = undefined;
        this.#schedule();
      });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function keyOf(object: ApiObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
