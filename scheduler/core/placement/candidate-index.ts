/**
 * The nodes that can take an instance of one request, best first, kept from one snapshot to the next.
 *
 *   follow(snapshot)   judges the nodes that the journal names since the snapshot before (all, after a new layout)
 *   best()             the best of the tops of the classes whose topology rules pass
 *   takeBatch(n)       best, count the instance on that node, judge that node again: O(log nodes + classes) per instance
 *
 * Nodes that the rules about single nodes let pass stand in heaps, one per class of equal domains (see Topology). Without topology rules
 * there is one class, and the best node is the top of one heap.
 *
 * A batch counts on top of the snapshot only while it runs: the nodes it touched are looked at by the next follow, whether or not
 * the proposals were committed; those that are exactly as the batch left them were judged so already. Equal scores go round
 * robin: a node that was judged again goes behind its equals, starting at the position that the seed names.
 *
 * Invariant after follow: the heaps hold exactly the nodes that pass every filter of single nodes in that snapshot, with their scores,
 * and each class holds nodes of one `classOf` only.
 */
import { Bug } from "../../../kit/errors.ts";
import type { Instance, NodeCapacity, PlacementRequirements, Resources } from "../model.ts";
import { committedWith, footprintOf } from "../resources.ts";
import type { BatchPlacement, Choice } from "./choice.ts";
import {
  ExplanationDraft,
  explainTarget,
  firstRejection,
  reportNode,
  type Explanation,
  type NodeReport,
  type PluginScore,
} from "./explanation.ts";
import type { NodeRequirements, NodeView, PlacementRequest, Profile } from "./framework.ts";
import type { Concern, InstanceCounts } from "./neighbours.ts";
import { NodeClasses } from "./node-classes.ts";
import { type Addition, ReusableView } from "./reusable-view.ts";
import { passes, prepareProfile, totalScore, type PreparedProfile } from "./prepared-profile.ts";
import { portsWith, withoutInstances, type NodeSnapshot, type Snapshot } from "./snapshot.ts";
import { canonicalJson } from "../templates/template-hash.ts";
import { type DomainBook, NodeVerdicts } from "./topology/domains.ts";
import { Topology, type TopologyScorer } from "./topology/topology.ts";

/** A node as it was before a batch, and what the batch put on it. */
interface Expected {
  readonly base: NodeSnapshot;
  readonly addition: Addition;
  readonly ownerInstances: number;
}

export class CandidateIndex implements Disposable {
  readonly #profile: Profile;
  readonly #seed: number;
  readonly #book: DomainBook;
  #request: PlacementRequest;
  #prepared: PreparedProfile;
  #topology: Topology;
  #scorers: readonly TopologyScorer[] = [];
  #concerns: readonly Concern[];
  #concernsVersion: number;
  #recountVersion: number;
  #snapshot: Snapshot | undefined;
  #classes = new NodeClasses(0);
  /** What the rules about nodes alone say; shared with templates that are alike. */
  readonly #kind: string;
  #verdicts: NodeVerdicts = new NodeVerdicts(0);
  readonly #additions = new Map<number, Addition>();
  /** Positions judged with the additions of the last batch, and what they were then judged by. */
  readonly #touched = new Map<number, Expected>();
  #view: ReusableView | undefined;
  #owned: InstanceCounts;
  #order = 0;
  /** What was found with the best position. */
  #ranking: Ranking = noRanking;
  #explanation: Explanation | undefined;

  constructor(profile: Profile, request: PlacementRequest, book: DomainBook, seed: number) {
    this.#profile = profile;
    this.#seed = seed;
    this.#book = book;
    this.#request = request;
    const { requirements, neighbours } = request;
    this.#kind = kindOf(requirements);
    this.#prepared = prepareProfile(profile, requirements, neighbours);
    this.#topology = new Topology([], neighbours, book, 0);
    this.#concerns = neighbours.concerns(requirements.namespace, requirements.labels);
    this.#concernsVersion = neighbours.concernsVersion;
    this.#recountVersion = neighbours.recountVersion;
    this.#owned = neighbours.ownedBy(requirements.ownerUid);
  }

