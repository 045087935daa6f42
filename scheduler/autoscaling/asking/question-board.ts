/**
 * Asks questions again and again, each once for all who want to know, and never so that one server is in another's way.
 *
 *            due                    a place is free             answered, or its time is over
 *   resting ─────▶ waiting (for ──────────────────────▶ asking ────────────────────────────────▶ resting
 *      ▲           its server)                                                                      │
 *      └────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * Invariants: a question is in one of the three states, so what waits is bounded by the number of questions; at most `runningMax`
 * are asked at once, 8 of them of one server. A server that does not answer, or never has, is asked one question at a time, and
 * all such servers have a quarter of the places between them, new ones first: however many there are, three quarters are for those that answer.
 * One that is down is tried again after 1, 2, 4, … seconds, up to the interval of the question or five; when it answers, everything that
 * waits for it is asked at once. Servers take turns; and of one server the namespaces do, whose questions that were not answered
 * in two seconds come last, two at a time, and sixteen of all servers. Those that were never asked come before, four at a time: nobody's
 * slow queries keep others from the server that they share, nor from their own.
 */
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import { TimedHeap } from "../../core/placement/timed-heap.ts";
import type { MetricWatch } from "../metric-source.ts";
import { AskedServer } from "./asked-server.ts";
import { BoardEntry } from "./board-entry.ts";
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
  /** Of those, for questions to servers that do answer, which take their time. */
  slowMax: 16,
} as const;

export class QuestionBoard implements AsyncDisposable {
  readonly #options: QuestionBoardOptions;
  readonly #entries = new Map<string, BoardEntry>();
  readonly #servers = new Map<string, AskedServer<BoardEntry>>();
  readonly #due = new TimedHeap<BoardEntry>();
  /** When the last good answer is too old to be the last word. */
  readonly #expiring = new TimedHeap<BoardEntry>();
  readonly #retrying = new TimedHeap<AskedServer<BoardEntry>>();
  /** Each at most once, while it can be asked. */
  readonly #proven: AskedServer<BoardEntry>[] = [];
  readonly #new: AskedServer<BoardEntry>[] = [];
  readonly #failing: AskedServer<BoardEntry>[] = [];
  readonly #closing = new AbortController();
  readonly #asking = new Set<Promise<void>>();
  readonly #tally = new QuestionTally();
  #unprovenRunning = 0;
  #slowRunning = 0;
  /** Servers of which nothing but slow questions waits, for which there is no place. */
  readonly #awaitingSlow = new Set<AskedServer<BoardEntry>>();
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
      read: () => entry.read(this.#nowMs()),
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

  #add(question: Question): BoardEntry {
    const server = this.#servers.get(question.server) ?? new AskedServer<BoardEntry>(question.server);
    this.#servers.set(question.server, server);
    const entry = new BoardEntry(question, server, this.#options.random.fraction());
    server.questions.add(entry);
    this.#entries.set(question.key, entry);
    // In a turn of its own: `changed` is not called from within `watch`.
    this.#due.set(entry, this.#nowMs());
    this.#arm();
    return entry;
  }

  #remove(entry: BoardEntry): void {
    this.#entries.delete(entry.question.key);
    this.#due.delete(entry);
    this.#expiring.delete(entry);
    const { server } = entry;
    server.leave(entry);
    server.questions.delete(entry);
    if (server.questions.size > 0) return;
    this.#servers.delete(server.name);
    this.#awaitingSlow.delete(server);
    this.#retrying.delete(server);
  }

