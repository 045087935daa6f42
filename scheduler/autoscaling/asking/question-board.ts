/**
 * Asks questions again and again, each once for all who want to know, and never so that one server is in another's way.
 *
 *            due                    a place is free             answered, or its time is over
 *   resting ─────▶ waiting (FIFO ─────────────────────▶ asking ────────────────────────────────▶ resting
 *      ▲           of its server)                                                                   │
 *      └────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * Invariants: a question is in one of the three states, so what waits is bounded by the number of questions; at most `runningMax`
 * are asked at once, 8 of them of one server. A server that does not answer, or never has, is asked one question at a time, and
 * all such servers have a quarter of the places between them: however many there are, three quarters are for those that answer.
 * One that is down is tried again after 1, 2, 4, … seconds, and no later than a question's interval; when it answers, everything that
 * waits for it is asked at once. Servers take turns.
 */
import { backoffMs } from "../../../kit/backoff.ts";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import type { Reading, Unknown } from "../../core/autoscaling/reading.ts";
import { TimedHeap } from "../../core/placement/timed-heap.ts";
import type { MetricWatch } from "../metric-source.ts";
import { AskedServer, serverLimits } from "./asked-server.ts";
import { type Asked, type Question, unknown } from "./question.ts";
import { QuestionTally } from "./question-counts.ts";

export interface QuestionBoardOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export const boardLimits = {
  runningMax: 64,
  /** Of those, for servers that have not answered when they were last asked. */
  unprovenMax: 16,
} as const;

interface Entry {
  readonly question: Question;
  readonly server: AskedServer<Entry>;
  readonly watchers: Set<() => void>;
  /** Where in its interval it is asked. */
  readonly phaseMs: number;
  state: "resting" | "waiting" | "asking";
  /** It is to be asked again when it has been answered: what it is made of has changed. */
  again: boolean;
  good: { readonly reading: Reading; readonly askedMs: number } | undefined;
  failure: Unknown | undefined;
  /** How often in a row it was not answered. */
  misses: number;
  /** What the watchers were told of last. */
  told: string;
}

export class QuestionBoard implements AsyncDisposable {
  readonly #options: QuestionBoardOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #servers = new Map<string, AskedServer<Entry>>();
  readonly #due = new TimedHeap<Entry>();
  /** When the last good answer is too old to be the last word. */
  readonly #expiring = new TimedHeap<Entry>();
  readonly #retrying = new TimedHeap<AskedServer<Entry>>();
  /** Each at most once, while it can be asked. */
  readonly #proven: AskedServer<Entry>[] = [];
  readonly #unproven: AskedServer<Entry>[] = [];
  readonly #closing = new AbortController();
  readonly #asking = new Set<Promise<void>>();
  readonly #tally = new QuestionTally();
  #unprovenRunning = 0;
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(options: QuestionBoardOptions) {
    this.#options = options;
  }

  /** How questions went, by what they were asked of. */
  get counts(): QuestionTally["counts"] {
    return this.#tally.counts;
  }

  /** How many different questions there are. */
  get questionCount(): number {
    return this.#entries.size;
  }

  watch(question: Question, changed: () => void): MetricWatch {
    const entry = this.#entries.get(question.key) ?? this.#add(question);
    // Two watches may have the same function.
    const watcher = () => changed();
    entry.watchers.add(watcher);
    return {
      read: () => this.#read(entry),
      close: () => {
        if (entry.watchers.delete(watcher) && entry.watchers.size === 0) this.#remove(entry);
      },
    };
  }

