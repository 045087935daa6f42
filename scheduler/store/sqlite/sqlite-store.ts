/**
 * The Store on one SQLite file, owned by a worker thread so that no fsync is ever waited for on the main thread.
 *
 * Group commit: while one transaction is being committed, everything that arrives is queued; when its answer comes, the
 * whole queue (up to a bound) goes into the next transaction. So a lone writer waits for one fsync and many share one.
 *
 *   commit() ─▶ queue ─▶ [one transaction under way] ─▶ watchers told ─▶ promises resolved
 *
 * Invariants: at most one transaction under way; watchers see commits in the order of revisions and before the
 * committer's promise resolves; nothing is acknowledged before its COMMIT returned. The queue is bounded and refuses.
 *
 * Failures: a full disk or a failing one refuses commits until it is well again. Damage that is met makes the store read
 * only for good. A worker that dies is replaced at the next request; what it wrote without saying so is read from the
 * history and told to the watchers before anything else is.
 */
import { openSync, closeSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Clock } from "../../../kit/clock.ts";
import { Bug, errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { systemRandom, type Random } from "../../../kit/random.ts";
import type {
  CommitOutcome,
  Store,
  StoreBackup,
  StoreBatch,
  StoredEntry,
  StoreEvent,
  StoreFigures,
  StoreHistory,
  StoreWrite,
} from "../store.ts";
import { backupFileOf, openBackup, removeLeftoverBackups } from "./backup-file.ts";
import { CommitQueue, type QueuedCommit } from "./commit-queue.ts";
import { entriesOf, eventsOf, eventsOfUndoLog } from "./events.ts";
import type { HistoryLimits, WorkerReply, WorkerRequest } from "./messages.ts";
import { type Opened, StoreThread } from "./store-thread.ts";
import { TidyTimer } from "./tidy-timer.ts";
import { type Answer, type WorkerLink, workerScript } from "./worker-link.ts";

export interface SqliteStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  readonly history?: Partial<HistoryLimits>;
  /** The file grows no further; writes beyond it fail as on a full disk. */
  readonly fileBytesMax?: number;
  /** What runs in the thread; tests put their own around it. */
  readonly workerScript?: URL;
}

