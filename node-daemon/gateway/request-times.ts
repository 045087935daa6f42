/** What one request waits for, since when, and by when that has to come: all by the monotonic clock. */
import type { RuleEntry } from "../../api/route-table.ts";

const never = Number.POSITIVE_INFINITY;

export class RequestTimes {
  readonly beganMs: number;
  #wholeDueMs: number;
  /** It waits for a place since then, or has got one. */
  startedMs: number;
  /** Of what is waited for now: its body, a place, or this attempt. */
  #stepDueMs = never;
  #attemptMs = 0;
  /** Of an answer that has begun: something came last then, and has to come after that. */
  #activeMs = 0;
  #idleMs = never;
  /** When the answer to an upgrade has come. */
  #upgradedMs: number | undefined;
  #holdMs = 0;
  /** Altogether, up to the last attempt. */
  #heldMs = 0;

  constructor(nowMs: number, { requestTimeoutMs }: Pick<RuleEntry, "requestTimeoutMs">) {
    this.beganMs = nowMs;
    this.startedMs = nowMs;
    this.#wholeDueMs = requestTimeoutMs > 0 ? nowMs + requestTimeoutMs : never;
  }

  /** Of the route, for all of it; infinite: it has none. */
  get wholeDueMs(): number {
    return this.#wholeDueMs;
  }

  get dueMs(): number {
    return Math.min(this.#stepDueMs, this.#wholeDueMs, this.#activeMs + this.#idleMs);
  }

  gather(ms: number): void {
    this.#stepDueMs = this.beganMs + ms;
  }

  gathered(nowMs: number): void {
    this.startedMs = nowMs;
  }

  /** Waiting anew does not make the whole wait longer. */
  hold(nowMs: number, ms: number): void {
    this.#holdMs = nowMs;
    this.#stepDueMs = this.startedMs + ms;
  }

  released(nowMs: number): void {
    this.#heldMs += nowMs - this.#holdMs;
  }

  /** Answers by when its answer has to begin. */
  attempt(nowMs: number, ms: number): number {
    this.#attemptMs = nowMs;
    this.#stepDueMs = nowMs + ms;
    return this.#stepDueMs;
  }

  /**
   * The answer has begun in time. The rest may take as long as something comes, and as the route allows: `wholeMs` of the attempt. True: it is
   * due earlier than it was before.
   */
  answer(nowMs: number, wholeMs: number, idleMs: number): boolean {
    const before = this.#stepDueMs;
    this.#stepDueMs = this.#attemptMs + wholeMs;
    this.#activeMs = nowMs;
    this.#idleMs = idleMs;
    return this.dueMs < before;
  }

  /** The limits were for the answer to an upgrade, which has come. What follows lasts as long as something comes. */
  upgraded(nowMs: number, idleMs: number): void {
    this.#upgradedMs = nowMs;
    this.#wholeDueMs = never;
    this.answer(nowMs, never, idleMs);
  }

  /** How long it took: of an upgrade, to its answer. */
  durationMs(nowMs: number): number {
    return (this.#upgradedMs ?? nowMs) - this.beganMs;
  }

  /** Something of it has come or gone. */
  active(nowMs: number): void {
    this.#activeMs = nowMs;
  }

  /** For a header server-timing. */
  timing(nowMs: number): string {
    const backendMs = nowMs - this.#attemptMs;
    const queueMs = this.#attemptMs - this.beganMs - this.#heldMs;
    return `wake;dur=${this.#heldMs.toFixed(1)}, queue;dur=${queueMs.toFixed(1)}, backend;dur=${backendMs.toFixed(1)}`;
  }
}
