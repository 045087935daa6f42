import type { Instance } from "../model.ts";

/** What one decision would stop, counted against the disruption budgets. */
export interface DisruptionTally {
  /** Whether any budget selects it. */
  isGuarded(instance: Instance): boolean;
  /** Counts one more. Returns whether all its budgets allow it beside those that were counted before. */
  take(instance: Instance): boolean;
}

/** The disruption budgets, for whoever chooses what to stop. */
export interface DisruptionGuard {
  /** undefined: there are no budgets. */
  tally(): DisruptionTally | undefined;
  /** An instance as it is now, before everybody else is told: a decision that is made in several steps counts its own ones. */
  note(instance: Instance): void;
}

export const noBudgets: DisruptionGuard = { tally: () => undefined, note: () => {} };
