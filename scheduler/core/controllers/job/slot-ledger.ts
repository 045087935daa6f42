/**
 * The durable account of a job's slots: which indexes have succeeded or were given up, how many attempts of the others are
 * over, how many failures there were in all. Read from the status, written back to it.
 *
 * The end of slot (index, attempt) counts only if its index is open (it has not succeeded and was not given up) and the
 * attempt is not below those counted; so a report that comes twice, late or to another leader counts once. What is not
 * counted as a failure uses up the attempt, not the limits. Restarts in place count when their attempt ends.
 *
 * It is written as ranges of indexes to which the same happened, so that a job of 100,000 that is suspended, or loses its
 * nodes, takes a line for that.
 */
import type { WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { IndexRanges } from "../../../../api/index-ranges.ts";
import { assertNever } from "../../../../kit/errors.ts";
import type { ObservedStatus, Slot } from "../../model.ts";
import { slotsMax } from "./job-limits.ts";
import { type FailurePolicy, type FailureVerdict, judgeFailure } from "./failure-policy.ts";

export interface SlotAccount {
  /** Attempts that are over. */
  readonly attempts: number;
  /** Failures in them that count, with restarts in place. */
  readonly failures: number;
}

export type Counted = { readonly kind: "succeeded" | "countedBefore" } | FailureVerdict;

export interface FailureRules {
  readonly policy: FailurePolicy | undefined;
  /** An index with more failures is given up. */
  readonly limitPerIndex: number;
}

const untried: SlotAccount = { attempts: 0, failures: 0 };

export class SlotLedger {
  readonly #rules: FailureRules;
  #completed: IndexRanges;
  #givenUp: IndexRanges;
  /** Not in the ranges yet. */
  readonly #newlyCompleted = new Set<number>();
  readonly #newlyGivenUp = new Set<number>();
  readonly #accounts = new Map<number, SlotAccount>();
  #failed: number;

  constructor(status: WasmJobStatus | undefined, rules: FailureRules) {
    this.#rules = rules;
    this.#completed = IndexRanges.parse(status?.completedIndexes);
    this.#givenUp = IndexRanges.parse(status?.failedIndexes);
    this.#readAccounts(status?.failedAttempts ?? []);
    this.#failed = status?.failed ?? 0;
  }

  /** Failures of all slots so far, also of indexes that have succeeded since or were given up. */
  get failed(): number {
    return this.#failed;
  }

  account(index: number): SlotAccount {
    return this.#accounts.get(index) ?? untried;
  }

  /** Of the open indexes that were tried. */
  accounts(): Iterable<readonly [index: number, account: SlotAccount]> {
    return this.#accounts;
  }

  isOver({ index, attempt }: Slot): boolean {
    return !this.#isOpen(index) || attempt < this.account(index).attempts;
  }

  count(slot: Slot, end: ObservedStatus): Counted {
    if (this.isOver(slot)) return { kind: "countedBefore" };
    if (end.phase === "Succeeded") {
      this.#failed += end.restarts;
      this.#accounts.delete(slot.index);
      this.#newlyCompleted.add(slot.index);
      return { kind: "succeeded" };
    }
    const verdict = judgeFailure(this.#rules.policy, end);
    const failures = end.restarts + (isFailure(verdict) ? 1 : 0);
    this.#failed += failures;
    const account = {
      attempts: slot.attempt + 1,
      failures: this.account(slot.index).failures + failures,
    };
    if (verdict.kind === "indexFailed" || account.failures > this.#rules.limitPerIndex) {
      this.#accounts.delete(slot.index);
      this.#newlyGivenUp.add(slot.index);
    } else {
      this.#accounts.set(slot.index, account);
    }
    return verdict;
  }

  /** The completed indexes, those counted just now included. */
  completed(): IndexRanges {
    this.#completed = this.#completed.with(this.#newlyCompleted);
    this.#newlyCompleted.clear();
    return this.#completed;
  }

  /** The indexes that have failed for good, those counted just now included. */
  givenUp(): IndexRanges {
    this.#givenUp = this.#givenUp.with(this.#newlyGivenUp);
    this.#newlyGivenUp.clear();
    return this.#givenUp;
  }

  /** As `status.failedAttempts`. */
  failedAttempts(): NonNullable<WasmJobStatus["failedAttempts"]> {
    const alike = new Map<string, SlotAccount & { readonly indexes: number[] }>();
    for (const [index, { attempts, failures }] of this.#accounts) {
      const key = `${attempts} ${failures}`;
      const group = alike.get(key);
      if (group === undefined) alike.set(key, { attempts, failures, indexes: [index] });
      else group.indexes.push(index);
    }
    return [...alike.values()]
      .sort((a, b) => a.attempts - b.attempts || a.failures - b.failures)
      .map(({ indexes, attempts, failures }) => ({
        indexes: IndexRanges.of(indexes).toString(),
        attempts,
        failures,
      }));
  }

  /** As much as a job can have, whatever somebody has written there. */
  #readAccounts(entries: NonNullable<WasmJobStatus["failedAttempts"]>): void {
    let left = slotsMax;
    for (const { indexes, attempts, failures } of entries)
      for (const index of IndexRanges.parse(indexes)) {
        if (left-- === 0) return;
        this.#accounts.set(index, { attempts, failures });
      }
  }

  #isOpen(index: number): boolean {
    const isClosed =
      this.#newlyCompleted.has(index) ||
      this.#newlyGivenUp.has(index) ||
      this.#completed.has(index) ||
      this.#givenUp.has(index);
    return !isClosed;
  }
}

function isFailure(verdict: FailureVerdict): boolean {
  switch (verdict.kind) {
    case "counted":
    case "indexFailed":
    case "jobFailed":
      return true;
    case "disrupted":
    case "ignored":
      return false;
    default:
      return assertNever(verdict, "verdict on a failure");
  }
}
