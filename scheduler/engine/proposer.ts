import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance } from "../core/model.ts";
import { explainWithoutNodes, type Explanation } from "../core/placement/explanation.ts";
import type { PlacementRequest } from "../core/placement/framework.ts";
import type { BatchPlacement } from "../core/placement/choice.ts";
import type { Placer } from "../core/placement/placer.ts";
import type { BatchOutcome, QueuedRequest } from "../core/placement/queue.ts";
import type { Snapshot } from "../core/placement/snapshot.ts";
import type { QuotaBook } from "../core/quota/quota-book.ts";
import type { NodeTemplate } from "../nodes/node-port.ts";
import type { Preemption, PreemptionOutcome } from "./preemption.ts";
import type { Proposal, Proposals } from "./proposals.ts";

export interface ProposerOptions {
  readonly state: ClusterState;
  readonly quotas: Pick<QuotaBook, "allowance" | "isExceeded">;
  readonly placer: Placer;
  readonly preemption: Preemption;
  readonly proposals: Proposals;
  /** As placement asks for them. */
  readonly request: (queued: QueuedRequest) => PlacementRequest;
  /** Nodes were looked at for these; `rejected` are the proposals that were not committed. */
  readonly decided: (
    instances: readonly Instance[],
    queued: QueuedRequest,
    placement: BatchPlacement,
    rejected: readonly string[],
  ) => void;
}

export interface ProposalOutcome extends BatchOutcome {
  /** They have a node reserved, and wait for it. */
  readonly nominated: readonly Instance[];
  /** Why no other node takes those. */
  readonly noOtherNode: Explanation | undefined;
  /** What to do about them takes another turn. */
  readonly undecided: readonly string[];
}

/** The name under which quotas stand among the rules that reject. */
export const quotaRule = "resource-quota";

export const allPlaced: ProposalOutcome = {
  unplaceable: [],
  explanation: undefined,
  rejected: [],
  nominated: [],
  noOtherNode: undefined,
  undecided: [],
};

const nothingPreempted: PreemptionOutcome = { nominated: [], isUnfinished: false };

export const nothingProposed: BatchPlacement = { nodeNames: [], choices: [], explanation: undefined };

/** What to do about instances whose turn it is: asks the quotas, then the nodes, then for room; and commits the answers. */
export class Proposer {
  readonly #options: ProposerOptions;

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  /** Places as many of these as the quotas and then the nodes take. They are alike, and there is at least one. */
  propose(queued: QueuedRequest, instances: readonly Instance[], template: NodeTemplate): ProposalOutcome {
    const { quotas } = this.#options;
    const { count } = quotas.allowance(queued.quota, instances.length);
    const placement =
      count > 0 ? this.#options.placer.placeBatch(...this.#asked(queued), count) : nothingProposed;
    const { nodeNames, explanation } = placement;
    const rejected = this.#options.proposals.commitEach(pairs(instances, nodeNames), template);
    if (count > 0) this.#options.decided(instances.slice(0, count), queued, placement, rejected);
    const { nominated, isUnfinished } = explanation
      ? this.#options.preemption.preemptEach(queued, instances.slice(nodeNames.length, count))
      : nothingPreempted;
    const outcome = { ...allPlaced, rejected, nominated, noOtherNode: explanation };
    const served = nodeNames.length + nominated.length;
    const left = instances.slice(served).map(({ uid }) => uid);
    if (left.length === 0) return outcome;
    if (isUnfinished) return { ...outcome, undecided: left };
    if (explanation && served < count) return { ...outcome, unplaceable: left, explanation };
    // Asked again: what was committed and reserved counts, and what the nodes did not take after all leaves room for others.
    const { refusal } = quotas.allowance(queued.quota, 1);
    if (refusal === undefined) return { ...outcome, rejected: [...rejected, ...left] };
    return { ...outcome, unplaceable: left, explanation: explainWithoutNodes(quotaRule, refusal) };
  }

  /** Another node for those that have one reserved, if there is one now. Their quota is charged already, and nobody has to go. */
  proposeElsewhere(
    queued: QueuedRequest,
    instances: readonly Instance[],
    template: NodeTemplate,
  ): ProposalOutcome {
    // A quota that was lowered since, or instances that turned up on a node.
    if (this.#options.quotas.isExceeded(queued.quota)) {
      this.#options.preemption.withdrawAll(instances);
      return allPlaced;
    }
    const [snapshot, request] = this.#asked(queued);
    const placement = this.#options.placer.placeBatch(snapshot, request, instances.length);
    const { nodeNames, explanation } = placement;
    const rejected = this.#options.proposals.commitEach(pairs(instances, nodeNames), template);
    this.#options.decided(instances, queued, placement, rejected);
    const unplaceable = instances.slice(nodeNames.length).map(({ uid }) => uid);
    return { ...allPlaced, unplaceable, explanation, rejected };
  }

  #asked(queued: QueuedRequest): [Snapshot, PlacementRequest] {
    return [this.#options.state.snapshot(), this.#options.request(queued)];
  }
}

export function pairs(instances: readonly Instance[], nodeNames: readonly string[]): readonly Proposal[] {
  return nodeNames.flatMap((nodeName, place) => {
    const instance = instances[place];
    return instance ? [{ instance, nodeName }] : [];
  });
}