  #enqueue(entry: BoardEntry): void {
    if (entry.state !== "resting") return;
    entry.state = "waiting";
    this.#due.delete(entry);
    entry.server.wait(entry);
    this.#offer(entry.server);
  }

  /** Puts the server in line if it can be asked; if it can later, then. */
  #offer(server: AskedServer<BoardEntry>): void {
    if (server.isQueued) return;
    this.#awaitingSlow.delete(server);
    if (server.canBeAsked(this.#nowMs(), this.#mayBeSlow(server))) {
      server.isQueued = true;
      this.#lineOf(server).push(server);
    } else if (server.canBeAsked(this.#nowMs(), true)) {
      this.#awaitingSlow.add(server);
    } else if (server.hasWaiting && server.retryAtMs > this.#nowMs()) {
      this.#retrying.set(server, server.retryAtMs);
      this.#arm();
    }
  }

  /** Those that do not answer have their share of the places anyhow. */
  #mayBeSlow(server: AskedServer<BoardEntry>): boolean {
    return !server.isProven || this.#slowRunning < boardLimits.slowMax;
  }

  #slowEnded(): void {
    this.#slowRunning--;
    for (const server of this.#awaitingSlow) {
      this.#offer(server);
      if (server.isQueued) return;
    }
  }

  #lineOf(server: AskedServer<BoardEntry>): AskedServer<BoardEntry>[] {
    if (server.isProven) return this.#proven;
    return server.isNew ? this.#new : this.#failing;
  }

  #startNext(): void {
    while (!this.#closing.signal.aborted) {
      const server = this.#nextServer();
      if (!server) return;
      const mayBeSlow = this.#mayBeSlow(server);
      const entry = server.begin(this.#nowMs(), mayBeSlow);
      if (entry) this.#start(entry);
      this.#offer(server);
    }
  }

  #nextServer(): AskedServer<BoardEntry> | undefined {
    if (this.#asking.size >= boardLimits.runningMax) return undefined;
    const isRoom = this.#unprovenRunning < boardLimits.unprovenMax;
    const unproven = isRoom ? (this.#new.shift() ?? this.#failing.shift()) : undefined;
    const server = unproven ?? this.#proven.shift();
    if (!server) return undefined;
    server.isQueued = false;
    if (server.isProven || isRoom) return server;
    // It went down while it stood in line.
    this.#offer(server);
    return this.#nextServer();
  }

  #start(entry: BoardEntry): void {
    const { server } = entry;
    const isUnproven = !server.isProven;
    const isSlow = !isUnproven && entry.pace === "slow";
    entry.state = "asking";
    entry.again = false;
    this.#tally.began(server.name);
    if (isUnproven) this.#unprovenRunning++;
    if (isSlow) this.#slowRunning++;
    const startMs = this.#nowMs();
    const asking: Promise<void> = this.#ask(entry.question).then((asked) => {
      this.#asking.delete(asking);
      this.#tally.ended(server.name, asked);
      if (isUnproven) this.#unprovenRunning--;
      if (isSlow) this.#slowEnded();
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

  #ended(entry: BoardEntry, asked: Asked, startMs: number): void {
    if (this.#closing.signal.aborted) return;
    const { server, question } = entry;
    const nowMs = this.#nowMs();
    const failureBefore = server.failure?.message;
    server.ended(entry, asked, nowMs);
    entry.state = "resting";
    if (this.#entries.get(question.key) === entry) {
      entry.keep(asked, startMs, nowMs);
      if (entry.goodUntilMs === undefined) this.#expiring.delete(entry);
      else if (nowMs < entry.goodUntilMs) this.#expiring.set(entry, entry.goodUntilMs);
      if (entry.again) this.#enqueue(entry);
      else this.#due.set(entry, entry.nextMs(nowMs));
      entry.tell(nowMs);
    }
    // What it says to one of those that were not asked lately, it says to all of them.
    if (server.failure && server.failure.message !== failureBefore)
      for (const one of server.questions) one.tell(nowMs);
    this.#offer(server);
    this.#arm();
    this.#startNext();
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
      entry.tell(nowMs);
    this.#arm();
    this.#startNext();
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}

function unanswered(message: string): Asked {
  return { kind: "unanswered", reading: unknown("Unreachable", message), isDown: false };
}
