/**
 * Answers what would happen to placement, on a copy of the engine's state. The event loop goes on meanwhile: it is held up for a
 * slice at a time.
 *
 *   idle ── simulate ──▶ busy ── slices of 5 ms, a turn of the event loop between them ──▶ answered ──▶ idle
 *     └── simulate while busy: refused, nothing waits
 *
 * Invariants: one at a time; it ends by its answer, its timeout, or its client's leaving; the copy is let go of then.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PlacementSimulationStatus } from "../../../api/gen/kinds.gen.ts";
import type { Isolation } from "../../../api/isolation.ts";
import type { Clock } from "../../../kit/clock.ts";
import { WherryError } from "../../../kit/errors.ts";
import type { PlacementSimulator, SimulationRequest } from "../../apiserver/placement-simulator.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { copyState, partsOf } from "../../core/cluster-state/state-copy.ts";
import type { Standing } from "../../core/disruption/budget-book.ts";
import type { Instance } from "../../core/model.ts";
import { groupRefusals } from "../../core/placement/node-survey.ts";
import type { NodeSnapshot } from "../../core/placement/snapshot.ts";
import type { PlacementConfiguration } from "../../core/placement/profile-declaration.ts";
import type { PriorityClasses } from "../../core/priority-classes.ts";
import type { QuotaBook } from "../../core/quota/quota-book.ts";
import type { ConfigLookup } from "../../core/templates/resolve-template.ts";
import { type CatalogueEntry, TemplateCatalogue } from "../template-catalogue.ts";
import { drainObstacles } from "../disruption/drain-outlook.ts";
import { templateOwner, type Workload } from "../workloads.ts";
import { carryOut, SimulatedWorkloads } from "./actions.ts";
import { type Census, namesOf, takeCensus } from "./census.ts";
import { limits } from "./limits.ts";
import { movesBetween, nodeChanges, totalsOf } from "./outcome.ts";
import { isSimulated, SimulatedCluster, type SimulatedPreemption } from "./simulated-cluster.ts";

export interface EngineSimulatorOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly quotas: QuotaBook;
  readonly priorities: PriorityClasses;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly entryOf: (workload: Workload) => CatalogueEntry;
  readonly isolationFor: (workload: Workload, entry: CatalogueEntry) => Isolation;
  readonly lookup: (namespace: string) => ConfigLookup;
  readonly placement: PlacementConfiguration;
  /** Budgets that do not allow to stop this instance now. */
  readonly refusals: (instance: Instance) => readonly Standing[];
}

type Waiting = PlacementSimulationStatus["pending"][number];

export class EngineSimulator implements PlacementSimulator {
  readonly #options: EngineSimulatorOptions;
  #isBusy = false;

  constructor(options: EngineSimulatorOptions) {
    this.#options = options;
  }

  async simulate(request: SimulationRequest, signal: AbortSignal): Promise<PlacementSimulationStatus> {
    if (this.#isBusy)
      throw new WherryError(
        "SimulationBusy",
        "simulate placement: another simulation is running; one at a time",
        {
          retryable: true,
        },
      );
    this.#isBusy = true;
    try {
      return await this.#inSlices(this.#run(request), signal);
    } finally {
      this.#isBusy = false;
    }
  }

  async #inSlices<T>(work: Generator<void, T>, signal: AbortSignal): Promise<T> {
    // How long others are held up is of this machine, not of the cluster: no clock that tests turn.
    const startMs = performance.now();
    for (;;) {
      const sliceMs = performance.now();
      while (performance.now() - sliceMs < limits.sliceMs) {
        const step = work.next();
        if (step.done) return step.value;
      }
      if (sliceMs - startMs > limits.timeoutMs)
        throw new WherryError(
          "SimulationTooLarge",
          `simulate placement: it has no answer after ${limits.timeoutMs / 1_000} s; try less at a time`,
        );
      await nextTurn(undefined, { signal });
    }
  }

  *#run({ actions, limit }: SimulationRequest): Generator<void, PlacementSimulationStatus> {
    const parts = partsOf(this.#options.state);
    const before = yield* takeCensus(parts.nodes, parts.instances);
    const workloads = new SimulatedWorkloads(new Map(this.#options.workloads));
    const state = yield* copyState(parts);
    const cluster = this.#clusterOf(state, workloads);
    try {
      for (const action of actions) {
        carryOut(action, cluster, workloads);
        yield;
      }
      yield* cluster.settle();
      const after = yield* takeCensus(viewsOf(state), state.instances());
      const answer = yield* this.#answer(before, after, cluster, limit);
      const obstacles = this.#drainObstacles(actions);
      return { ...answer, message: [answer.message, ...obstacles].join(". ") };
    } finally {
      cluster.close();
    }
  }

  #clusterOf(state: ClusterState, workloads: SimulatedWorkloads): SimulatedCluster {
    const { clock, quotas, priorities, entryOf, isolationFor, lookup, placement } = this.#options;
    const applied = new TemplateCatalogue({
      lookup,
      revisionTemplate: () => undefined,
      latestTemplate: () => undefined,
    });
    return new SimulatedCluster({
      state,
      quotas: quotas.copyFor(state.quotaUsage),
      priorities,
      workload: (uid) => workloads.get(uid),
      entryOf: (workload) =>
        workloads.applied.has(workload.object.metadata.uid)
          ? applied.entry(templateOwner(workload))
          : entryOf(workload),
      isolationFor,
      placement,
      nowMs: clock.now(),
    });
  }

  /** What the real drain would have to wait for. The one that is tried asks no budget. */
  #drainObstacles(actions: SimulationRequest["actions"]): readonly string[] {
    const { state, workloads, refusals } = this.#options;
    const there = actions.flatMap((action) =>
      action.kind === "drain" ? [...state.instancesOn(action.nodeName)] : [],
    );
    return drainObstacles(there, { workload: (uid) => workloads.get(uid), refusals });
  }

