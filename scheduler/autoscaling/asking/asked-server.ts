import { backoffMs } from "../../../kit/backoff.ts";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import type { Asked, Question } from "./question.ts";
import { Turns } from "./turns.ts";

export const serverLimits = {
  /** How much is asked at once of a server that answers. */
  runningMax: 8,
  /** Of those, for questions that were answered late or not at all when they were last asked: they may take all the time that they have. */
  slowMax: 2,
  /** So many answers in a row that do not come, and it counts as down: one alone may be a query that takes too long. */
  missesMax: 3,
  /** The first try after it went away; then longer, up to the interval of what it was asked, within these. */
  retryMsFirst: 1_000,
  retryMsLeast: 5_000,
  retryMsMost: 15_000,
} as const;

export interface Waiting {
  readonly question: Pick<Question, "owner" | "intervalMs">;
  /** It was answered late when it was last asked, or not at all. */
  readonly isSlow: boolean;
}

/** Who is asked: what waits for it, and whether it is worth asking. */
export class AskedServer<Q extends Waiting> {
  readonly name: string;
  /** Questions of different owners take turns; the slow ones come after all others. */
  readonly #waiting = new Turns<Q>();
  readonly #slow = new Turns<Q>();
  #running = 0;
  #slowRunning = 0;
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
    return !this.#waiting.isEmpty || !this.#slow.isEmpty;
  }

  wait(question: Q): void {
    (question.isSlow ? this.#slow : this.#waiting).add(question.question.owner, question);
  }

  leave(question: Q): void {
    for (const line of [this.#waiting, this.#slow]) line.delete(question.question.owner, question);
  }

  /** `mayBeSlow`: whether slow questions may be asked. */
  canBeAsked(nowMs: number, mayBeSlow: boolean): boolean {
    const most = this.isProven ? serverLimits.runningMax : 1;
    const hasOne = !this.#waiting.isEmpty || (mayBeSlow && !this.#slow.isEmpty && this.#hasRoomForSlow);
    return hasOne && this.#running < most && nowMs >= this.#retryAtMs;
  }

  /** The next question; it runs from now on, until `ended`. */
  begin(mayBeSlow: boolean): Q | undefined {
    const next = this.#waiting.take() ?? (mayBeSlow && this.#hasRoomForSlow ? this.#slow.take() : undefined);
    if (next === undefined) return undefined;
    this.#running++;
    if (next.isSlow) this.#slowRunning++;
    return next;
  }

  /** Before the question itself hears of it. */
  ended({ question, isSlow }: Q, asked: Asked, nowMs: number): void {
    this.#running--;
    if (isSlow) this.#slowRunning--;
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

  get #hasRoomForSlow(): boolean {
    return this.#slowRunning < serverLimits.slowMax;
  }
}
