/**
 * Gathers what one event-loop turn changed, writes it as one transaction, and only then lets the drivers be told.
 *
 *   note, add, afterCommit … ──turn ends──▶ commit ──▶ tasks, in order
 *                                             └─ the disk refused: everything is kept, and tried again in a second
 *
 * Bounded by the instances of the node: one row each, and at most a few tasks for each change.
 */
import type { Clock, Timer } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Checkpoint, CheckpointChange, StoredInstance } from "./session/checkpoint.ts";

export interface LedgerOptions {
  readonly checkpoint: Pick<Checkpoint, "commit">;
  /** The newest state of an instance; undefined when it is gone. */
  readonly instanceOf: (uid: string) => StoredInstance | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A disk that refused is tried again after this long. */
const retryMs = 1000;

export class Ledger {
  readonly #options: LedgerOptions;
  #dirty = new Set<string>();
  #changes: CheckpointChange[] = [];
  #tasks: (() => void)[] = [];
  #scheduled = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** This instance's state is to be written. */
  note(uid: string): void {
    this.#dirty.add(uid);
    this.#schedule();
  }

  add(...changes: readonly CheckpointChange[]): void {
    if (changes.length === 0) return;
    this.#changes.push(...changes);
    this.#schedule();
  }

  /** Runs once everything noted so far is on disk. */
  afterCommit(task: () => void): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  commit(): void {
    if (this.#closed) return;
    const changes = [...this.#changes];
    for (const uid of this.#dirty) {
      const instance = this.#options.instanceOf(uid);
      if (instance) changes.push({ kind: "putInstance", instance });
    }
    const { checkpoint, clock, log } = this.#options;
    try {
      checkpoint.commit(changes);
    } catch (err) {
      log.error("checkpoint not written; starts wait until it is", { err });
      this.#retry?.cancel();
      this.#retry = clock.setTimer(retryMs, () => this.commit());
      return;
    }
    this.#changes = [];
    this.#dirty = new Set();
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) this.#run(task);
  }

  /** Writes what is pending; nothing after that. */
  close(): void {
    this.commit();
    this.#closed = true;
    this.#retry?.cancel();
  }

  /** One task that fails takes no other one with it. */
  #run(task: () => void): void {
    try {
      task();
    } catch (err) {
      this.#options.log.error("bug while telling a driver", { err });
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.commit();
    });
  }
}
