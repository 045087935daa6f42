import type { CommitOutcome, StoredEntry, StoreWrite } from "../store.ts";

/** What the store and its worker thread say to each other. Each request gets exactly one reply with its id. */
export type WorkerRequest =
  | {
      readonly kind: "commit";
      readonly nowMs: number;
      readonly commits: readonly (readonly StoreWrite[])[];
    }
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "list"; readonly prefix: string }
  /** `afterRevision` undefined: all that is kept. */
  | { readonly kind: "history"; readonly prefix: string; readonly afterRevision: number | undefined }
  /** Lets a bounded part of what is too old go, and of the free pages. */
  | { readonly kind: "tidy"; readonly nowMs: number }
  | { readonly kind: "forget" }
  /** The reply comes when the copy is complete; other requests are answered meanwhile. */
  | { readonly kind: "backup"; readonly file: string }
  | { readonly kind: "close" };

export type WorkerReply =
  | {
      readonly kind: "opened";
      readonly revision: number;
      readonly epoch: string;
      readonly readOnly: string | undefined;
      readonly tidiness: Tidiness;
    }
  | {
      readonly kind: "committed";
      readonly revision: number;
      readonly outcomes: readonly CommitOutcome[];
      /** For each delete of a commit that was made, in order: what the entry held, or null when there was none. */
      readonly removed: readonly (string | null)[];
      readonly tidiness: Tidiness;
    }
  | { readonly kind: "entry"; readonly entry: StoredEntry | undefined }
  /** The entries came before, in parts. */
  | { readonly kind: "listed"; readonly revision: number }
  /** The rows came before, in parts, newest first. `current`: what their keys hold now, key after value. */
  | {
      readonly kind: "history";
      readonly revision: number;
      readonly completeAfter: number;
      readonly current: readonly string[];
    }
  | { readonly kind: "compacted"; readonly completeAfter: number }
  | { readonly kind: "tidied"; readonly tidiness: Tidiness }
  | { readonly kind: "forgotten" }
  | { readonly kind: "copied" }
  | { readonly kind: "closed" }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
    };

/** Rows of a long answer, one value after the other: structured clone is slow with objects. */
export type WorkerPart = readonly (string | number | null)[];

/** A part belongs to the answer that follows it under the same id. */
export type WorkerMessage =
  | { readonly id: number; readonly part: WorkerPart }
  | { readonly id: number; readonly reply: WorkerReply };

export interface Tidiness {
  /** When the oldest event that is kept was written; undefined: there is none. */
  readonly oldestAtMs: number | undefined;
  /** There is something to tidy up now. */
  readonly isUntidy: boolean;
}

export interface WorkerOptions {
  readonly file: string;
  readonly history: HistoryLimits;
  /** Writes beyond it fail as on a full disk. */
  readonly fileBytesMax: number | undefined;
  /** The epoch of a file that is made now. */
  readonly newEpoch: string;
}

/** How much of the past is kept for watches. Whatever is beyond one of them goes. */
export interface HistoryLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}