  get prepared(): PreparedProfile {
    return this.#prepared;
  }

  /** Brings the index to this snapshot. `request` has the key that the index was made for. */
  follow(snapshot: Snapshot, request: PlacementRequest): void {
    this.#request = request;
    const last = this.#snapshot;
    const isAnew = this.#haveNeighboursChanged();
    if (last === snapshot && this.#touched.size === 0 && !isAnew) return;
    this.#owned = request.neighbours.ownedBy(request.requirements.ownerUid);
    this.#snapshot = snapshot;
    this.#explanation = undefined;
    const known = last?.journalEnd ?? 0;
    const canFollow =
      last !== undefined &&
      !isAnew &&
      last.layout === snapshot.layout &&
      known >= snapshot.journalStart &&
      known <= snapshot.journalEnd &&
      snapshot.journalEnd - known <= snapshot.size;
    if (canFollow) this.#catchUp(snapshot, known);
    else this.#rebuild(snapshot);
    this.#touched.clear();
  }

  /** The name of the best node, if any takes the request. */
  best(snapshot: Snapshot): string | undefined {
    const position = this.#bestPosition();
    return position < 0 ? undefined : snapshot.at(position).node.name;
  }

  /** Proposes nodes for up to `count` instances; fewer if the nodes are full, and then why. `only`: no other position will do. */
  takeBatch(snapshot: Snapshot, count: number, only?: number): BatchPlacement {
    const { claims } = this.#request.requirements;
    const footprint = footprintOf(this.#request.requirements);
    const nodeNames: string[] = [];
    const choices: Choice[] = [];
    const requested = { ...this.#request.neighbours.requested };
    while (nodeNames.length < count) {
      const position = only === undefined ? this.#bestPosition() : this.#onlyPosition(only);
      if (position < 0) break;
      const { node, committed, ports } = snapshot.at(position);
      nodeNames.push(node.name);
      const known = this.#additions.get(position);
      const choice = this.#choiceOf(snapshot, position, known, requested);
      choices.push(only === undefined ? choice : { ...choice, ...withoutOthers });
      this.#additions.set(position, {
        committed: committedWith(known?.committed ?? committed, footprint, 1),
        ports: portsWith(known?.ports ?? ports, claims.ports, 1),
        count: (known?.count ?? 0) + 1,
      });
      this.#judge(snapshot, position);
    }
    const explanation = nodeNames.length < count ? this.#explain(snapshot, only) : undefined;
    for (const [position, addition] of this.#additions) {
      const base = snapshot.at(position);
      const ownerInstances = this.#owned.on(base.node.name) + addition.count;
      this.#touched.set(position, { base, addition, ownerInstances });
    }
    this.#additions.clear();
    return { nodeNames, choices, explanation };
  }

  explain(snapshot: Snapshot): Explanation {
    this.#explanation ??= this.#explain(snapshot);
    return this.#explanation;
  }

  /** What every rule says of every node. */
  reports(snapshot: Snapshot): readonly NodeReport[] {
    const ranges = this.#ranges();
    return Array.from({ length: snapshot.size }, (_, position) => this.#report(snapshot, position, ranges));
  }

  /** Whether the rules about the node itself let the request on it, whatever is there. */
  admits(snapshot: Snapshot, position: number): boolean {
    return this.#isAdmitted(position, this.#viewOf(snapshot.at(position), undefined));
  }

  /** Whether the node would take an instance if these, which are bound to it or nominated for it, were not there. */
  wouldFit(snapshot: Snapshot, position: number, without: readonly Instance[]): boolean {
    const base = snapshot.at(position);
    const owned = this.#owned.on(base.node.name);
    const view = { ...withoutInstances(base, without), ownerInstances: owned };
    if (!this.#prepared.filters.every(({ filter }) => filter(view).kind === "success")) return false;
    if (this.#topology.isEmpty) return true;
    return this.#topology.passesWithout(position, without, this.#request.neighbours);
  }

  [Symbol.dispose](): void {
    this.#topology[Symbol.dispose]();
  }

  #bestPosition(): number {
    if (this.#topology.isEmpty) return this.#classes.withKey(0)?.heap.top() ?? -1;
    const ranges = this.#scorers.some(({ isRelative }) => isRelative) ? this.#ranges() : undefined;
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    let second = -1;
    let secondScore = Number.NEGATIVE_INFINITY;
    let feasibleCount = 0;
    for (const { heap } of this.#classes.all()) {
      const position = heap.top();
      if (!this.#topology.passes(position)) continue;
      feasibleCount += heap.length;
      const score = this.#classes.scoreOf(position) + this.#topologyScore(position, ranges);
      if (score > bestScore || (score === bestScore && this.#classes.isBefore(position, best))) {
        [second, secondScore] = [best, bestScore];
        [best, bestScore] = [position, score];
      } else if (score > secondScore) [second, secondScore] = [position, score];
    }
    this.#ranking = { ranges, second, secondScore, feasibleCount };
    return best;
  }

  /** This one, if it takes the request; -1 otherwise. */
  #onlyPosition(position: number): number {
    const isFeasible = this.#classes.of(position) !== undefined && this.#topology.passes(position);
    this.#ranking = { ...noRanking, ranges: this.#ranges() };
    return isFeasible ? position : -1;
  }

  /** Of the best position, which is about to be taken. */
  #choiceOf(
    snapshot: Snapshot,
    position: number,
    addition: Addition | undefined,
    requested: Resources,
  ): Choice {
    const base = snapshot.at(position);
    const { ranges, second, secondScore, feasibleCount } = this.#ranking;
    const topologyScore = this.#topologyScore(position, ranges);
    const score = this.#classes.scoreOf(position) + topologyScore;
    const heap = this.#classes.of(position)?.heap;
    // Positions of one class differ in nothing that topology looks at.
    const next = heap?.runnerUp() ?? -1;
    const nextScore = next < 0 ? Number.NEGATIVE_INFINITY : this.#classes.scoreOf(next) + topologyScore;
    const runnerUp = nextScore >= secondScore ? next : second;
    return {
      base,
      committed: addition?.committed ?? base.committed,
      ports: addition?.ports ?? base.ports,
      ownerInstances: this.#owned.on(base.node.name) + (addition?.count ?? 0),
      requested,
      score,
      topologyScores: this.#scorers.length === 0 ? noScores : this.#topologyScores(position, ranges),
      feasibleCount: this.#topology.isEmpty ? (heap?.length ?? 0) : feasibleCount,
      nodeCount: snapshot.size,
      runnerUp: runnerUp < 0 ? "" : snapshot.at(runnerUp).node.name,
      runnerUpScore: runnerUp < 0 ? 0 : Math.max(nextScore, secondScore),
    };
  }

  /** Per scorer the least and the greatest of what it says of the classes that pass. */
  #ranges(): readonly Range[] {
    const ranges = this.#scorers.map(() => ({ least: Infinity, greatest: -Infinity }));
    for (const { heap } of this.#classes.all()) {
      const position = heap.top();
      if (!this.#topology.passes(position)) continue;
      for (const [place, range] of ranges.entries()) {
        const score = this.#scorers[place]?.scoreAt(position) ?? 0;
        range.least = Math.min(range.least, score);
        range.greatest = Math.max(range.greatest, score);
      }
    }
    return ranges;
  }

  #topologyScore(position: number, ranges: readonly Range[] | undefined): number {
    let sum = 0;
    for (let place = 0; place < this.#scorers.length; place++) {
      const scorer = this.#scorers[place];
      if (scorer !== undefined) sum += scorer.weight * shareOf(scorer, position, ranges?.[place]);
    }
    return sum;
  }

  #explain(snapshot: Snapshot, only?: number): Explanation {
    const ranges = this.#ranges();
    if (only !== undefined) return this.#explainOnly(snapshot, only, ranges);
    const draft = new ExplanationDraft();
    for (let position = 0; position < snapshot.size; position++) {
      const view = this.#viewOf(snapshot.at(position), this.#additions.get(position));
      const rejection = firstRejection(this.#prepared, view, this.#topology.verdicts(position));
      if (rejection !== undefined) draft.add(rejection, () => this.#report(snapshot, position, ranges));
    }
    return draft.explanation();
  }

  #explainOnly(snapshot: Snapshot, position: number, ranges: readonly Range[]): Explanation {
    const { filters } = this.#prepared;
    const view = this.#viewOf(snapshot.at(position), this.#additions.get(position));
    const first = firstRejection(this.#prepared, view, this.#topology.verdicts(position));
    const isAlone = filters.some(({ plugin }) => plugin.name === first?.plugin);
    const report = this.#report(snapshot, position, ranges);
    return explainTarget(report.nodeName, first, report, isAlone);
  }

  #report(snapshot: Snapshot, position: number, ranges: readonly Range[]): NodeReport {
    const base = snapshot.at(position);
    // The view is kept by no report.
    const view = this.#viewOf(base, this.#additions.get(position));
    const verdicts = [...this.#topology.verdicts(position)];
    return reportNode(this.#prepared, view, { verdicts, scores: this.#topologyScores(position, ranges) });
  }

  #topologyScores(position: number, ranges: readonly Range[] | undefined): readonly PluginScore[] {
    return this.#scorers.map((scorer, place) => ({
      plugin: scorer.name,
      weight: scorer.weight,
      score: shareOf(scorer, position, ranges?.[place]),
    }));
  }

  /** Otherwise than by what the journal names. */
  #haveNeighboursChanged(): boolean {
    const { neighbours } = this.#request;
    const isRecounted = this.#recountVersion !== neighbours.recountVersion && !this.#topology.isEmpty;
    this.#recountVersion = neighbours.recountVersion;
    return this.#haveConcernsChanged() || isRecounted;
  }

