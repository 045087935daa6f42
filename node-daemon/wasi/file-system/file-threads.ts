/**
 * The threads of one mount that may block, and the jobs that wait for them.
 *
 *   run ─▶ queue (bounded) ─▶ an idle thread, or a new one ─▶ its answer
 *             └─ full: refused, EAGAIN (a guest may try again; without a bound a server that is gone would collect all)
 *
 * Invariants:
 * - A thread has one job at a time, so a job that hangs holds up nothing but its thread. When all threads of a mount hang,
 *   what is asked of that mount waits, and of no other.
 * - The queue holds jobs as functions: what is to be written is copied when a thread takes it, so what waits is small.
 * - Descriptors that were given up are closed behind the jobs that use them, whatever the queue's bound says.
 * - A thread whose job never ends is never waited for. It counts against the process' budget until it does.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import { assertNever, Bug, WherryError } from "../../../kit/errors.ts";
import { limits } from "../limits.ts";
import type { FileJob, FileJobAnswer, FileJobResult } from "./file-jobs.ts";
import { type Pay, payer } from "./payer.ts";

const script = new URL(`./file-thread${extname(import.meta.url)}`, import.meta.url);

/** Threads for files that the process may have. */
export class ThreadBudget {
  readonly #max: number;
  #used = 0;

  constructor(max: number = limits.fileThreadsMax) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  take(): boolean {
    if (this.#used >= this.#max) return false;
    this.#used++;
    return true;
  }

  giveBack(): void {
    this.#used--;
  }
}

/** The mount, or the process, has no thread for a job and no room for it to wait. */
export class FilesBusy extends WherryError {
  constructor(why: string) {
    super("files-busy", `use a file system that may block: ${why}`, { retryable: true });
  }
}

interface WaitingJob {
  /** The descriptors that it needs. */
  readonly uses: readonly number[];
  readonly job: () => FileJob;
  /** Whoever asked, for the thread's time. */
  readonly pay: Pay;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  job: WaitingJob | undefined;
}

export class FileThreads {
  readonly #budget: ThreadBudget;
  readonly #threads = new Set<Thread>();
  #waiting: WaitingJob[] = [];
  #ended = false;

  constructor(budget: ThreadBudget) {
    this.#budget = budget;
  }

  /**
   * What the thread answers to the job, which needs the descriptors `uses`. Rejects with our bugs, with what opening a mount
   * throws, and with `FilesBusy`.
   */
  run(uses: readonly number[], job: () => FileJob): Promise<unknown> {
    if (this.#waiting.length < limits.fileJobsWaitingMax) return this.#enqueue(uses, job);
    return Promise.reject(new FilesBusy(`${this.#waiting.length} calls wait for it already`));
  }

  /** Never refused: there are no more of these than open descriptors. */
  close(fd: number): void {
    // There is nobody left to tell.
    this.#enqueue([], () => ({ kind: "plain", call: "close", args: [fd] })).catch(() => {});
  }

  /** Drops the jobs that wait to use `fd`: whoever asked for them is gone. */
  abandon(fd: number): void {
    const dropped = this.#waiting.filter(({ uses }) => uses.includes(fd));
    if (dropped.length === 0) return;
    this.#waiting = this.#waiting.filter(({ uses }) => !uses.includes(fd));
    for (const { reject } of dropped) reject(new FilesBusy("the descriptor was closed meanwhile"));
  }

  /** Once: the threads end when they have done what they were asked for. */
  end(): void {
    this.#ended = true;
    this.#endIdle();
  }

  #enqueue(uses: readonly number[], job: () => FileJob): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ uses, job, pay: payer(), resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idleThread();
      if (thread === undefined) break;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#begin(thread, next);
    }
    if (this.#threads.size > 0) return;
    // No thread is to be had, and none will come free here.
    const refused = new FilesBusy(`${this.#budget.used} threads wait for such file systems already`);
    for (const { reject } of this.#waiting.splice(0)) reject(refused);
  }

  #begin(thread: Thread, next: WaitingJob): void {
    try {
      const job = next.job();
      thread.worker.postMessage(job, job.kind === "write" ? [job.bytes.buffer] : []);
    } catch (thrown) {
      next.reject(thrown as Error);
      return;
    }
    thread.job = next;
    thread.worker.ref();
  }

  #idleThread(): Thread | undefined {
    for (const thread of this.#threads) if (thread.job === undefined) return thread;
    if (this.#threads.size >= limits.fileThreadsPerMount || !this.#budget.take()) return undefined;
    const worker = new Worker(script, {
      name: "files",
      env: {},
      // What it opens is not its own.
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: limits.fileThreadHeapMb },
    });
    worker.unref();
    const thread: Thread = { worker, job: undefined };
    worker.on("message", (answer: FileJobAnswer) => this.#done(thread, answer));
    worker.on("error", (thrown: Error) => this.#fail(thread, thrown));
    worker.on("exit", () => {
      this.#fail(thread, new Bug("a thread for files ended during a job"));
      this.#budget.giveBack();
    });
    this.#threads.add(thread);
    return thread;
  }

  #done(thread: Thread, { result, cpuMs }: FileJobAnswer): void {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    job?.pay(cpuMs);
    if (job !== undefined) settle(job, result);
    this.#dispatch();
    // What was opened too late is given back first.
    if (this.#ended) setImmediate(() => this.#endIdle());
  }

  #fail(thread: Thread, reason: Error): void {
    const { job } = thread;
    thread.job = undefined;
    this.#threads.delete(thread);
    job?.reject(reason);
    if (this.#waiting.length > 0) this.#dispatch();
  }

  #endIdle(): void {
    for (const thread of this.#threads) {
      if (thread.job !== undefined) continue;
      this.#threads.delete(thread);
      void thread.worker.terminate();
    }
  }
}

function settle(job: WaitingJob, result: FileJobResult): void {
  switch (result.kind) {
    case "answer":
      job.resolve(result.value);
      return;
    case "failed":
      job.reject(new WherryError(result.code, result.message));
      return;
    case "bug":
      job.reject(new Bug(`a job of a thread for files: ${result.message}`));
      return;
    default:
      assertNever(result, "result");
  }
}
