import { WherryError } from "../../../kit/errors.ts";
import type { CommitOutcome, StoreWrite } from "../store.ts";

/** Commits of one transaction, and their bytes: more would only delay the first of them. */
const batchCommitsMax = 1_000;
const batchBytesMax = 16 * 1024 * 1024;
/** Queued commits and their bytes. */
const queueCommitsMax = 20_000;
const queueBytesMax = 128 * 1024 * 1024;

export interface QueuedCommit {
  readonly writes: readonly StoreWrite[];
  readonly bytes: number;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** Commits that wait for the next transaction. Bounded; full, it refuses. */
export class CommitQueue {
  readonly #commits = new Set<QueuedCommit>();
  #bytes = 0;

  get size(): number {
    return this.#commits.size;
  }

  /** An aborted signal takes the commit out again, as long as it waits. Throws `StoreBusy`. */
  add(writes: readonly StoreWrite[], signal: AbortSignal | undefined): Promise<CommitOutcome> {
    const bytes = writes.reduce((sum, write) => sum + (write.kind === "put" ? write.value.length : 0), 0);
    if (this.#commits.size >= queueCommitsMax || this.#bytes + bytes > queueBytesMax)
      throw new WherryError("StoreBusy", `store: ${this.#commits.size} commits are waiting already`, {
        retryable: true,
      });
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (this.#remove(queued)) reject(signal?.reason as Error);
      };
      const done = () => signal?.removeEventListener("abort", onAbort);
      const queued: QueuedCommit = {
        writes,
        bytes,
        resolve: (outcome) => (done(), resolve(outcome)),
        reject: (error: Error) => (done(), reject(error)),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#commits.add(queued);
      this.#bytes += bytes;
    });
  }

  /** The oldest, for one transaction. */
  takeBatch(): readonly QueuedCommit[] {
    const batch: QueuedCommit[] = [];
    let bytes = 0;
    for (const queued of this.#commits) {
      if (batch.length >= batchCommitsMax || (batch.length > 0 && bytes + queued.bytes > batchBytesMax))
        break;
      bytes += queued.bytes;
      batch.push(queued);
    }
    for (const queued of batch) this.#remove(queued);
    return batch;
  }

  #remove(queued: QueuedCommit): boolean {
    if (!this.#commits.delete(queued)) return false;
    this.#bytes -= queued.bytes;
    return true;
  }
}
