import { backoffMs } from "../../../kit/backoff.ts";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import type { Asked, Question } from "./question.ts";
import { Turns } from "./turns.ts";

export const serverLimits = {
  /** How much is asked at once of a server that answers. */
  runningMax: 8,
  /** Of those, for questions that were answered late or not at all when they were last asked: they may take all the time that they have. */
  slowMax: 2,
  /** Of those, for these and for questions that were never asked: whatever hangs, those that are answered have places of their own. */
  doubtfulMax: 6,
  /** So many answers in a row that do not come, and it counts as down: one alone may be a query that takes too long. */
  missesMax: 3,
  /** The first try after it went away; then longer, up to the interval of what it was asked, within these. */
  retryMsFirst: 1_000,
  retryMsLeast: 5_000,
  retryMsMost: 15_000,
} as const;

/** Fresh: it was never asked. Slow: it was answered late when it was last asked, or not at all. */
export type Pace = "known" | "fresh" | "slow";

export interface Waiting {
  readonly question: Pick<Question, "owner" | "intervalMs">;
  readonly pace: Pace;
}

/** Who is asked: what waits for it, and whether it is worth asking. */
export class AskedServer<Q extends Waiting> {
  readonly name: string;
  /** Questions of different owners take turns; of the lines, the first that may. */
  readonly #waiting: Readonly<Record<Pace, Turns<Q>>> = {
    known: new Turns(),
    fresh: new Turns(),
    slow: new Turns(),
  };
  readonly #running: Record<Pace, number> = { known: 0, fresh: 0, slow: 0 };
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
    return Object.values(this.#waiting).some(({ isEmpty }) => !isEmpty);
  }

  wait(question: Q): void {
    this.#waiting[question.pace].add(question.question.owner, question);
  }

  leave(question: Q): void {
    for (const line of Object.values(this.#waiting)) line.delete(question.question.owner, question);
  }

  /** `mayBeSlow`: whether slow questions may be asked. */
  canBeAsked(nowMs: number, mayBeSlow: boolean): boolean {
    return nowMs >= this.#retryAtMs && this.#nextPace(mayBeSlow) !== undefined;
  }

  /** The next question; it runs from now on, until `ended`. */
  begin(mayBeSlow: boolean): Q | undefined {
    const pace = this.#nextPace(mayBeSlow);
    const next = pace && this.#waiting[pace].take();
    if (next !== undefined) this.#running[next.pace]++;
    return next;
  }

  /** Before the question itself hears of it. */
  ended({ question, pace }: Q, asked: Asked, nowMs: number): void {
    this.#running[pace]--;
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
    // Whatever else it does not answer may be a query that takes too long.
    if (pace === "known") this.#misses++;
    this.#isDown ||= asked.isDown || !this.#hasAnswered || this.#misses >= serverLimits.missesMax;
    if (!this.#isDown) return;
    const maxMs = Math.min(
      Math.max(question.intervalMs, serverLimits.retryMsLeast),
      serverLimits.retryMsMost,
    );
    const limits = { initialMs: serverLimits.retryMsFirst, factor: 2, maxMs };
    this.#retryAtMs = nowMs + backoffMs(this.#attempt++, limits);
  }

  #nextPace(mayBeSlow: boolean): Pace | undefined {
    const { known, fresh, slow } = this.#running;
    const doubtful = fresh + slow;
    const { runningMax, doubtfulMax, slowMax } = serverLimits;
    const isRoom = this.isProven ? known + doubtful < runningMax : known < 1;
    const isDoubtfulRoom = this.isProven ? isRoom && doubtful < doubtfulMax : known + doubtful < 1;
    if (isRoom && !this.#waiting.known.isEmpty) return "known";
    if (isDoubtfulRoom && !this.#waiting.fresh.isEmpty) return "fresh";
    if (isDoubtfulRoom && mayBeSlow && slow < slowMax && !this.#waiting.slow.isEmpty) return "slow";
    return undefined;
  }
}