  #haveConcernsChanged(): boolean {
    const { neighbours, requirements } = this.#request;
    if (this.#concernsVersion === neighbours.concernsVersion) return false;
    this.#concernsVersion = neighbours.concernsVersion;
    const concerns = neighbours.concerns(requirements.namespace, requirements.labels);
    if (sameConcerns(concerns, this.#concerns)) return false;
    this.#concerns = concerns;
    this.#prepared = prepareProfile(this.#profile, requirements, neighbours);
    return true;
  }

  #catchUp(snapshot: Snapshot, from: number): void {
    this.#classes.grow(snapshot.size);
    this.#topology.grow(snapshot.size);
    const changed = new Set(this.#touched.keys());
    for (let place = from; place < snapshot.journalEnd; place++) changed.add(snapshot.changedAt(place));
    for (const position of changed)
      if (!this.#isAsExpected(position, snapshot.at(position))) this.#judge(snapshot, position);
  }

  /** Whether a node is as the last batch judged it last. Domains have counts of their own, which are taken anew. */
  #isAsExpected(position: number, now: NodeSnapshot): boolean {
    const expected = this.#touched.get(position);
    if (expected === undefined || !this.#topology.isEmpty) return false;
    const { base, addition, ownerInstances } = expected;
    return (
      now.node === base.node &&
      now.modules === base.modules &&
      now.usageExcess === base.usageExcess &&
      now.ports === addition.ports &&
      sameCapacity(now.committed, addition.committed) &&
      this.#owned.on(now.node.name) === ownerInstances
    );
  }

  #rebuild(snapshot: Snapshot): void {
    const { size } = snapshot;
    this.#classes = new NodeClasses(size);
    this.#verdicts = this.#book.verdicts(this.#kind);
    this.#topology[Symbol.dispose]();
    this.#ranking = noRanking;
    this.#topology = new Topology(this.#prepared.topology, this.#request.neighbours, this.#book, size);
    this.#topology.count(snapshot, (position) => this.#viewOf(snapshot.at(position), undefined));
    this.#scorers = this.#topology.scorers;
    for (let i = 0; i < size; i++) {
      const position = (i + this.#seed) % size;
      this.#seat(position, this.#viewOf(snapshot.at(position), undefined));
    }
  }

  #viewOf(base: NodeSnapshot, addition: Addition | undefined): NodeView {
    this.#view ??= new ReusableView(base);
    return this.#view.become(base, this.#owned.on(base.node.name), addition);
  }

  /** Judges a node again: it, its place in the heaps, and what it changes for other nodes of its domains. */
  #judge(snapshot: Snapshot, position: number): void {
    const addition = this.#additions.get(position);
    const view = this.#viewOf(snapshot.at(position), addition);
    if (!this.#topology.isEmpty)
      this.#topology.recount(position, view, addition?.count ?? 0, (other) =>
        this.#classes.move(other, this.#topology.classOf(other)),
      );
    this.#seat(position, view);
  }

  /** Puts a position into the heap of its class, or takes it out of all. */
  #seat(position: number, view: NodeView): void {
    if (!this.#isFeasible(position, view)) {
      this.#classes.remove(position);
      return;
    }
    const key = this.#topology.isEmpty ? 0 : this.#topology.classOf(position);
    this.#classes.put(position, key, totalScore(this.#prepared, view), this.#order++);
  }

