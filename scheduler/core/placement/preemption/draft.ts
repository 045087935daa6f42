/**
 * Changes of the cluster state for preemptors, which are made at once, so that the next search counts them, and told to others
 * only once they are to stay. Within one turn: nobody sees what is undone.
 */
import type { InstanceChange } from "../../cluster-state/changes.ts";
import type { Instance } from "../../model.ts";
import type { PreemptionPlan } from "./preemption-search.ts";

/** The operations of the cluster state that this takes, and those that undo them. */
export interface PreemptionState {
  nominate(uid: string, nodeName: string): InstanceChange | undefined;
  withdraw(uid: string): InstanceChange | undefined;
  markStopping(uid: string): InstanceChange | undefined;
  keep(uid: string): InstanceChange | undefined;
  explainPending(uid: string, reason: string, message: string): InstanceChange | undefined;
}

export interface PlannedPreemption {
  readonly preemptor: Instance;
  readonly plan: PreemptionPlan;
}

export class PreemptionDraft {
  readonly #state: PreemptionState;
  readonly #victim: (instance: Instance) => void;
  readonly #changes: InstanceChange[] = [];
  readonly #planned: PlannedPreemption[] = [];

  /** `victim`: told at once of those that are to stop, and of those that are not after all. */
  constructor(state: PreemptionState, victim: (instance: Instance) => void = () => {}) {
    this.#state = state;
    this.#victim = victim;
  }

  get changes(): readonly InstanceChange[] {
    return this.#changes;
  }

  get planned(): readonly PlannedPreemption[] {
    return this.#planned;
  }

  /** Returns whether the preemptor has the node now. */
  add(preemptor: Instance, plan: PreemptionPlan, message: string): boolean {
    const { uid } = preemptor;
    const nominated = this.#state.nominate(uid, plan.nodeName);
    if (nominated === undefined) return false;
    this.#note(nominated);
    this.#note(this.#state.explainPending(uid, "Preempting", message));
    for (const displaced of plan.displaced) this.#note(this.#state.withdraw(displaced.uid));
    for (const victim of plan.victims) {
      const change = this.#state.markStopping(victim.uid);
      this.#note(change);
      if (change) this.#victim(change.instance);
    }
    this.#planned.push({ preemptor, plan });
    return true;
  }

  undo(): void {
    for (const { instance, before } of this.#changes.splice(0).reverse()) {
      const { uid, state } = instance;
      const kept = state.kind === "stopping" ? this.#state.keep(uid) : undefined;
      if (kept) this.#victim(kept.instance);
      if (state.kind !== "pending" || before?.state.kind !== "pending") continue;
      const { nominatedNode, reason, message } = before.state;
      if (nominatedNode === undefined) this.#state.withdraw(uid);
      else this.#state.nominate(uid, nominatedNode);
      this.#state.explainPending(uid, reason, message);
    }
    this.#planned.length = 0;
  }

  #note(change: InstanceChange | undefined): void {
    if (change !== undefined) this.#changes.push(change);
  }
}