  /** Something that it is made of has changed: it is asked as soon as possible. */
  askNow(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    if (entry.state === "asking") entry.again = true;
    else this.#enqueue(entry);
    this.#startNext();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#timer?.timer.cancel();
    await Promise.allSettled(this.#asking);
  }

  #add(question: Question): Entry {
    const server = this.#servers.get(question.server) ?? new AskedServer<Entry>(question.server);
    this.#servers.set(question.server, server);
    server.questions++;
    const entry: Entry = {
      question,
      server,
      watchers: new Set(),
      phaseMs: this.#options.random.fraction() * question.intervalMs,
      state: "resting",
      again: false,
      good: undefined,
      failure: undefined,
      misses: 0,
      told: "",
    };
    this.#entries.set(question.key, entry);
    entry.told = told(this.#read(entry));
    // In a turn of its own: `changed` is not called from within `watch`.
    this.#due.set(entry, this.#nowMs());
    this.#arm();
    return entry;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.question.key);
    this.#due.delete(entry);
    this.#expiring.delete(entry);
    const { server } = entry;
    server.waiting.delete(entry);
    if (--server.questions > 0) return;
    this.#servers.delete(server.name);
    this.#retrying.delete(server);
  }

  #read(entry: Entry): Reading {
    const { good, failure, server, question } = entry;
    if (good && this.#nowMs() < good.askedMs + lifeMs(question)) return good.reading;
    return failure ?? server.failure ?? (good ? outdated(question) : pending);
  }

