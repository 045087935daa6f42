import { backoffMs } from "../../../kit/backoff.ts";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import type { Asked } from "./question.ts";

export const serverLimits = {
  /** How much is asked at once of a server that answers. */
  runningMax: 8,
  /** Of those, what it did not answer last, or was never asked: it may hang, and what it does answer must not wait for that. */
  doubtfulMax: 6,
  /** So many answers in a row that do not come, and it counts as down: one alone may be a query that takes too long. */
  missesMax: 3,
  /** The first try after it went away; then longer, up to the shortest interval of what it is asked, or this. */
  retryMsFirst: 1_000,
  retryMsLeast: 5_000,
} as const;

/** Whether a question was answered when it was last asked. */
export type Standing = "answered" | "new" | "missed";

/**
 * Who is asked: what waits for it, and whether it is worth asking. What it answered when it was last asked goes first, then what is new, and
 * what it did not answer last of all: so somebody's query that takes for ever is not in the way of the others'.
 */
export class AskedServer<Q> {
  readonly name: string;
  /** Each in the order in which they came. */
  readonly #waiting: Readonly<Record<Standing, Set<Q>>> = {
    answered: new Set(),
    new: new Set(),
    missed: new Set(),
  };
  readonly #running: Record<Standing, number> = { answered: 0, new: 0, missed: 0 };
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
    return Object.values(this.#waiting).some(({ size }) => size > 0);
  }

  wait(question: Q, standing: Standing): void {
    this.#waiting[standing].add(question);
  }

  leave(question: Q): void {
    for (const line of Object.values(this.#waiting)) line.delete(question);
  }

  /** What to ask now; undefined: nothing, or not now. */
  next(nowMs: number): Q | undefined {
    if (nowMs < this.#retryAtMs) return undefined;
    const { answered, new: fresh, missed } = this.#running;
    const doubtful = fresh + missed;
    // Of a server that is down one of each sort is tried: the doubtful one may hang for as long as it likes.
    const isRoom = this.isProven ? answered + doubtful < serverLimits.runningMax : answered < 1;
    const isDoubtfulRoom = this.isProven ? doubtful < serverLimits.doubtfulMax : answered + doubtful < 1;
    const [known] = isRoom ? this.#waiting.answered : [];
    if (known !== undefined || !isRoom || !isDoubtfulRoom) return known;
    const [first] = this.#waiting.new;
    const [second] = this.#waiting.missed;
    return first ?? second;
  }

  begin(question: Q, standing: Standing): void {
    this.leave(question);
    this.#running[standing]++;
  }

  /** `standing`: as it was when it began. */
  end(standing: Standing): void {
    this.#running[standing]--;
  }

  ended(asked: Asked, nowMs: number, intervalMsLeast: number): void {
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
    const maxMs = Math.max(intervalMsLeast, serverLimits.retryMsLeast);
    const limits = { initialMs: serverLimits.retryMsFirst, factor: 2, maxMs };
    this.#retryAtMs = nowMs + backoffMs(this.#attempt++, limits);
  }
}
