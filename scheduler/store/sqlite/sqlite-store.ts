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
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../../kit/clock.ts";
import { Bug, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { CommitOutcome, Store, StoreBatch, StoredEntry, StoreEvent, StoreWrite } from "../store.ts";
import type { HistoryLimits, WorkerOptions, WorkerReply, WorkerRequest } from "./messages.ts";

export interface SqliteStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly history?: HistoryLimits;
}

/** An hour of a busy cluster; what a watch may miss and still resume. */
const historyDefault: HistoryLimits = { eventsMax: 20_000, ageMsMax: 3_600_000 };
/** Commits of one transaction: more would only delay the first of them. */
const batchCommitsMax = 1_000;
/** Queued commits and their bytes. Full: refuses with StoreBusy. */
const queueCommitsMax = 20_000;
const queueBytesMax = 128 * 1024 * 1024;

/** Resolves once the file is open and recovered; rejects with StoreCorrupt, StoreUnwritable or StoreLocked. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const workerData: WorkerOptions = { file: options.file, history: options.history ?? historyDefault };
  const script = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  const link = new WorkerLink(new Worker(script, { workerData, name: "store" }));
  const reply = await link.opened;
  if (reply.kind === "failed") {
    await link.ended;
    throw failureError(reply);
  }
  options.log.info("store opened", {
    file: options.file,
    revision: reply.kind === "opened" ? reply.revision : 0,
  });
  return new SqliteStore(link, options.clock, options.log);
}

interface QueuedCommit {
  readonly writes: readonly StoreWrite[];
  readonly bytes: number;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (error: Error) => void;
}

interface Watcher {
  readonly prefix: string;
  readonly listener: (batch: StoreBatch) => void;
}

class SqliteStore implements Store {
  readonly #link: WorkerLink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watchers = new Set<Watcher>();
  #queue: QueuedCommit[] = [];
  #queuedBytes = 0;
  #draining = false;
  #pumping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(link: WorkerLink, clock: Clock, log: Log) {
    this.#link = link;
    this.#clock = clock;
    this.#log = log.bind({ component: "store" });
  }

  async get(key: string, signal?: AbortSignal): Promise<StoredEntry | undefined> {
    signal?.throwIfAborted();
    const reply = await this.#link.ask({ kind: "get", key });
    if (reply.kind !== "entry") throw unexpected(reply);
    return reply.entry;
  }

  async list(prefix: string, signal?: AbortSignal) {
    signal?.throwIfAborted();
    const reply = await this.#link.ask({ kind: "list", prefix });
    if (reply.kind !== "entries") throw unexpected(reply);
    return { revision: reply.revision, entries: reply.entries };
  }

  commit(writes: readonly StoreWrite[], signal?: AbortSignal): Promise<CommitOutcome> {
    return new Promise((resolve, reject) => {
      const bytes = writes.reduce((sum, write) => sum + (write.kind === "put" ? write.value.length : 0), 0);
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.#draining) return reject(closedError());
      if (this.#queue.length >= queueCommitsMax || this.#queuedBytes + bytes > queueBytesMax)
        return reject(
          new WherryError("StoreBusy", `store: ${this.#queue.length} commits are waiting already`, {
            retryable: true,
          }),
        );
      const onAbort = () => {
        const at = this.#queue.indexOf(queued);
        if (at < 0) return;
        this.#queue.splice(at, 1);
        this.#queuedBytes -= bytes;
        reject(signal?.reason as Error);
      };
      const done = () => signal?.removeEventListener("abort", onAbort);
      const queued: QueuedCommit = {
        writes,
        bytes,
        resolve: (outcome) => (done(), resolve(outcome)),
        reject: (error: Error) => (done(), reject(error)),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(queued);
      this.#queuedBytes += bytes;
      this.#pumping ??= this.#pump();
    });
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
      if (past.revision > afterRevision) listener(past);
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

  async drain(): Promise<void> {
    this.#draining = true;
    await this.#pumping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #past(prefix: string, afterRevision: number): Promise<StoreBatch> {
    const reply = await this.#link.ask({ kind: "history", prefix, afterRevision });
    if (reply.kind === "history") return { revision: reply.revision, events: reply.events };
    if (reply.kind !== "compacted") throw unexpected(reply);
    throw new WherryError(
      "Compacted",
      `watch from revision ${afterRevision}: only what came after ${reply.oldestRevision} is kept`,
    );
  }

  async #close(): Promise<void> {
    await this.drain();
    this.#watchers.clear();
    await this.#link.close();
  }

  /** Sends one transaction after the other until nothing is queued. */
  async #pump(): Promise<void> {
    // What is committed in the same turn of the event loop shares the first transaction already.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchCommitsMax);
      for (const queued of batch) this.#queuedBytes -= queued.bytes;
      await this.#commitBatch(batch);
    }
    this.#pumping = undefined;
  }

  async #commitBatch(batch: readonly QueuedCommit[]): Promise<void> {
    try {
      const commits = batch.map((queued) => queued.writes);
      const reply = await this.#link.ask({ kind: "commit", nowMs: this.#clock.now(), commits });
      if (reply.kind !== "committed") throw unexpected(reply);
      this.#tell(reply.revision, reply.events);
      for (const [at, queued] of batch.entries()) {
        const outcome = reply.outcomes[at];
        if (outcome) queued.resolve(outcome);
        else queued.reject(new Bug("the store's worker gave fewer outcomes than commits"));
      }
    } catch (thrown) {
      this.#log.error("commit failed", { err: thrown, commits: batch.length });
      for (const queued of batch) queued.reject(thrown as Error);
    }
  }

  #tell(revision: number, events: readonly StoreEvent[]): void {
    for (const watcher of this.#watchers) {
      const wanted =
        watcher.prefix === "" ? events : events.filter((event) => event.key.startsWith(watcher.prefix));
      watcher.listener({ revision, events: wanted });
    }
  }
}

/** Questions to the worker and its answers, which come in the same order. When the worker dies, every question fails. */
class WorkerLink {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (reply: WorkerReply) => void; reject: (error: Error) => void }[] = [];
  #failure: WherryError | undefined;
  readonly opened: Promise<WorkerReply>;
  readonly ended: Promise<void>;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.opened = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (reply: WorkerReply) => this.#waiting.shift()?.resolve(reply));
    worker.on("error", (error) => this.#fail(`the store's thread failed: ${errorMessage(error)}`, error));
    worker.on("exit", () => this.#fail("the store is closed"));
  }

  async ask(request: WorkerRequest): Promise<WorkerReply> {
    if (this.#failure) throw this.#failure;
    const reply = await new Promise<WorkerReply>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request, []);
    });
    if (reply.kind === "failed") throw failureError(reply);
    return reply;
  }

  async close(): Promise<void> {
    if (this.#failure) return;
    await this.ask({ kind: "close" });
    await this.ended;
  }

  #fail(message: string, cause?: unknown): void {
    this.#failure ??=
      cause === undefined ? closedError() : new WherryError("StoreUnavailable", message, { cause });
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}

function closedError(): WherryError {
  return new WherryError("StoreClosed", "the store is closed");
}

function failureError(reply: WorkerReply & { readonly kind: "failed" }): WherryError {
  return new WherryError(reply.code, reply.message, { retryable: reply.retryable });
}

function unexpected(reply: WorkerReply): Bug {
  return new Bug(`the store's worker answered with ${reply.kind}`);
}
