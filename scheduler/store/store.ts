/**
 * Durable texts under keys, with one revision for all of them that only grows. A commit is atomic and gets one revision;
 * the keys it wrote carry it. The promise of `commit` resolves only once the commit survives a crash and power loss, and
 * after every watcher in this process has been told.
 */

export interface StoredEntry {
  readonly key: string;
  readonly value: string;
  /** The revision of the commit that wrote it last. */
  readonly revision: number;
}

export type StoreWrite =
  /** `expectedRevision`: the entry's revision must be this; 0: there must be none; undefined: whatever it is. */
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string;
      readonly expectedRevision: number | undefined;
    }
  | { readonly kind: "delete"; readonly key: string; readonly expectedRevision: number | undefined }
  /** Writes nothing; the commit fails unless the entry has this revision (0: does not exist). */
  | { readonly kind: "check"; readonly key: string; readonly expectedRevision: number };

export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: number }
  /** Nothing of the commit was written: this key did not have the expected revision. */
  | { readonly kind: "conflict"; readonly key: string; readonly currentRevision: number };

export type StoreEvent =
  | { readonly kind: "put"; readonly key: string; readonly value: string; readonly revision: number }
  /** `value` is what the entry held before. */
  | { readonly kind: "delete"; readonly key: string; readonly value: string; readonly revision: number };

/** Whole commits, in order. `revision` is the last of them; `events` are those under the watched prefix, perhaps none. */
export interface StoreBatch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/**
 * Methods reject with a `WherryError`: `StoreBusy` (the bounded queue of writes is full; retryable), `StoreUnavailable`
 * (the engine failed, for example a full disk; nothing was written; retryable), `StoreClosed`.
 */
export interface Store extends AsyncDisposable {
  get(key: string, signal?: AbortSignal): Promise<StoredEntry | undefined>;

  /** Everything under the prefix at one revision, ordered by the keys' bytes. */
  list(
    prefix: string,
    signal?: AbortSignal,
  ): Promise<{ readonly revision: number; readonly entries: readonly StoredEntry[] }>;

  /** An aborted signal withdraws what has not been taken up yet; afterwards the outcome is delivered all the same. */
  commit(writes: readonly StoreWrite[], signal?: AbortSignal): Promise<CommitOutcome>;

  /**
   * Every commit after `afterRevision`, in order, until `signal` aborts. Resolves once the past has been delivered.
   * Rejects with `Compacted` when that past is no longer kept: list again. The listener must not throw or write.
   */
  watch(
    prefix: string,
    afterRevision: number,
    listener: (batch: StoreBatch) => void,
    signal: AbortSignal,
  ): Promise<void>;

  /** Refuses new commits and waits for those under way. */
  drain(): Promise<void>;
  /** Drains, then lets go of the file or connection. Idempotent. */
  close(): Promise<void>;
}