  *#answer(
    before: Census,
    after: Census,
    cluster: SimulatedCluster,
    limit: number,
  ): Generator<void, PlacementSimulationStatus> {
    const moves = movesBetween(before, after);
    yield;
    const nodes = nodeChanges(before, after);
    yield;
    const pending = yield* waitingOf(before, after, cluster, limit);
    const preemptions = countPreemptions(cluster.preemptions);
    const totals = { before: totalsOf(before), after: totalsOf(after) };
    const hidden = (list: readonly unknown[]) => Math.max(0, list.length - limit);
    return {
      message: messageOf(moves, totals),
      ...totals,
      moves: moves.slice(0, limit),
      pending: pending.slice(0, limit),
      preemptions: preemptions.slice(0, limit),
      nodes: nodes.slice(0, limit),
      omitted: hidden(moves) + hidden(pending) + hidden(nodes) + hidden(preemptions),
    };
  }
}

/** Of what the cluster has now: what the simulation itself has placed was never there. */
function countPreemptions(
  preemptions: readonly SimulatedPreemption[],
): PlacementSimulationStatus["preemptions"] {
  const groups = Map.groupBy(
    preemptions.filter(({ victim }) => !isSimulated(victim)),
    ({ victim, nodeName }) => `${victim.owner.uid} ${nodeName}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first ? [{ ...namesOf(first.victim), nodeName: first.nodeName, count: group.length }] : [];
  });
}

function* waitingOf(
  before: Census,
  after: Census,
  cluster: SimulatedCluster,
  limit: number,
): Generator<void, readonly Waiting[]> {
  const wasPending = new Map<string, number>();
  for (const { owner } of before.pending) {
    wasPending.set(owner.uid, (wasPending.get(owner.uid) ?? 0) + 1);
    yield;
  }
  const groups = new Map<string, { readonly first: Instance; readonly message: string; count: number }>();
  for (const instance of after.pending) {
    yield;
    if (instance.state.kind !== "pending") continue;
    const [message = ""] = instance.state.message.split("\n", 1);
    const key = `${instance.owner.uid} ${message}`;
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { first: instance, message, count: 1 });
  }
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count);
  const waiting: Waiting[] = [];
  for (const { first, message, count } of sorted) {
    const isExplained = waiting.length < Math.min(limit, limits.explainedGroups);
    waiting.push({
      ...namesOf(first),
      count,
      wasPending: wasPending.get(first.owner.uid) ?? 0,
      message,
      refused: isExplained ? refusedFor(first, cluster) : [],
    });
    yield;
  }
  return waiting;
}

function refusedFor(instance: Instance, { state, runner }: SimulatedCluster): Waiting["refused"] {
  const { place } = runner.whereabouts(instance);
  // A quota or a missing ConfigMap holds it, whatever the nodes say.
  if (place?.state.kind !== "unschedulable" || place.state.explanation.nodeCount === 0) return [];
  const { key, requirements, targetNode } = place.request;
  const reports = runner.placer.explain(state.snapshot(), {
    key,
    requirements,
    neighbours: state.neighbours,
    targetNode,
  });
  return groupRefusals(reports, limits.refusedNodes).refused;
}

function* viewsOf(state: ClusterState): Iterable<NodeSnapshot> {
  for (const { name } of state.nodes()) {
    const view = state.view(name);
    if (view) yield view;
  }
}

function messageOf(
  moves: PlacementSimulationStatus["moves"],
  { before, after }: Pick<PlacementSimulationStatus, "before" | "after">,
): string {
  const sum = (of: (move: (typeof moves)[number]) => boolean) =>
    moves.filter(of).reduce((all, { count }) => all + count, 0);
  const moved = sum(({ from, to }) => from !== undefined && to !== undefined);
  const placed = sum(({ from }) => from === undefined);
  const gone = sum(({ to }) => to === undefined);
  const parts = [
    `${moved} ${moved === 1 ? "instance moves" : "instances move"}`,
    `${placed} ${placed === 1 ? "gets a node" : "get a node"} that had none`,
    ...(gone > 0 ? [`${gone} ${gone === 1 ? "loses its" : "lose their"} node`] : []),
    `${after.pending} ${after.pending === 1 ? "waits" : "wait"} (${before.pending} now)`,
  ];
  return parts.join(", ");
}
