import { PlainHistogram } from "../../../kit/plain-histogram.ts";
import type { ProposalOutcome } from "../proposer.ts";
import { quotaRule } from "../proposer.ts";

/**
 * What became of an attempt to find a node for an instance: it has one; no node takes it; its namespace is at a quota; others make
 * room for it; its node had changed meanwhile; the turn was over first.
 */
export type PlacementResult =
  | "placed"
  | "unschedulable"
  | "over_quota"
  | "preempting"
  | "conflict"
  | "unfinished";

/** Seconds that one instance's decision has taken, of a batch its share. */
const decisionBounds = [
  0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005,
  0.025, 0.1,
];

/** Attempts of placement. Counted once per batch: instances of it are alike. */
export class PlacementTally {
  readonly attempts: Record<PlacementResult, number> = {
    placed: 0,
    unschedulable: 0,
    over_quota: 0,
    preempting: 0,
    conflict: 0,
    unfinished: 0,
  };
  readonly decisionSeconds = new PlainHistogram(decisionBounds);

  /** `size`: how many instances the batch had, at least one. */
  decided(size: number, outcome: ProposalOutcome, seconds: number): void {
    const { unplaceable, explanation, rejected, nominated, undecided } = outcome;
    const isOverQuota = explanation?.rejectedBy.has(quotaRule) === true;
    this.attempts[isOverQuota ? "over_quota" : "unschedulable"] += unplaceable.length;
    this.attempts.preempting += nominated.length;
    this.attempts.conflict += rejected.length;
    this.attempts.unfinished += undecided.length;
    this.attempts.placed += Math.max(
      0,
      size - unplaceable.length - nominated.length - rejected.length - undecided.length,
    );
    this.decisionSeconds.observe(seconds / size, size);
  }
}
