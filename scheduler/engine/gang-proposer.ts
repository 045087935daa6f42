/**
 * Places gangs: all that wait of one, or none.
 *
 *   all have a node ──▶ committed together
 *   others could make room for the rest ──▶ preemption: all of it nominated, placed together later
 *   its turn to collect ──▶ what it has found is reserved, and stays so until the rest is found or its turn is over
 *   otherwise ──▶ waits, and holds nothing
 */
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { Instance } from "../core/model.ts";
import type { Explanation } from "../core/placement/explanation.ts";
import {
  explainGang,
  explainGangQuota,
  explainGangTooLarge,
} from "../core/placement/gangs/gang-explanation.ts";
import { GangTurns } from "../core/placement/gangs/gang-turns.ts";
import { gangLimits } from "../core/placement/gangs/limits.ts";
import { placesWithoutEquals } from "../core/placement/preemption/quick-estimate.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";
import { footprintOf } from "../core/resources.ts";
import type { NodeTemplate } from "../nodes/node-port.ts";
import type { Proposal } from "./proposals.ts";
import {
  allPlaced,
  nothingProposed,
  pairs,
  quotaRule,
  type ProposalOutcome,
  type ProposerOptions,
} from "./proposer.ts";

export interface GangProposerOptions extends ProposerOptions {
  readonly changed: (change: InstanceChange) => void;
}

export class GangProposer {
  readonly turns = new GangTurns();
  readonly #options: GangProposerOptions;

  constructor(options: GangProposerOptions) {
    this.#options = options;
  }

  /** `instances`: all that wait of the gang. */
  propose(
    queued: QueuedRequest,
    instances: readonly Instance[],
    template: NodeTemplate,
    nowMs: number,
  ): ProposalOutcome {
    const { quotas, placer, state, preemption } = this.#options;
    const size = instances.length;
    const { kept, rest } = this.#split(queued, instances);
    if (size > gangLimits.sizeMax) return this.#refuse(queued, instances, kept, explainGangTooLarge(size));
    const { count, refusal } = quotas.allowance(queued.quota, rest.length);
    if (kept.length > 0 && quotas.isExceeded(queued.quota)) {
      const { refusal: why } = quotas.allowance(queued.quota, 1);
      return this.#refuse(queued, instances, kept, explainGangQuota(size, 0, quotaRule, why));
    }
    if (count < rest.length) {
      const explanation = explainGangQuota(size, kept.length + count, quotaRule, refusal);
      return this.#refuse(queued, instances, kept, explanation);
    }
    const placement =
      rest.length === 0
        ? nothingProposed
        : placer.placeBatch(state.snapshot(), this.#options.request(queued), rest.length);
    const { nodeNames, explanation } = placement;
    if (explanation === undefined) {
      const outcome = this.#commit(queued, [...kept, ...pairs(rest, nodeNames)], template);
      this.#options.decided(rest, queued, placement, outcome.rejected);
      return outcome;
    }
    this.#options.decided(rest, queued, nothingProposed, []);
    if (preemption.preemptGang(queued, instances, pairs(rest, nodeNames))) {
      this.turns.over(queued.key);
      return { ...allPlaced, nominated: instances };
    }
    const isKept = this.#keep(queued, kept, pairs(rest, nodeNames), size, nowMs);
    const placed = kept.length + nodeNames.length;
    return waiting(instances, explainGang(size, placed, isKept, explanation));
  }

  /** Those that have a place reserved which is still one, and the others. */
  #split(queued: QueuedRequest, instances: readonly Instance[]) {
    const { state, placer } = this.#options;
    const kept: Proposal[] = [];
    const rest: Instance[] = [];
    for (const instance of instances) {
      const nodeName = instance.state.kind === "pending" ? instance.state.nominatedNode : undefined;
      if (nodeName === undefined) {
        rest.push(instance);
        continue;
      }
      const snapshot = state.snapshot();
      const position = snapshot.positionOf(nodeName);
      const fits =
        position !== undefined &&
        placer.wouldFit(snapshot, this.#options.request(queued), position, [instance]);
      if (fits) kept.push({ instance, nodeName });
      else rest.push(this.#giveUp(instance));
    }
    return { kept, rest };
  }

  #commit(queued: QueuedRequest, proposals: readonly Proposal[], template: NodeTemplate): ProposalOutcome {
    this.turns.over(queued.key);
    if (this.#options.proposals.commitAll(proposals, template)) return allPlaced;
    return { ...allPlaced, rejected: proposals.map(({ instance }) => this.#giveUp(instance).uid) };
  }

  #refuse(
    queued: QueuedRequest,
    instances: readonly Instance[],
    kept: readonly Proposal[],
    explanation: Explanation,
  ): ProposalOutcome {
    this.turns.over(queued.key);
    for (const { instance } of kept) this.#giveUp(instance);
    return waiting(instances, explanation);
  }

  /** Reserves what was found, if it is this gang's turn; otherwise gives up what is reserved. */
  #keep(
    queued: QueuedRequest,
    kept: readonly Proposal[],
    found: readonly Proposal[],
    size: number,
    nowMs: number,
  ): boolean {
    const { turns } = this;
    const isTurn = turns.mayCollect(queued.key, queued.priority, nowMs);
    const couldFit = isTurn && (kept.length > 0 || this.#placesAtMost(queued, size) >= size);
    if (!couldFit) {
      if (isTurn) turns.over(queued.key);
      for (const { instance } of kept) this.#giveUp(instance);
      return false;
    }
    for (const { instance, nodeName } of found) {
      const change = this.#options.state.nominate(instance.uid, nodeName);
      if (change) this.#options.changed(change);
    }
    if (found.length > 0) turns.progressed(queued.key, nowMs);
    return true;
  }

  #giveUp(instance: Instance): Instance {
    const change = this.#options.state.withdraw(instance.uid);
    if (change) this.#options.changed(change);
    return change?.instance ?? instance;
  }

  /** How many places there could be, if all of its priority and lower went: at least `enough`, or all that there are. */
  #placesAtMost(queued: QueuedRequest, enough: number): number {
    const { state, placer } = this.#options;
    const snapshot = state.snapshot();
    const request = this.#options.request(queued);
    const footprint = footprintOf(queued.requirements);
    let places = 0;
    for (let position = 0; position < snapshot.size && places < enough; position++) {
      if (!placer.admits(snapshot, request, position)) continue;
      const view = snapshot.at(position);
      const freeable = state.freeableOn(view.node.name);
      if (freeable) places += placesWithoutEquals(view, freeable, footprint, queued.priority);
    }
    return places;
  }
}

function waiting(instances: readonly Instance[], explanation: Explanation): ProposalOutcome {
  return { ...allPlaced, unplaceable: instances.map(({ uid }) => uid), explanation };
}
