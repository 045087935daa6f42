import { backoffMs } from "../../../kit/backoff.ts";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import type { Asked, Question } from "./question.ts";
import { Turns } from "./turns.ts";

export const serverLimits = {
  /** How much is asked at once of a server that answers. */
  runningMax: 8,
  /** Of those, for questions that were answered late or not at all when they were last asked: they may take all the time that they have. */
  slowMax: 2,
  /** Of those, for questions that were never asked: each of them may hang. */
  newMax: 4,
  /** So many answers in a row that do not come, and it counts as down: one alone may be a query that takes too long. */
  missesMax: 3,
  /** The first try after it went away; then longer, up to the interval of what it was asked, within these. */
  retryMsFirst: 1_000,
  retryMsLeast: 5_000,
  retryMsMost: 15_000,
} as const;

export interface Waiting {
  readonly question: Pick<Question, "owner" | "intervalMs">;
  /** How it was answered when it was last asked: soon; late or not at all; it was never asked. */
  readonly pace: Pace;
}

export type Pace = "quick" | "slow" | "new";

/** Who is asked: what waits for it, and whether it is worth asking. */
export class AskedServer<Q extends Waiting> {
  readonly name: string;
  /** Questions of different owners take turns; the slow ones come after all others, the quick ones before. */
  readonly #waiting: Readonly<Record<Pace, Turns<Q>>> = {
    quick: new Turns(),
    new: new Turns(),
    slow: new Turns(),
  };
  readonly #running: Record<Pace, number> = { quick: 0, new: 0, slow: 0 };
  /** All that is asked of it. */
  readonly questions = new Set<Q>();
  isQueued = false;
  /** What it said last: nothing. */
  failure: Unknown | undefined;
  /** When nothing listened there last, by the monotonic clock: what answers since may know nothing of before. */
  awayMs: number | undefined;
  #misses = 0;
  #isDown = false;
  /** It is known to answer nobody, as nothing listens there. */
  #refuses = false;
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
    return paces.some((pace) => !this.#waiting[pace].isEmpty);
  }

  wait(question: Q): void {
    this.#waiting[question.pace].add(question.question.owner, question);
  }

  leave(question: Q): void {
    for (const pace of paces) this.#waiting[pace].delete(question.question.owner, question);
  }

  /** `mayBeSlow`: whether slow questions may be asked. */
  canBeAsked(nowMs: number, mayBeSlow: boolean): boolean {
    return this.#next(nowMs, mayBeSlow) !== undefined;
  }

  /** The next question; it runs from now on, until `ended`. */
  begin(nowMs: number, mayBeSlow: boolean): Q | undefined {
    const pace = this.#next(nowMs, mayBeSlow);
    if (pace === undefined) return undefined;
    this.#running[pace]++;
    return this.#waiting[pace].take();
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
    this.#refuses = asked.isDown;
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

  /** Of which pace the next one is; undefined: there is none, or not now. */
  #next(nowMs: number, mayBeSlow: boolean): Pace | undefined {
    const { quick, new: fresh, slow } = this.#running;
    const all = quick + fresh + slow;
    const isTime = nowMs >= this.#retryAtMs;
    const isRoom = this.isProven ? all < serverLimits.runningMax : all < 1;
    // Others that hang make a server count as down, and then one of them is tried: what was answered soon does not wait for it.
    const isRoomForQuick = this.isProven ? isRoom : quick < 1 && (isTime || !this.#refuses);
    if (isRoomForQuick && !this.#waiting.quick.isEmpty) return "quick";
    if (!isRoom || !isTime) return undefined;
    if (!this.#waiting.new.isEmpty && fresh < serverLimits.newMax) return "new";
    return mayBeSlow && !this.#waiting.slow.isEmpty && slow < serverLimits.slowMax ? "slow" : undefined;
  }
}

const paces: readonly Pace[] = ["quick", "new", "slow"];