  #isFeasible(position: number, view: NodeView): boolean {
    return this.#isAdmitted(position, view) && passes(this.#prepared.allocationFilters, view);
  }

  /** Whether the rules about nodes alone let the request on it. */
  #isAdmitted(position: number, view: NodeView): boolean {
    // What such a node says depends on whose instance it is.
    if (view.node.evictedOwners.size > 0) return passes(this.#prepared.nodeFilters, view);
    const { judged, passed } = this.#verdicts;
    const version = this.#book.versionOf(position);
    if (judged[position] === version) return passed[position] === 1;
    const isAdmitted = passes(this.#prepared.nodeFilters, view);
    judged[position] = version;
    passed[position] = isAdmitted ? 1 : 0;
    return isAdmitted;
  }
}

/** What was seen when the best position was looked for; of topology only. */
interface Ranking {
  readonly ranges: readonly Range[] | undefined;
  /** The best top of another class. */
  readonly second: number;
  readonly secondScore: number;
  readonly feasibleCount: number;
}

const noRanking: Ranking = {
  ranges: undefined,
  second: -1,
  secondScore: Number.NEGATIVE_INFINITY,
  feasibleCount: 0,
};
const noScores: readonly PluginScore[] = [];
/** Of a request for one node: no other was looked at. */
const withoutOthers = { feasibleCount: 1, nodeCount: 1, runnerUp: "", runnerUpScore: 0 };