/** An hour of a busy cluster; what a watch may miss and still resume. */
const historyDefault: HistoryLimits = {
  eventsMax: 20_000,
  bytesMax: 64 * 1024 * 1024,
  ageMsMax: 3_600_000,
};
/** Resolves once the file is open and recovered; rejects with StoreCorrupt, StoreForeign, StoreUnwritable or StoreLocked. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { file, clock } = options;
  const history = { ...historyDefault, ...options.history };
  const log = options.log.bind({ component: "store" });
  const random = options.random ?? systemRandom;
  const thread = await StoreThread.start({
    script: options.workerScript ?? workerScript,
    worker: { file, history, fileBytesMax: options.fileBytesMax, newEpoch: random.uuid() },
    clock,
    log,
  });
  removeLeftoverBackups(file);
  const { revision, epoch } = thread.opened;
  log.info("store opened", { file, revision, epoch });
  return new SqliteStore({ file, clock, log, random, ageMsMax: history.ageMsMax }, thread);
}

interface Parts {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly ageMsMax: number;
}

interface Watcher {
  readonly prefix: string;
  readonly listener: (batch: StoreBatch) => void;
}

class SqliteStore implements Store {
  readonly epoch: string;
  readonly #parts: Parts;
  readonly #thread: StoreThread;
  readonly #watchers = new Set<Watcher>();
  readonly #queue = new CommitQueue();
  readonly #tidying: TidyTimer;
  /** The last revision that the watchers know. */
  #told: number;
  #readOnly: string | undefined;
  #isFailing = false;
  #isDraining = false;
  #isClosed = false;
  #isBackingUp = false;
  #pumping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, thread: StoreThread) {
    const { opened } = thread;
    this.#parts = parts;
    this.#thread = thread;
    this.epoch = opened.epoch;
    this.#told = opened.revision;
    thread.onReplaced((link, reopened) => this.#catchUp(link, reopened));
    this.#tidying = new TidyTimer(parts.clock, parts.ageMsMax, async () => {
      const { reply } = await this.#ask({ kind: "tidy", nowMs: parts.clock.now() });
      if (reply.kind !== "tidied") throw unexpected(reply);
      return reply.tidiness;
    });
    if (opened.readOnly === undefined) this.#tidying.note(opened.tidiness);
    else this.#becomeReadOnly(opened.readOnly);
  }

  get readOnly(): string | undefined {
    return this.#readOnly;
  }

  get figures(): StoreFigures {
    const { file } = this.#parts;
    const fileBytes = [file, `${file}-wal`].reduce(
      (sum, name) => sum + (statSync(name, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
    return { queuedCommits: this.#queue.size, fileBytes };
  }

  async get(key: string, signal?: AbortSignal): Promise<StoredEntry | undefined> {
    signal?.throwIfAborted();
    const { reply } = await this.#ask({ kind: "get", key });
    if (reply.kind !== "entry") throw unexpected(reply);
    return reply.entry;
  }

  async list(prefix: string, signal?: AbortSignal) {
    signal?.throwIfAborted();
    const { reply, parts } = await this.#ask({ kind: "list", prefix });
    if (reply.kind !== "listed") throw unexpected(reply);
    return { revision: reply.revision, entries: entriesOf(parts) };
  }

  async commit(writes: readonly StoreWrite[], signal?: AbortSignal): Promise<CommitOutcome> {
    signal?.throwIfAborted();
    if (this.#isDraining) throw closedError();
    if (this.#readOnly !== undefined) throw new WherryError("StoreReadOnly", this.#readOnly);
    for (const write of writes) requireWellFormed(write);
    const outcome = this.#queue.add(writes, signal);
    this.#pumping ??= this.#pump();
    return outcome;
  }

  async watch(
    prefix: string,
    afterRevision: number,
    listener: (batch: StoreBatch) => void,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const pending: StoreBatch[] = [];
    let joined = false;
    const watcher: Watcher = {
      prefix,
      listener: (batch) => (joined ? listener(batch) : void pending.push(batch)),
    };
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher), { once: true });
    try {
      const past = await this.#past(prefix, afterRevision);
      if (signal.aborted) return;
      if (past.revision > afterRevision) listener({ revision: past.revision, events: past.events });
      for (const batch of pending) {
        const events = batch.events.filter((event) => event.revision > past.revision);
        if (batch.revision > past.revision) listener({ revision: batch.revision, events });
      }
      joined = true;
    } catch (thrown) {
      this.#watchers.delete(watcher);
      throw thrown;
    }
  }

  async history(prefix: string, signal?: AbortSignal): Promise<StoreHistory> {
    signal?.throwIfAborted();
    return this.#past(prefix, undefined);
  }

  async forgetHistory(): Promise<void> {
    if (this.#readOnly !== undefined) throw new WherryError("StoreReadOnly", this.#readOnly);
    await this.#ask({ kind: "forget" });
  }

  async backup(signal?: AbortSignal): Promise<StoreBackup> {
    signal?.throwIfAborted();
    if (this.#isBackingUp)
      throw new WherryError("StoreBusy", "store: a backup is being made already", { retryable: true });
    this.#isBackingUp = true;
    const done = () => void (this.#isBackingUp = false);
    const file = backupFileOf(this.#parts.file, this.#parts.random.uuid());
    try {
      // Made before SQLite makes it, for nobody else to read.
      closeSync(openSync(file, "wx", 0o600));
      await this.#ask({ kind: "backup", file });
      signal?.throwIfAborted();
      return await openBackup(file, done);
    } catch (thrown) {
      done();
      await rm(file, { force: true });
      throw thrown;
    }
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#pumping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.drain();
    this.#isClosed = true;
    this.#watchers.clear();
    this.#tidying[Symbol.dispose]();
    await this.#thread.close();
  }

  async #ask(request: WorkerRequest): Promise<Answer> {
    if (this.#isClosed) throw closedError();
    try {
      return await this.#thread.ask(request);
    } catch (thrown) {
      if (errorCode(thrown) === "StoreCorrupt") this.#becomeReadOnly(errorMessage(thrown));
      throw thrown;
    }
  }

  /** Watchers hear what a worker wrote without saying so, before the new one is asked anything else. */
  async #catchUp(link: WorkerLink, { epoch, readOnly }: Opened): Promise<void> {
    if (epoch !== this.epoch)
      throw new WherryError(
        "StoreUnavailable",
        `store ${this.#parts.file}: another store is in its place now; restart the scheduler`,
      );
    if (readOnly !== undefined) this.#becomeReadOnly(readOnly);
    const answer = await link.ask({ kind: "history", prefix: "", afterRevision: this.#told });
    const { revision, events } = pastOf(answer, this.#told);
    if (revision > this.#told) this.#tell(revision, events);
  }

  #becomeReadOnly(reason: string): void {
    if (this.#readOnly !== undefined) return;
    this.#readOnly = reason;
    this.#tidying[Symbol.dispose]();
    this.#parts.log.error("store is read only", { reason });
  }

  async #past(prefix: string, afterRevision: number | undefined): Promise<StoreHistory> {
    return pastOf(await this.#ask({ kind: "history", prefix, afterRevision }), afterRevision);
  }

  /** Sends one transaction after the other until nothing is queued. */
  async #pump(): Promise<void> {
    // What is committed in the same turn of the event loop shares the first transaction already.
    await Promise.resolve();
    while (this.#queue.size > 0) await this.#commitBatch(this.#queue.takeBatch());
    this.#pumping = undefined;
  }

  async #commitBatch(batch: readonly QueuedCommit[]): Promise<void> {
    const commits = batch.map((queued) => queued.writes);
    try {
      const { reply } = await this.#ask({ kind: "commit", nowMs: this.#parts.clock.now(), commits });
      if (reply.kind !== "committed") throw unexpected(reply);
      this.#noteHealth(undefined);
      this.#tell(reply.revision, eventsOf(commits, reply.outcomes, reply.removed));
      this.#tidying.note(reply.tidiness);
      for (const [at, queued] of batch.entries()) {
        const outcome = reply.outcomes[at];
        if (outcome) queued.resolve(outcome);
        else queued.reject(new Bug("the store's worker gave fewer outcomes than commits"));
      }
    } catch (thrown) {
      this.#noteHealth(thrown);
      for (const queued of batch) queued.reject(thrown as Error);
    }
  }

  /** Logs when it begins to fail and when it works again, not each time in between. */
  #noteHealth(failure: unknown): void {
    const isFailing = failure !== undefined;
    if (isFailing && !this.#isFailing) this.#parts.log.error("commits fail", { err: failure });
    if (!isFailing && this.#isFailing) this.#parts.log.info("commits succeed again");
    this.#isFailing = isFailing;
  }

  #tell(revision: number, events: readonly StoreEvent[]): void {
    this.#told = revision;
    for (const watcher of this.#watchers) {
      const wanted =
        watcher.prefix === "" ? events : events.filter((event) => event.key.startsWith(watcher.prefix));
      watcher.listener({ revision, events: wanted });
    }
  }
}

function pastOf({ reply, parts }: Answer, afterRevision: number | undefined): StoreHistory {
  if (reply.kind === "history") {
    const { revision, completeAfter, current } = reply;
    return { revision, completeAfter, events: eventsOfUndoLog(parts, current) };
  }
  if (reply.kind !== "compacted") throw unexpected(reply);
  throw new WherryError(
    "Compacted",
    `watch from revision ${afterRevision}: only what came after ${reply.completeAfter} is kept`,
  );
}

/** SQLite would store something else than half a surrogate pair. */
function requireWellFormed(write: StoreWrite): void {
  if (write.key.isWellFormed() && (write.kind !== "put" || write.value.isWellFormed())) return;
  throw new Bug(`store: the key or value of ${JSON.stringify(write.key)} is no well-formed Unicode`);
}

function closedError(): WherryError {
  return new WherryError("StoreClosed", "the store is closed");
}

function unexpected(reply: WorkerReply): Bug {
  return new Bug(`the store's worker answered with ${reply.kind}`);
}
