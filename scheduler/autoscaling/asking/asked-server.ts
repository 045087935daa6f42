import { backoffMs } from "../../../kit/backoff.ts";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import type { Asked, Question } from "./question.ts";
import { Turns } from "./turns.ts";

export const serverLimits = {
  /** How much is asked at once of a server that answers. */
  runningMax: 8,
  /** Of those, for questions that were not answered when they were last asked: they may take all the time that they have. */
  missedMax: 2,
  /** So many answers in a row that do not come, and it counts as down: one alone may be a query that takes too long. */
  missesMax: 3,
  /** The first try after it went away; then longer, up to the interval of what it was asked, within these. */
  retryMsFirst: 1_000,
  retryMsLeast: 5_000,
  retryMsMost: 15_000,
} as const;

export interface Waiting {
  readonly question: Pick<Question, "owner" | "intervalMs">;
  /** It was not answered when it was last asked. */
  readonly hasMissed: boolean;
}

/** Who is asked: what waits for it, and whether it is worth asking. */
export class AskedServer<Q extends Waiting> {
  readonly name: string;
  /** Questions of different owners take turns; those that were not answered come after all others. */
  readonly #waiting = new Turns<Q>();
  readonly #missed = new Turns<Q>();
  #running = 0;
  #missedRunning = 0;
  /** All that is asked of it. */
  readonly questions = new Set<Q>();
  isQueued = false;
  /** What it said last: nothing. */
  failure: Unknown | undefined;
  /** When nothing listened there last, by the monotonic clock: what answers since may know nothing of before. */
  awayMs: number | undefined;
  #misses = 0;
  #isDown = false;
  #hasAnswered = false;
  #attempt = 0;
  #retryAtMs = -Infinity;

  constructor(name: string) {
    this.name = name;
  }

  /** It answered when it was last asked. Others are tried with one question at a time. */
  get isProven(): boolean {
    return this.#hasAnswered && !this.#isDown;
  }

  /** Nothing is known of it yet. */
  get isNew(): boolean {
    return !this.#hasAnswered && this.failure === undefined;
  }

  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  get hasWaiting(): boolean {
    return !this.#waiting.isEmpty || !this.#missed.isEmpty;
  }

  wait(question: Q): void {
    (question.hasMissed ? this.#missed : this.#waiting).add(question.question.owner, question);
  }

  leave(question: Q): void {
    for (const line of [this.#waiting, this.#missed]) line.delete(question.question.owner, question);
  }

  canBeAsked(nowMs: number): boolean {
    const most = this.isProven ? serverLimits.runningMax : 1;
    const isRoom = !this.#waiting.isEmpty || (!this.#missed.isEmpty && this.#hasRoomForMissed);
    return isRoom && this.#running < most && nowMs >= this.#retryAtMs;
  }

  /** The next question; it runs from now on, until `ended`. */
  begin(): Q | undefined {
    const next = this.#waiting.take() ?? (this.#hasRoomForMissed ? this.#missed.take() : undefined);
    if (next === undefined) return undefined;
    this.#running++;
    if (next.hasMissed) this.#missedRunning++;
    return next;
  }

  /** Before the question itself hears of it. */
  ended({ question, hasMissed }: Q, asked: Asked, nowMs: number): void {
    this.#running--;
    if (hasMissed) this.#missedRunning--;
    if (asked.kind === "notAsked") return;
    if (asked.kind === "answered") {
      this.failure = undefined;
      this.#hasAnswered = true;
      this.#isDown = false;
      this.#misses = 0;
      this.#attempt = 0;
      this.#retryAtMs = -Infinity;
      return;
    }
    this.failure = asked.reading;
    if (asked.isDown) this.awayMs = nowMs;
    this.#misses++;
    this.#isDown ||= asked.isDown || !this.#hasAnswered || this.#misses >= serverLimits.missesMax;
    if (!this.#isDown) return;
    const maxMs = Math.min(
      Math.max(question.intervalMs, serverLimits.retryMsLeast),
      serverLimits.retryMsMost,
    );
    const limits = { initialMs: serverLimits.retryMsFirst, factor: 2, maxMs };
    this.#retryAtMs = nowMs + backoffMs(this.#attempt++, limits);
  }

  get #hasRoomForMissed(): boolean {
    return this.#missedRunning < serverLimits.missedMax;
  }
}
