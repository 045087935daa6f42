/**
 * What becomes of runs while nobody looks after them. Two things are watched: when the scheduler last heard this node, as
 * far as a daemon has said, and since when there is no daemon.
 *
 *   heard ── stopAloneAfterMs, or half as much again with a daemon ──▶ stop, each run that must not run twice
 *   no daemon ── orphanMs ──▶ orphaned
 *
 * A daemon that is cut off stops those runs itself, after `stopAloneAfterMs` and with their own grace; this is for when it
 * is gone or stuck. A daemon that comes back and has not heard the scheduler itself changes nothing. Time is the machine's
 * monotonic clock, which stands still while the machine is suspended: what a suspended machine holds does not run.
 */
import type { Clock, Timer } from "../../kit/clock.ts";

export interface AloneEvents {
  /** Called once for each run that is due. */
  stop(uid: string, graceMs: number): void;
  orphaned(): void;
}

export class Alone {
  readonly #clock: Clock;
  readonly #orphanMs: number | undefined;
  readonly #events: AloneEvents;
  readonly #runs = new Map<string, number>();
  /** No run has less. */
  #leastMs = Number.POSITIVE_INFINITY;
  /** Undefined until a daemon says so: then only its absence counts. */
  #heardAtMs: number | undefined;
  /** Undefined while there is a daemon. */
  #aloneSinceMs: number | undefined;
  #timer: Timer | undefined;
  #orphanTimer: Timer | undefined;

  constructor(clock: Clock, orphanMs: number | undefined, events: AloneEvents) {
    this.#clock = clock;
    this.#orphanMs = orphanMs;
    this.#events = events;
    this.setConnected(false);
  }

  /** A run that is to be stopped when the node has been cut off for so long. */
  add(uid: string, afterMs: number): void {
    this.#runs.set(uid, afterMs);
    if (afterMs >= this.#leastMs) return;
    this.#leastMs = afterMs;
    this.#arm();
  }

  remove(uid: string): void {
    this.#runs.delete(uid);
  }

  heard(agoMs: number): void {
    this.#heardAtMs = Math.max(this.#heardAtMs ?? 0, this.#clock.monotonic() - agoMs);
    this.#arm();
  }

  setConnected(connected: boolean): void {
    this.#orphanTimer?.cancel();
    this.#orphanTimer = undefined;
    this.#aloneSinceMs = connected ? undefined : this.#clock.monotonic();
    if (!connected && this.#orphanMs !== undefined) {
      this.#orphanTimer = this.#clock.setTimer(this.#orphanMs, () => this.#events.orphaned());
    }
    this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    this.#orphanTimer?.cancel();
  }

  #dueAtMs(afterMs: number): number {
    const sinceMs = this.#heardAtMs ?? this.#aloneSinceMs ?? Number.POSITIVE_INFINITY;
    return sinceMs + afterMs * (this.#aloneSinceMs === undefined ? 1 + graceShare : 1);
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const dueAtMs = this.#dueAtMs(this.#leastMs);
    if (dueAtMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimer(Math.max(0, dueAtMs - this.#clock.monotonic()), () => this.#stopDue());
  }

  #stopDue(): void {
    const now = this.#clock.monotonic();
    this.#leastMs = Number.POSITIVE_INFINITY;
    for (const [uid, afterMs] of this.#runs) {
      if (this.#dueAtMs(afterMs) > now) {
        this.#leastMs = Math.min(this.#leastMs, afterMs);
        continue;
      }
      this.#runs.delete(uid);
      this.#events.stop(uid, this.#aloneSinceMs === undefined ? 0 : afterMs * graceShare);
    }
    this.#arm();
  }
}

/** What a run that is told to stop may still take; the scheduler waits longer than that before it replaces it. */
const graceShare = 0.5;
