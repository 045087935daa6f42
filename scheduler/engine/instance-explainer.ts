/** Answers why an instance is where it is, or why it waits: from what was noted, and from what every rule says now. */
import type { InstanceExplanation, InstanceExplanationStatus } from "../../api/gen/kinds.gen.ts";
import type { Clock } from "../../kit/clock.ts";
import { WherryError } from "../../kit/errors.ts";
import { toTimestamp } from "../../kit/timestamps.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance } from "../core/model.ts";
import { ExplanationDraft, type NodeReport } from "../core/placement/explanation.ts";
import type { Profile } from "../core/placement/framework.ts";
import { surveyNodes } from "../core/placement/node-survey.ts";
import type { QueuePlace } from "../core/placement/queue.ts";
import { quotaRemedy } from "../core/quota/check-quotas.ts";
import type { QuotaBook } from "../core/quota/quota-book.ts";
import type { Decision } from "./decision-log.ts";
import type { PlacementRunner, Whereabouts } from "./placement-runner.ts";
import { quotaRule } from "./proposer.ts";
import { reportsWithout } from "./present-reports.ts";
import { requirementsFor } from "./present-requirements.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";
import { TimeBudget } from "./time-budget.ts";

export interface InstanceExplainerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly quotas: Pick<QuotaBook, "allowance" | "of">;
  readonly placement: PlacementRunner;
  readonly entryOf: (ownerUid: string, templateHash: string) => CatalogueEntry | undefined;
}

type Obstacle = InstanceExplanationStatus["obstacles"][number];
type Waiting = NonNullable<InstanceExplanationStatus["waiting"]>;

/** Whoever may view a namespace may ask; placement and sessions have the rest of each second. */
const explainMsMax = 250;

export class InstanceExplainer {
  readonly #options: InstanceExplainerOptions;
  // How long it takes is of this machine: no clock that tests turn.
  readonly #budget = new TimeBudget(explainMsMax, 1_000, () => performance.now());

  constructor(options: InstanceExplainerOptions) {
    this.#options = options;
  }

  /** Throws a `WherryError` ExplanationsBusy when more is asked than the scheduler has time for. */
  explain(instance: Instance, limit: number): InstanceExplanation {
    if (!this.#budget.hasTime)
      throw new WherryError(
        "ExplanationsBusy",
        `explain instance ${instance.name}: ${explainMsMax} ms of this second have been spent on explanations; try again`,
        { retryable: true },
      );
    return this.#budget.spend(() => this.#explain(instance, limit));
  }

  /** Looks at every node with every rule once: some milliseconds for a thousand. */
  #explain(instance: Instance, limit: number): InstanceExplanation {
    const { clock, placement, entryOf } = this.#options;
    const whereabouts = placement.whereabouts(instance);
    const { place, decision } = whereabouts;
    const noted = currentDecision(instance, decision);
    const requirements =
      place?.request.requirements ??
      noted?.requirements ??
      requirementsFor(instance, entryOf(instance.owner.uid, instance.templateHash));
    const profile = placement.placer.profile({ requirements });
    const reports = reportsWithout(instance, requirements, this.#options.state, placement.placer);
    const { state, owner } = instance;
    const own = state.kind === "pending" ? undefined : state.nodeName;
    const obstacles = state.kind === "pending" ? this.#obstacles(instance, whereabouts) : [];
    const nominated = state.kind === "pending" ? state.nominatedNode : undefined;
    const status: InstanceExplanationStatus = {
      phase: phaseOf(instance),
      ...(own === undefined ? {} : { nodeName: own }),
      message: messageOf(instance, obstacles, place, reports),
      ...(noted ? { decision: this.#decisionOf(noted) } : {}),
      ...(state.kind === "pending" ? { waiting: this.#waitingOf(instance, place, profile) } : {}),
      ...(nominated === undefined ? {} : { nominatedNodeName: nominated }),
      obstacles,
      nodes: surveyNodes(reports, limit, own),
    };
    return {
      apiVersion: "live.wherry.dev/v1alpha1",
      kind: "InstanceExplanation",
      metadata: {
        name: instance.name,
        namespace: instance.namespace,
        uid: instance.uid,
        // An answer is of the moment in which it is made.
        creationTimestamp: toTimestamp(clock.now()),
        resourceVersion: "",
      },
      spec: {
        owner: { kind: owner.kind, name: owner.name },
        profile: profile.name,
        templateHash: instance.templateHash,
        limit,
      },
      status,
    };
  }

  #obstacles({ state }: Instance, { place, isParked, isGathering }: Whereabouts): readonly Obstacle[] {
    if (state.kind !== "pending") return [];
    if (isParked) return [{ rule: state.reason, message: state.message }];
    if (isGathering) return [{ rule: "gang", message: "the rest of its gang is being made" }];
    if (state.nominatedNode !== undefined) return [];
    if (place === undefined)
      return [{ rule: "held", message: "its workload waits until all nodes have reported" }];
    const { quotas } = this.#options;
    const { quota } = place.request;
    const { refusal } = quotas.allowance(quota, 1);
    if (refusal === undefined) return [];
    const remedy = quotaRemedy(quotas.of(quota.namespace), quota);
    return [{ rule: quotaRule, message: refusal, remedy }];
  }

  #decisionOf({
    choice,
    requirements,
    decidedMs,
  }: Decision): NonNullable<InstanceExplanationStatus["decision"]> {
    const { placer } = this.#options.placement;
    return {
      time: toTimestamp(decidedMs),
      profile: placer.profile({ requirements }).name,
      nodeName: choice.base.node.name,
      score: choice.score,
      scores: placer.scoresOf(requirements, choice),
      feasibleNodes: choice.feasibleCount,
      nodes: choice.nodeCount,
      ...(choice.runnerUp === ""
        ? {}
        : { runnerUp: { nodeName: choice.runnerUp, score: choice.runnerUpScore } }),
    };
  }

  #waitingOf({ state: where }: Instance, place: QueuePlace | undefined, profile: Profile): Waiting {
    if (where.kind === "pending" && where.nominatedNode !== undefined)
      return {
        state: "Nominated",
        attempts: place?.failedAttempts ?? 0,
        alike: 1,
        waitsFor: [`the room that is reserved on ${where.nominatedNode}`, ...(place ? ["another node"] : [])],
      };
    if (place === undefined)
      return {
        state: "Parked",
        attempts: 0,
        alike: 1,
        waitsFor: ["a change of what its template refers to"],
      };
    const { state, failedAttempts: attempts, alike } = place;
    const shared = { attempts, alike };
    switch (state.kind) {
      case "active":
        return { state: "Active", ...shared, waitsFor: ["its turn, which is now"] };
      case "backoff":
        return {
          state: "Backoff",
          until: this.#wallTime(state.untilMs),
          ...shared,
          waitsFor: ["the end of its rest between two attempts"],
        };
      default:
        return {
          state: "Unschedulable",
          since: this.#wallTime(state.parkedMs),
          ...shared,
          waitsFor: wakersOf(state.explanation.rejectedBy, profile),
        };
    }
  }

  /** The queue counts on a clock that never goes back. */
  #wallTime(monotonicMs: number): string {
    const { clock } = this.#options;
    return toTimestamp(clock.now() - clock.monotonic() + monotonicMs);
  }
}

