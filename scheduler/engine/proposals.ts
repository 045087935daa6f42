import type { AssumeOutcome, InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance } from "../core/model.ts";
import type { NodeSession, NodeTemplate } from "../nodes/node-port.ts";
import type { WorkloadTraces } from "../tracing/workload-traces.ts";

export interface ProposalsOptions {
  readonly state: ClusterState;
  readonly session: (nodeName: string) => NodeSession | undefined;
  readonly changed: (change: InstanceChange) => void;
  /** Sees each proposal that is about to be committed, while its instance is still pending. */
  readonly deciding: ((instance: Instance, nodeName: string) => void) | undefined;
  /** Absent: nobody wants to know. */
  readonly traces?: Pick<WorkloadTraces, "assign"> | undefined;
}

export interface Proposal {
  readonly instance: Instance;
  readonly nodeName: string;
}

/** Commits what placement proposes, and gives it to the nodes: the Reserve, Permit and Bind of kube-scheduler. */
export class Proposals {
  readonly #options: ProposalsOptions;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** Each by itself. Returns the instances whose proposal no longer held. */
  commitEach(proposals: readonly Proposal[], template: NodeTemplate): readonly string[] {
    const rejected: string[] = [];
    for (const { instance, nodeName } of proposals) {
      const outcome = this.#assume(instance, nodeName);
      if (outcome?.kind === "assumed") this.#bind(outcome.change, nodeName, template);
      else if (outcome?.kind !== "gone") rejected.push(instance.uid);
    }
    return rejected;
  }

  /** All or none; returns whether all. Nobody hears of an attempt that was undone. */
  commitAll(proposals: readonly Proposal[], template: NodeTemplate): boolean {
    const assumed: InstanceChange[] = [];
    for (const { instance, nodeName } of proposals) {
      const outcome = this.#assume(instance, nodeName);
      if (outcome?.kind !== "assumed") {
        for (const change of assumed) this.#undo(change);
        return false;
      }
      assumed.push(outcome.change);
    }
    for (const change of assumed) this.#bind(change, boundTo(change.instance), template);
    return true;
  }

  #assume(instance: Instance, nodeName: string): AssumeOutcome | undefined {
    const { state, session, deciding } = this.#options;
    if (!session(nodeName)) return undefined;
    deciding?.(instance, nodeName);
    return state.assume(instance.uid, nodeName);
  }

  #bind(change: InstanceChange, nodeName: string, template: NodeTemplate): void {
    const { session, traces, changed } = this.#options;
    const { instance } = change;
    const assign = (traceparent?: string) => session(nodeName)?.assign(instance, template, traceparent);
    if (traces) traces.assign(instance, nodeName, assign);
    else assign();
    changed(change);
  }

  #undo({ instance: { uid }, before }: InstanceChange): void {
    const { state } = this.#options;
    state.forget(uid);
    if (before?.state.kind !== "pending") return;
    if (before.state.nominatedNode !== undefined) state.nominate(uid, before.state.nominatedNode);
    state.explainPending(uid, before.state.reason, before.state.message);
  }
}

function boundTo({ state }: Instance): string {
  return state.kind === "pending" ? "" : state.nodeName;
}