  #enqueue(entry: Entry): void {
    if (entry.state !== "resting") return;
    entry.state = "waiting";
    this.#due.delete(entry);
    entry.server.waiting.add(entry);
    this.#offer(entry.server);
  }

  /** Puts the server in line if it can be asked; if it can later, then. */
  #offer(server: AskedServer<Entry>): void {
    if (server.isQueued) return;
    if (server.canBeAsked(this.#nowMs())) {
      server.isQueued = true;
      (server.isProven ? this.#proven : this.#unproven).push(server);
    } else if (server.waiting.size > 0 && server.retryAtMs > this.#nowMs()) {
      this.#retrying.set(server, server.retryAtMs);
      this.#arm();
    }
  }

  #startNext(): void {
    while (!this.#closing.signal.aborted) {
      const server = this.#nextServer();
      if (!server) return;
      const [entry] = server.waiting;
      if (entry && server.canBeAsked(this.#nowMs())) this.#start(entry);
      this.#offer(server);
    }
  }

  #nextServer(): AskedServer<Entry> | undefined {
    if (this.#asking.size >= boardLimits.runningMax) return undefined;
    const isRoom = this.#unprovenRunning < boardLimits.unprovenMax;
    const server = (isRoom ? this.#unproven.shift() : undefined) ?? this.#proven.shift();
    if (!server) return undefined;
    server.isQueued = false;
    if (server.isProven || isRoom) return server;
    // It went down while it stood in line.
    this.#offer(server);
    return this.#nextServer();
  }

  #start(entry: Entry): void {
    const { server } = entry;
    const isUnproven = !server.isProven;
    server.waiting.delete(entry);
    entry.state = "asking";
    entry.again = false;
    server.running++;
    this.#tally.began(server.name);
    if (isUnproven) this.#unprovenRunning++;
    const startMs = this.#nowMs();
    const asking: Promise<void> = this.#ask(entry.question).then((asked) => {
      this.#asking.delete(asking);
      server.running--;
      this.#tally.ended(server.name, asked);
      if (isUnproven) this.#unprovenRunning--;
      this.#ended(entry, asked, startMs);
    });
    this.#asking.add(asking);
  }

  /** Never rejects, and takes no longer than the question's time. */
  async #ask(question: Question): Promise<Asked> {
    const aborter = new AbortController();
    const stop = () => aborter.abort();
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    const { promise: late, resolve } = Promise.withResolvers<Asked>();
    const timer = this.#options.clock.setTimer(question.timeoutMs, () => {
      resolve(unanswered(`${question.server} did not answer within ${question.timeoutMs / 1000} s`));
      aborter.abort();
    });
    try {
      return await Promise.race([late, this.#askOnce(question, aborter.signal)]);
    } finally {
      timer.cancel();
      this.#closing.signal.removeEventListener("abort", stop);
      aborter.abort();
    }
  }

  async #askOnce(question: Question, signal: AbortSignal): Promise<Asked> {
    try {
      return await question.ask(signal);
    } catch (thrown) {
      if (!signal.aborted) this.#options.log.error("a metric could not be asked for", { err: thrown });
      return unanswered(`${question.server} could not be asked: ${errorMessage(thrown)}`);
    }
  }

  #ended(entry: Entry, asked: Asked, startMs: number): void {
    if (this.#closing.signal.aborted) return;
    const { server, question } = entry;
    const nowMs = this.#nowMs();
    server.ended(asked, nowMs, question.intervalMs);
    entry.state = "resting";
    if (this.#entries.get(question.key) === entry) {
      this.#keep(entry, asked, startMs);
      if (entry.again) this.#enqueue(entry);
      else this.#due.set(entry, this.#nextMs(entry, nowMs));
      this.#tell(entry);
    }
    this.#offer(server);
    this.#arm();
    this.#startNext();
  }

  #keep(entry: Entry, asked: Asked, startMs: number): void {
    entry.misses = asked.kind === "unanswered" ? entry.misses + 1 : 0;
    entry.failure = asked.reading.kind === "unknown" ? asked.reading : undefined;
    if (asked.kind === "unanswered") return;
    // What the server answers, or what is wrong with the question, is the last word; only silence may pass.
    entry.good = entry.failure === undefined ? { reading: asked.reading, askedMs: startMs } : undefined;
    if (entry.good) this.#expiring.set(entry, startMs + lifeMs(entry.question));
    else this.#expiring.delete(entry);
  }

  /** The same place in each interval, so that questions stay spread over it. */
  #nextMs({ question, phaseMs, misses }: Entry, nowMs: number): number {
    const { intervalMs } = question;
    if (misses > 0)
      return (
        nowMs + backoffMs(misses - 1, { initialMs: serverLimits.retryMsFirst, factor: 2, maxMs: intervalMs })
      );
    return (Math.floor((nowMs - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs;
  }

  #tell(entry: Entry): void {
    const now = told(this.#read(entry));
    if (now === entry.told) return;
    entry.told = now;
    for (const watcher of entry.watchers) watcher();
  }

  #arm(): void {
    const heaps = [this.#due.firstAtMs(), this.#expiring.firstAtMs(), this.#retrying.firstAtMs()];
    const firstMs = Math.min(...heaps.map((atMs) => atMs ?? Infinity));
    if (firstMs === Infinity || this.#closing.signal.aborted) return;
    if (this.#timer && this.#timer.atMs <= firstMs) return;
    this.#timer?.timer.cancel();
    const delayMs = Math.max(0, firstMs - this.#nowMs());
    this.#timer = { atMs: firstMs, timer: this.#options.clock.setTimer(delayMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#nowMs();
    for (let entry = this.#due.popDue(nowMs); entry; entry = this.#due.popDue(nowMs)) this.#enqueue(entry);
    for (let server = this.#retrying.popDue(nowMs); server; server = this.#retrying.popDue(nowMs))
      this.#offer(server);
    for (let entry = this.#expiring.popDue(nowMs); entry; entry = this.#expiring.popDue(nowMs))
      this.#tell(entry);
    this.#arm();
    this.#startNext();
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}

const pending = unknown("Pending", "it was not asked yet");

/** How old what was asked may become: a good answer holds until the next one could be here. */
function lifeMs({ intervalMs, timeoutMs }: Question): number {
  return intervalMs + timeoutMs;
}

function outdated({ intervalMs, server }: Question): Unknown {
  return unknown(
    "Stale",
    `the last answer of ${server} is older than ${intervalMs / 1000} s, and it was not asked again`,
  );
}

function unanswered(message: string): Asked {
  return { kind: "unanswered", reading: unknown("Unreachable", message), isDown: false };
}

/** Equal for readings that a decision cannot tell apart but for their time. */
function told(reading: Reading): string {
  if (reading.kind === "value") return `${reading.value} ${reading.isAtLeast} ${reading.note ?? ""}`;
  return reading.kind === "unknown" ? `${reading.reason} ${reading.message}` : "perInstance";
}
