/**
 * Durable texts under keys, with one revision for all of them that only grows. A commit is atomic and gets one revision;
 * the keys it wrote carry it. The promise of `commit` resolves only once the commit survives a crash and power loss, and
 * after every watcher in this process has been told. Keys and values are well-formed Unicode.
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

/** An event of the past, with what the entry was before it; undefined: it did not exist. */
export type PastEvent = StoreEvent & { readonly previous: StoredEntry | undefined };

/** Every event under a prefix that is still kept. */
export interface StoreHistory {
  /** Nothing that came after this revision is missing. */
  readonly completeAfter: number;
  /** The revision at which it was read. */
  readonly revision: number;
  /** In order. */
  readonly events: readonly PastEvent[];
}

/** A consistent copy of everything. There is one at a time: it must be disposed of. */
export interface StoreBackup extends AsyncDisposable {
  /** The length of the content. */
  readonly bytes: number;
  /** Read once, at the reader's own pace. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface StoreFigures {
  /** Commits that are not taken up yet. */
  readonly queuedCommits: number;
  /** What it takes on the disk; 0 when that is not known. */
  readonly fileBytes: number;
}

/**
 * Methods reject with a `WherryError`:
 * - `StoreBusy`: the bounded queue of writes is full, or a backup is being made already; retryable.
 * - `StoreUnavailable`: the engine failed, for example a full disk; retryable. Nothing was written, unless the message
 *   says that this is not known; then the watches tell.
 * - `StoreReadOnly`: writes are refused for the reason that `readOnly` gives.
 * - `StoreCorrupt`: what was to be read is damaged.
 * - `StoreClosed`.
 */
export interface Store extends AsyncDisposable {
  /** A random name of this line of revisions. It changes when a backup is restored: older revisions mean nothing then. */
  readonly epoch: string;
  /** Why nothing can be written, for people; undefined: it can. Once set it stays. */
  readonly readOnly: string | undefined;

  /** As they are now, for metrics. */
  readonly figures: StoreFigures;

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

  /** The past that is still kept: by count, by age and by bytes, whichever ends first. */
  history(prefix: string, signal?: AbortSignal): Promise<StoreHistory>;

  /**
   * Forgets the whole past, so that nothing that was overwritten or deleted can be read any more, not in the file either.
   * Watches that are open go on.
   */
  forgetHistory(): Promise<void>;

  /** Made while writes go on. */
  backup(signal?: AbortSignal): Promise<StoreBackup>;

  /** Refuses new commits and waits for those under way. */
  drain(): Promise<void>;
  /** Drains, then lets go of the file or connection. Idempotent. */
  close(): Promise<void>;
}
