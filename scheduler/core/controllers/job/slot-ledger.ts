/**
 * The durable account of a job's slots: which indexes have succeeded, how many attempts of the others are over, how
 * many failures there were in all. Read from the status, written back to it.
 *
 * The end of slot (index, attempt) counts only if the index has not succeeded and the attempt is not below those
 * counted; so a report that comes twice, late or to another leader counts once. Disruptions use up the attempt, not
 * the backoff limit. Restarts in place count when their attempt ends.
 */
import type { WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { disruptionReasons, type ObservedStatus, type Slot } from "../../model.ts";
import { IndexRanges } from "./index-ranges.ts";

export interface SlotAccount {
  /** Attempts that are over. */
  readonly attempts: number;
  /** Failures in them, with restarts in place. */
  readonly failures: number;
}

export type Counted = "succeeded" | "failed" | "disrupted" | "countedBefore";

const untried: SlotAccount = { attempts: 0, failures: 0 };

export class SlotLedger {
  readonly #completed: IndexRanges;
  readonly #newlyCompleted = new Set<number>();
  readonly #accounts: Map<number, SlotAccount>;
  #failed: number;

  constructor(status: WasmJobStatus | undefined) {
    this.#completed = IndexRanges.parse(status?.completedIndexes);
    this.#accounts = new Map((status?.failedAttempts ?? []).map((entry) => [entry.index, entry]));
    this.#failed = status?.failed ?? 0;
  }

  /** Failures of all slots so far, those of indexes that have succeeded since included. */
  get failed(): number {
    return this.#failed;
  }

  isCompleted(index: number): boolean {
    return this.#newlyCompleted.has(index) || this.#completed.has(index);
  }

  account(index: number): SlotAccount {
    return this.#accounts.get(index) ?? untried;
  }

  isOver({ index, attempt }: Slot): boolean {
    return this.isCompleted(index) || attempt < this.account(index).attempts;
  }

  count(slot: Slot, end: ObservedStatus): Counted {
    if (this.isOver(slot)) return "countedBefore";
    const { index, attempt } = slot;
    if (end.phase === "Succeeded") {
      this.#failed += end.restarts;
      this.#accounts.delete(index);
      this.#newlyCompleted.add(index);
      return "succeeded";
    }
    const isDisruption = disruptionReasons.has(end.reason);
    const failures = end.restarts + (isDisruption ? 0 : 1);
    this.#failed += failures;
    this.#accounts.set(index, {
      attempts: attempt + 1,
      failures: this.account(index).failures + failures,
    });
    return isDisruption ? "disrupted" : "failed";
  }

  /** The completed indexes, those counted just now included. */
  completed(): IndexRanges {
    return this.#completed.with(this.#newlyCompleted);
  }

  /** As `status.failedAttempts`, by index. */
  failedAttempts(): NonNullable<WasmJobStatus["failedAttempts"]> {
    return [...this.#accounts]
      .sort(([a], [b]) => a - b)
      .map(([index, { attempts, failures }]) => ({ index, attempts, failures }));
  }
}
