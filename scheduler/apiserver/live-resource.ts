import type { ApiObject } from "../../api/object-meta.ts";
import type { SourceEvent } from "./storage/object-source.ts";

export interface LogOptions {
  readonly follow: boolean;
  /** undefined: every line that is kept. */
  readonly tailLines: number | undefined;
  readonly sinceMs: number | undefined;
  readonly timestamps: boolean;
}

export interface EvictionRequest {
  /** undefined: the template's holds. */
  readonly graceMs: number | undefined;
  /** Only say what would happen. */
  readonly dryRun: boolean;
}

export type EvictionOutcome =
  /** It is told to stop, or has ended. */
  | { readonly kind: "evicted" }
  /** It stops when another is there in its place; the message says what that waits for. */
  | { readonly kind: "leaving"; readonly message: string }
  /** There is none, or its node has not reported it yet: it cannot be told before all have. */
  | { readonly kind: "unknown"; readonly message: string }
  /** These disruption budgets do not allow it now. */
  | { readonly kind: "refused"; readonly budgets: readonly RefusingBudget[] };

export interface RefusingBudget {
  readonly name: string;
  readonly message: string;
}

/**
 * The port by which the API server serves kinds that live in the scheduler's memory only. `resourceVersion`s come from
 * one counter of this source, which starts higher with every start of the process, so that a watch from before is
 * answered with 410 Gone.
 */
export interface LiveResource {
  /** The counter now; also the resourceVersion of a list. */
  readonly revision: number;
  /** In order of their keys. */
  list(namespace: string | undefined): readonly ApiObject[];
  /** Namespace and name, as `keyOf` has them, of what `list` would make objects of, in order. Never changed. */
  keys(namespace: string | undefined): readonly string[];
  getByKey(key: string): ApiObject | undefined;
  get(namespace: string, name: string): ApiObject | undefined;
  /**
   * Events after this call, in order of their resourceVersion. Their objects may be made when they are first asked for:
   * most changes nobody looks at. The listener must not throw.
   */
  subscribe(listener: (event: SourceEvent) => void): Disposable;
  /** Whether something here has this owner, which must not go before it. */
  hasOwned(ownerUid: string): boolean;
  /** Tells of owners whose last object here has gone, after this call. The listener must not throw. */
  subscribeEmptied(listener: (ownerUid: string) => void): Disposable;
  /** Asks for a stop, with this grace (undefined: the template's). The object goes when its node has confirmed. */
  delete(namespace: string, name: string, gracePeriodSeconds: number | undefined): ApiObject | undefined;
  /** Asks that the object with this name leaves its node, within the disruption budgets. undefined: there is no such object. */
  evict(namespace: string, name: string, request: EvictionRequest): EvictionOutcome | undefined;
  /** Why it is where it is, or why it waits; with at most `limit` nodes. undefined: there is no such object. Throws a `WherryError` ExplanationsBusy. */
  explain(namespace: string, name: string, limit: number): object | undefined;
  /** The log as it was written. Rejects with a `WherryError` (`NotFound`, `NodeUnreachable`, `LogUnavailable`). */
  openLog(
    namespace: string,
    name: string,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}
