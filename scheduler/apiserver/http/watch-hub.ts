import type { Clock, Timer } from "../../../kit/clock.ts";
import { ApiError } from "../status.ts";
import { EventEncoder } from "./event-encoder.ts";
import { addCount, type Flow, flowKey } from "./turn-queue.ts";
import type { WatchRoom, WatchStream } from "./watch-stream.ts";

/** Refused beyond, with TooManyRequests; one user may have three quarters of them, and one flow (see FairQueue) half. */
const watchesMax = 4_000;
const watchesOfUserMax = (watchesMax * 3) / 4;
const watchesOfFlowMax = watchesMax / 2;
/** Objects of initial states that wait for their clients, in all and of one user. Refused beyond. */
const initialMax = 4_000_000;
const initialOfUserMax = (initialMax * 3) / 4;
/** Events that wait for slow clients, in all. Beyond: the slowest are dropped. */
const queuedMax = 4_000_000;
/** How often a watch that allows bookmarks gets one: often enough that a resumed watch is never too old. */
const bookmarkMs = 60_000;
/** How long streams are written to in one turn of the event loop. */
const turnMs = 5;

interface Entry {
  readonly stream: WatchStream;
  readonly user: string;
  readonly bookmarks: boolean;
  timer: Timer | undefined;
}

/** All watches that are open: bounds them, writes them, sends them bookmarks, and ends them when the server drains. */
export class WatchHub implements Disposable {
  readonly encoder = new EventEncoder();
  readonly room: WatchRoom = { eventsLeft: queuedMax, dropped: 0 };
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();
  readonly #users = new Map<string, number>();
  readonly #flows = new Map<string, number>();
  /** Streams that have something to write. */
  readonly #ready = new Set<WatchStream>();
  #pump: NodeJS.Immediate | undefined;
  #bookmarkTimer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  admit(flow: Flow): void {
    const isRoom =
      this.#entries.size < watchesMax &&
      (this.#users.get(flow.user) ?? 0) < watchesOfUserMax &&
      (this.#flows.get(flowKey(flow)) ?? 0) < watchesOfFlowMax;
    if (isRoom && this.#hasRoomForInitial(flow.user)) return;
    throw new ApiError("TooManyRequests", `${this.#entries.size} watches are open already`, {
      retryAfterSeconds: 5,
    });
  }

  #hasRoomForInitial(user: string): boolean {
    let [all, own] = [0, 0];
    for (const entry of this.#entries) {
      all += entry.stream.initialLeft;
      if (entry.user === user) own += entry.stream.initialLeft;
    }
    return all < initialMax && own < initialOfUserMax;
  }

  /** Returns what to call when the watch is over. */
  add(stream: WatchStream, flow: Flow, bookmarks: boolean, timeoutMs: number): () => void {
    const entry: Entry = { stream, user: flow.user, bookmarks, timer: undefined };
    entry.timer = this.#clock.setTimer(timeoutMs, () => {
      if (bookmarks) stream.bookmark();
      stream.end();
    });
    this.#entries.add(entry);
    addCount(this.#users, flow.user, 1);
    addCount(this.#flows, flowKey(flow), 1);
    this.#scheduleBookmarks();
    return () => {
      entry.timer?.cancel();
      this.#entries.delete(entry);
      this.#ready.delete(stream);
      addCount(this.#users, flow.user, -1);
      addCount(this.#flows, flowKey(flow), -1);
      if (this.#entries.size > 0) return;
      this.#bookmarkTimer?.cancel();
      this.#bookmarkTimer = undefined;
    };
  }

  /** Writes the stream before long, together with all others that have something. */
  readonly ready = (stream: WatchStream): void => {
    this.#ready.add(stream);
    this.#schedulePump();
  };

  endAll(): void {
    for (const { stream } of this.#entries) stream.end();
  }

  /** Ends the watches of a kind that is served no more, or differently. */
  endKind(resource: { readonly group: string; readonly plural: string }): void {
    for (const { stream } of this.#entries) {
      const { group, plural } = stream.kind.resource;
      if (group === resource.group && plural === resource.plural) stream.end();
    }
  }

  [Symbol.dispose](): void {
    this.endAll();
    this.#pumpAll();
    for (const { timer } of this.#entries) timer?.cancel();
    this.#bookmarkTimer?.cancel();
  }

  #pumpAll(): void {
    this.#pump = undefined;
    const endsMs = this.#clock.monotonic() + turnMs;
    for (const stream of this.#ready) {
      this.#ready.delete(stream);
      stream.pump();
      if (this.#clock.monotonic() >= endsMs) break;
    }
    if (this.#ready.size > 0) this.#schedulePump();
  }

  #schedulePump(): void {
    if (this.#pump) return;
    this.#pump = setImmediate(() => this.#pumpAll());
  }

  #scheduleBookmarks(): void {
    this.#bookmarkTimer ??= this.#clock.setTimer(bookmarkMs, () => {
      this.#bookmarkTimer = undefined;
      for (const { stream, bookmarks } of this.#entries) {
        stream.dropIfStuck();
        if (bookmarks) stream.bookmark();
      }
      if (this.#entries.size > 0) this.#scheduleBookmarks();
    });
  }
}
