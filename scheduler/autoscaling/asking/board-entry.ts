import { backoffMs } from "../../../kit/backoff.ts";
import type { Reading, Unknown } from "../../core/autoscaling/reading.ts";
import { type AskedServer, type Pace, serverLimits } from "./asked-server.ts";
import { type Asked, type Question, unknown } from "./question.ts";

/** Whoever answers so late takes a place from others for so long that it has to make do with fewer. */
const slowMs = 2_000;

/** A question on the board: who wants to know, and what is known. */
export class BoardEntry {
  readonly question: Question;
  readonly server: AskedServer<BoardEntry>;
  readonly watchers = new Set<() => void>();
  state: "resting" | "waiting" | "asking" = "resting";
  /** It is to be asked again when it has been answered: what it is made of has changed. */
  again = false;
  /** Where in its interval it is asked. */
  readonly #phaseMs: number;
  #good: { readonly reading: Reading; readonly untilMs: number } | undefined;
  #failure: Unknown | undefined;
  /** How often in a row it was not answered. */
  #misses = 0;
  #wasLate = false;
  #wasAsked = false;
  /** What the watchers were told of last. */
  #told: string;

  /** `fraction`: where in its interval it is asked. */
  constructor(question: Question, server: AskedServer<BoardEntry>, fraction: number) {
    this.question = question;
    this.server = server;
    this.#phaseMs = fraction * question.intervalMs;
    this.#told = gist(this.read(0));
  }

  get pace(): Pace {
    if (this.#misses > 0 || this.#wasLate) return "slow";
    return this.#wasAsked ? "quick" : "new";
  }

  /** Until when the last good answer is the last word; undefined: there is none. */
  get goodUntilMs(): number | undefined {
    return this.#good?.untilMs;
  }

  read(nowMs: number): Reading {
    if (this.#good && nowMs < this.#good.untilMs) return withAbsence(this.#good.reading, this.server.awayMs);
    return this.#failure ?? this.server.failure ?? (this.#good ? outdated(this.question) : pending);
  }

  /** A good answer holds until the next one, or that there is none, must be here: else it would be outdated for a moment first. */
  keep(asked: Asked, startMs: number, nowMs: number): void {
    const { kind, reading } = asked;
    this.#wasAsked ||= kind !== "notAsked";
    this.#wasLate = nowMs - startMs > slowMs;
    this.#misses = kind === "unanswered" ? this.#misses + 1 : 0;
    this.#failure = reading.kind === "unknown" ? reading : undefined;
    // What the server answers, or what is wrong with the question, is the last word; only silence may pass.
    if (kind === "unanswered") return;
    this.#good = this.#failure ? undefined : { reading, untilMs: startMs + goodForMs(this.question) };
  }

  /** The same place in each interval, so that questions stay spread over it. */
  nextMs(nowMs: number): number {
    const { intervalMs } = this.question;
    if (this.#misses === 0)
      return (Math.floor((nowMs - this.#phaseMs) / intervalMs) + 1) * intervalMs + this.#phaseMs;
    const limits = { initialMs: serverLimits.retryMsFirst, factor: 2, maxMs: intervalMs };
    return nowMs + backoffMs(this.#misses - 1, limits);
  }

  /** If something else would be read than what was told last. */
  tell(nowMs: number): void {
    const now = gist(this.read(nowMs));
    if (now === this.#told) return;
    this.#told = now;
    for (const watcher of this.watchers) watcher();
  }
}

function withAbsence(reading: Reading, awayMs: number | undefined): Reading {
  return awayMs === undefined || reading.kind !== "value" ? reading : { ...reading, awayMs };
}

const pending = unknown("Pending", "it was not asked yet");

/** By how much timers are late on a machine that is busy. */
const lateMs = 1_000;

function goodForMs({ intervalMs, timeoutMs }: Question): number {
  return intervalMs + timeoutMs + lateMs;
}

function outdated(question: Question): Unknown {
  const seconds = goodForMs(question) / 1_000;
  return unknown(
    "Stale",
    `the last answer of ${question.server} is more than ${seconds} s old, and no other has come`,
  );
}

/** Equal for readings that a decision cannot tell apart but for their time. */
function gist(reading: Reading): string {
  if (reading.kind === "value") return `${reading.value} ${reading.isAtLeast} ${reading.note ?? ""}`;
  return reading.kind === "unknown" ? `${reading.reason} ${reading.message}` : "perInstance";
}