/** All that rules about nodes may look at, but whose instance it is. */
function kindOf(requirements: PlacementRequirements): string {
  const { profile, namespace, isolation, runtime, runtimeVersion, runtimeFeatures } = requirements;
  const { moduleFile, hostPaths, listeners, nodeSelector, nodeAffinity, tolerations } = requirements;
  const kind: Omit<NodeRequirements, "ownerUid"> = {
    profile,
    namespace,
    isolation,
    runtime,
    runtimeVersion,
    runtimeFeatures,
    moduleFile,
    hostPaths,
    listeners,
    nodeSelector,
    nodeAffinity,
    tolerations,
  };
  return canonicalJson(kind);
}

function sameCapacity(a: NodeCapacity, b: NodeCapacity): boolean {
  return (
    a.cpuMillis === b.cpuMillis &&
    a.memoryBytes === b.memoryBytes &&
    a.instances === b.instances &&
    a.processes === b.processes &&
    a.extended === b.extended
  );
}

interface Range {
  least: number;
  greatest: number;
}

/** From 0 to 100. */
function shareOf(scorer: TopologyScorer, position: number, range: Range | undefined): number {
  const score = scorer.scoreAt(position);
  if (!scorer.isRelative) return score;
  if (range === undefined) throw new Bug(`the scores of ${scorer.name} were not compared`);
  const width = range.greatest - range.least;
  return width > 0 ? (100 * (score - range.least)) / width : 0;
}

function sameConcerns(a: readonly Concern[], b: readonly Concern[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ term, counts }, place) => b[place]?.term === term && b[place].counts === counts)
  );
}
