/**
 * Finds, for several instances of one request, the nodes on which the fewest and lowest others have to give way.
 *
 *   all nodes ──estimate, O(priorities) each──▶ heap ──the cheapest, exactly──▶ at most 100 choices ──best──▶ plan
 *                                                ▲                                                      │
 *                                                └──── that node, estimated anew ◀── carried out ◀──────┘
 *
 * A search lives within one turn. Each plan has to be carried out in the cluster state (nominate, withdraw, markStopping) before
 * the next is asked for; so nothing is counted twice, and only one node has to be looked at again.
 *
 * Invariant: a choice that is kept is of a node that has not changed since it was made; what budgets allow may have.
 */
import type { Instance } from "../../model.ts";
import type { Snapshot } from "../snapshot.ts";
import { CostHeap } from "./cost-heap.ts";
import { preemptionLimits } from "./limits.ts";
import type { Occupants, Preemptor } from "./preemptor.ts";
import { estimateCost, highestVictimPriority } from "./quick-estimate.ts";
import { budgetViolations, chooseVictims, compareCosts, type VictimChoice } from "./victims.ts";

export interface PreemptionPlan {
  readonly nodeName: string;
  /** To be stopped. */
  readonly victims: readonly Instance[];
  /** Nominated there; they have to look for another place. */
  readonly displaced: readonly Instance[];
  /** What stops there already, and is waited for too. */
  readonly stopping: readonly Instance[];
}

/** Which part of the nodes to look at. */
export interface SearchExtent {
  /** So many of the cheapest were looked at before. */
  readonly skipped: number;
  /** Nodes looked at in vain, after which the search stops. */
  readonly looksMax: number;
  /** The only position that will do; absent: any. */
  readonly only?: number;
}

export const wholeExtent: SearchExtent = { skipped: 0, looksMax: Number.POSITIVE_INFINITY };

export class PreemptionSearch {
  readonly #preemptor: Preemptor;
  readonly #occupants: Occupants;
  readonly #estimates = new CostHeap();
  readonly #choices: VictimChoice[] = [];
  readonly #looksMax: number;
  #carriedOut: number | undefined;
  #looked: number;
  #isCutShort = false;

  constructor(
    snapshot: Snapshot,
    preemptor: Preemptor,
    occupants: Occupants,
    extent: SearchExtent = wholeExtent,
  ) {
    this.#preemptor = preemptor;
    this.#occupants = occupants;
    this.#looksMax = extent.looksMax;
    this.#looked = extent.skipped;
    const first = extent.only ?? 0;
    const end = extent.only === undefined ? snapshot.size : first + 1;
    for (let position = first; position < end; position++) {
      const cost = this.#estimate(snapshot, position);
      if (cost < Number.POSITIVE_INFINITY) this.#estimates.append(cost, position);
    }
    this.#estimates.order();
    for (let skipped = 0; skipped < extent.skipped; skipped++) this.#estimates.pop();
  }

  /** How many of the cheapest nodes have been looked at, those that were skipped included. */
  get looked(): number {
    return this.#looked;
  }

  /** Whether it found nothing, and there are nodes that it has not looked at. */
  get isCutShort(): boolean {
    return this.#isCutShort;
  }

  /** `snapshot`: with the last plan carried out. undefined: there is no node for one more. */
  next(snapshot: Snapshot): PreemptionPlan | undefined {
    if (this.#carriedOut !== undefined) {
      const cost = this.#estimate(snapshot, this.#carriedOut);
      if (cost < Number.POSITIVE_INFINITY) this.#estimates.add(cost, this.#carriedOut);
      this.#carriedOut = undefined;
    }
    for (;;) {
      this.#look(snapshot);
      const choice = this.#takeBest();
      if (choice === undefined) return undefined;
      const { position, victims, displaced, stopping } = choice;
      // Rules about neighbours may have changed by what was carried out on other nodes.
      if (!this.#preemptor.wouldFit(snapshot, position, [...stopping, ...victims, ...displaced])) continue;
      // A budget that had one to spare has none any more, if what was carried out took it.
      if (budgetViolations(victims, this.#occupants) > choice.cost.budgetViolations) {
        this.#reconsider(snapshot, position);
        continue;
      }
      this.#carriedOut = position;
      return { nodeName: snapshot.at(position).node.name, victims, displaced, stopping };
    }
  }

  #estimate(snapshot: Snapshot, position: number): number {
    const view = snapshot.at(position);
    const freeable = this.#occupants.freeableOn(view.node.name);
    if (freeable === undefined) return Number.POSITIVE_INFINITY;
    return estimateCost(view, freeable, this.#preemptor.footprint, this.#preemptor.priority);
  }

  /** Looks at the cheapest nodes exactly, as far as the limits go. */
  #look(snapshot: Snapshot): void {
    let instances = 0;
    let looks = 0;
    let best = Number.POSITIVE_INFINITY;
    for (const { cost } of this.#choices)
      if (cost.budgetViolations === 0) best = Math.min(best, cost.highestPriority);
    while (this.#choices.length < preemptionLimits.candidatesMax) {
      if (instances >= preemptionLimits.instancesMax && this.#choices.length > 0) return;
      const estimate = this.#estimates.leastCost();
      // The estimate never names too high a priority, so no node that is left is better.
      if (highestVictimPriority(estimate) > best) return;
      this.#isCutShort = looks >= this.#looksMax && this.#choices.length === 0;
      if (this.#isCutShort) return;
      const position = this.#estimates.pop();
      if (position === undefined) return;
      this.#looked++;
      if (!this.#preemptor.admits(snapshot, position)) continue;
      looks++;
      const choice = chooseVictims(snapshot, position, this.#preemptor, this.#occupants, estimate);
      instances += snapshot.at(position).committed.instances;
      if (choice === undefined) continue;
      this.#choices.push(choice);
      if (choice.cost.budgetViolations === 0) best = Math.min(best, choice.cost.highestPriority);
      // Nothing is better than nobody.
      if (choice.victims.length === 0) return;
    }
  }

  #reconsider(snapshot: Snapshot, position: number): void {
    const estimate = this.#estimate(snapshot, position);
    const choice = chooseVictims(snapshot, position, this.#preemptor, this.#occupants, estimate);
    if (choice !== undefined) this.#choices.push(choice);
  }

  #takeBest(): VictimChoice | undefined {
    let best = 0;
    for (let place = 1; place < this.#choices.length; place++) {
      const [one, other] = [this.#choices[place], this.#choices[best]];
      if (one && other && (compareCosts(one.cost, other.cost) || one.position - other.position) < 0)
        best = place;
    }
    const choice = this.#choices[best];
    const last = this.#choices.pop();
    if (last !== undefined && last !== choice) this.#choices[best] = last;
    return choice;
  }
}
