import type { CommitOutcome, StoredEntry, StoreEvent, StoreWrite } from "../store.ts";

/** What the store and its worker thread say to each other. Each request gets exactly one reply, in order. */
export type WorkerRequest =
  | {
      readonly kind: "commit";
      readonly nowMs: number;
      readonly commits: readonly (readonly StoreWrite[])[];
    }
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "list"; readonly prefix: string }
  | { readonly kind: "history"; readonly prefix: string; readonly afterRevision: number }
  | { readonly kind: "close" };

export type WorkerReply =
  | { readonly kind: "opened"; readonly revision: number }
  | {
      readonly kind: "committed";
      readonly revision: number;
      readonly outcomes: readonly CommitOutcome[];
      readonly events: readonly StoreEvent[];
    }
  | { readonly kind: "entry"; readonly entry: StoredEntry | undefined }
  | { readonly kind: "entries"; readonly revision: number; readonly entries: readonly StoredEntry[] }
  | { readonly kind: "history"; readonly revision: number; readonly events: readonly StoreEvent[] }
  | { readonly kind: "compacted"; readonly oldestRevision: number }
  | { readonly kind: "closed" }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
    };

export interface WorkerOptions {
  readonly file: string;
  readonly history: HistoryLimits;
}

/** How much of the past is kept for watches. Whatever is beyond one of them goes. */
export interface HistoryLimits {
  readonly eventsMax: number;
  readonly ageMsMax: number;
}