/** A decision that was carried out. */
function currentDecision({ state }: Instance, decision: Decision | undefined): Decision | undefined {
  if (state.kind === "pending" || decision?.choice.base.node.name !== state.nodeName) return undefined;
  return decision;
}

function phaseOf({ state }: Instance): InstanceExplanationStatus["phase"] {
  if (state.kind === "pending") return "Pending";
  return state.kind === "ended" ? "Ended" : "Placed";
}

function messageOf(
  { state }: Instance,
  obstacles: readonly Obstacle[],
  place: QueuePlace | undefined,
  reports: readonly NodeReport[],
): string {
  if (state.kind === "ended") return `it has ended on ${state.nodeName}`;
  const takers = reports.filter(({ kind }) => kind === "feasible").length;
  if (state.kind === "pending") {
    const [first] = obstacles;
    if (first) return first.message;
    // Of a nominated one its preemption has said what it waits for; of a gang the verdict is about all of it.
    if (state.nominatedNode !== undefined) return state.message;
    if (place?.request.isGang && place.state.kind === "unschedulable") return place.state.explanation.message;
    if (takers === 0) return verdictOf(reports);
    return `${takers} of ${reports.length} nodes would take it now; it is its turn next`;
  }
  const own = reports.find(({ nodeName }) => nodeName === state.nodeName);
  if (own?.kind === "feasible") {
    const better = reports.filter((report) => report.kind === "feasible" && report.total > own.total).length;
    const rank =
      better === 0 ? "the best place for it now" : `today ${better} other nodes would be preferred`;
    return `it is on ${state.nodeName}, ${rank}`;
  }
  return own === undefined
    ? `it is on ${state.nodeName}, which is gone`
    : `it is on ${state.nodeName}, which would not take it again today`;
}

/** Exactly what the queue's hints listen to. */
function wakersOf(rejectedBy: ReadonlySet<string>, { filters, topology }: Profile): readonly string[] {
  if (rejectedBy.has(quotaRule)) return ["the end of an instance of the namespace", "a change of its quotas"];
  const reads = filters.filter(({ name }) => rejectedBy.has(name)).map((plugin) => plugin.reads);
  const isTopology = topology.some(({ plugin }) => rejectedBy.has(plugin.name));
  return [
    ...(reads.includes("allocation") ? ["the end of an instance on a node"] : []),
    ...(isTopology ? ["instances near which, or apart from which, it may be"] : []),
    ...(reads.length > 0 || isTopology ? ["a change of a node"] : []),
    "a new node",
  ];
}

function verdictOf(reports: readonly NodeReport[]): string {
  const draft = new ExplanationDraft();
  for (const report of reports) {
    const first = report.kind === "rejected" ? report.rejections[0] : undefined;
    if (first) draft.add(first, () => report);
  }
  return draft.explanation().message;
}
