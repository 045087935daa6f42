import { Bug } from "../../../kit/errors.ts";
import { CandidateIndex } from "./candidate-index.ts";
import { viewOfChoice, type BatchPlacement, type Choice } from "./choice.ts";
import {
  explainMissingTarget,
  reportNode,
  type Explanation,
  type NodeReport,
  type PluginScore,
} from "./explanation.ts";
import {
  viewOf,
  type InstanceEvent,
  type NodeEvent,
  type PlacementRequest,
  type Profile,
  type Profiles,
} from "./framework.ts";
import { noNeighbours } from "./neighbours.ts";
import { passes, prepareProfile, type PreparedProfile } from "./prepared-profile.ts";
import { withoutInstances, type Snapshot } from "./snapshot.ts";
import { passesAll, PreparedRequests, reportOnNode, takeOnNode } from "./target-node.ts";
import { DomainBook } from "./topology/domains.ts";
import type { Instance, PlacementRequirements } from "../model.ts";

export type Placement =
  | { readonly kind: "placed"; readonly nodeName: string }
  | { readonly kind: "unplaceable"; readonly explanation: Explanation };

/** Nodes in all kept candidates together: 70 MB, whether of a thousand requests on 2,000 nodes or of 200 on 10,000. */
const cachedNodesMax = 2_000_000;

export interface PlacerOptions {
  readonly profiles: Profiles;
  /** A whole number, not negative: where the round robin among equal nodes begins. */
  readonly seed: number;
  /** How many requests keep their candidates between calls; the least recently used one gives way. */
  readonly cachedRequestsMax: number;
}

/**
 * Chooses nodes. Proposals only: cluster state's `assume` commits or rejects them. Synchronous, and a function of its
 * arguments and of the calls before; what it keeps are candidates that it could find again.
 */
export class Placer implements Disposable {
  readonly #options: PlacerOptions;
  readonly #domains = new DomainBook();
  readonly #indexes = new Map<string, CandidateIndex>();
  /** Of requests for one node. */
  readonly #targeted: PreparedRequests;

  constructor(options: PlacerOptions) {
    this.#options = options;
    this.#targeted = new PreparedRequests(options.cachedRequestsMax, (request) =>
      prepareProfile(this.#profileOf(request), request.requirements, request.neighbours),
    );
  }

  [Symbol.dispose](): void {
    for (const index of this.#indexes.values()) index[Symbol.dispose]();
    this.#indexes.clear();
  }

  /** A place for one instance. Snapshots must come in the order in which they were made. */
  place(snapshot: Snapshot, request: PlacementRequest): Placement {
    const index = this.#indexFor(snapshot, request);
    const nodeName = index.best(snapshot);
    if (nodeName !== undefined) return { kind: "placed", nodeName };
    return { kind: "unplaceable", explanation: index.explain(snapshot) };
  }

  /** Places for `count` instances of one request. */
  placeBatch(snapshot: Snapshot, request: PlacementRequest, count: number): BatchPlacement {
    const { targetNode } = request;
    if (targetNode !== undefined) return this.#placeOn(snapshot, request, targetNode, count);
    const index = this.#indexFor(snapshot, request);
    if (count > 0 && index.best(snapshot) === undefined)
      return { nodeNames: [], choices: [], explanation: index.explain(snapshot) };
    return index.takeBatch(snapshot, count);
  }

  /** What every rule says of every node that will do: for people who ask why. Nothing is kept of it. */
  explain(snapshot: Snapshot, request: PlacementRequest): readonly NodeReport[] {
    const { targetNode } = request;
    if (targetNode !== undefined) return this.#explainOn(snapshot, request, targetNode);
    const book = new DomainBook();
    book.follow(snapshot);
    using index = new CandidateIndex(this.#profileOf(request), request, book, this.#options.seed);
    index.follow(snapshot, request);
    return index.reports(snapshot);
  }

  /** What each rule gave the chosen node when it was chosen. */
  scoresOf(requirements: PlacementRequirements, choice: Choice): readonly PluginScore[] {
    const { topologyScores: scores, requested } = choice;
    const neighbours = { ...noNeighbours, requested };
    const prepared = prepareProfile(this.#profileOf({ requirements }), requirements, neighbours);
    const report = reportNode(prepared, viewOfChoice(choice), { verdicts: [], scores });
    return report.kind === "feasible" ? report.scores : [];
  }

  /** Which profile decides. */
  profile(request: Pick<PlacementRequest, "requirements">): Profile {
    return this.#profileOf(request);
  }

  /**
   * Whether the node at this position would take an instance of the request if these instances, which are bound to it or
   * nominated for it, were not there.
   */
  wouldFit(
    snapshot: Snapshot,
    request: PlacementRequest,
    position: number,
    without: readonly Instance[],
  ): boolean {
    const prepared = this.#preparedForOne(request);
    if (prepared === undefined)
      return this.#indexFor(snapshot, request).wouldFit(snapshot, position, without);
    const base = snapshot.at(position);
    const ownerInstances = request.neighbours.ownedBy(request.requirements.ownerUid).on(base.node.name);
    return passesAll(prepared, { ...withoutInstances(base, without), ownerInstances });
  }

  /** Whether the rules about the node itself let the request on it, whatever is there. */
  admits(snapshot: Snapshot, request: PlacementRequest, position: number): boolean {
    const prepared = this.#preparedForOne(request);
    if (prepared === undefined) return this.#indexFor(snapshot, request).admits(snapshot, position);
    return passes(prepared.nodeFilters, viewOf(snapshot.at(position), 0));
  }

  /** The queueing hint: whether an event may let through a request that these plugins rejected. */
  mayHelp(event: NodeEvent, request: PlacementRequest, rejectedBy: ReadonlySet<string>): boolean {
    if (rejectedBy.size === 0) return event.kind === "nodeAdded";
    const view = viewOf(event.view, 0);
    const { filters } = this.#prepared(request);
    const helpsFilter = filters.some(({ plugin, filter }) => {
      if (!rejectedBy.has(plugin.name)) return false;
      if (plugin.mayHelp !== undefined) return plugin.mayHelp(event, request.requirements);
      if (event.kind === "capacityFreed" && plugin.reads === "node") return false;
      return filter(view).kind === "success";
    });
    if (helpsFilter || event.kind === "capacityFreed") return helpsFilter;
    // A node that came or changed may be a new domain.
    const { topology } = this.#profileOf(request);
    return (
      topology.some(({ plugin }) => rejectedBy.has(plugin.name)) &&
      filters.every(({ filter }) => filter(view).kind === "success")
    );
  }

  /** The same for instances that came to a node or went from it. */
  mayHelpTopology(event: InstanceEvent, request: PlacementRequest, rejectedBy: ReadonlySet<string>): boolean {
    return this.#profileOf(request).topology.some(
      ({ plugin }) =>
        rejectedBy.has(plugin.name) && plugin.mayHelp(event, request.requirements, request.neighbours),
    );
  }

  #placeOn(snapshot: Snapshot, request: PlacementRequest, nodeName: string, count: number): BatchPlacement {
    const position = snapshot.positionOf(nodeName);
    if (position === undefined)
      return { nodeNames: [], choices: [], explanation: explainMissingTarget(nodeName) };
    const prepared = this.#preparedForOne(request);
    if (prepared !== undefined) return takeOnNode(snapshot, position, request, prepared, count);
    return this.#indexFor(snapshot, request).takeBatch(snapshot, count, position);
  }

  #explainOn(snapshot: Snapshot, request: PlacementRequest, nodeName: string): readonly NodeReport[] {
    const position = snapshot.positionOf(nodeName);
    if (position === undefined) return [];
    const prepared = this.#preparedForOne(request);
    if (prepared !== undefined) return [reportOnNode(snapshot, position, request, prepared)];
    const reports = this.explain(snapshot, { ...request, targetNode: undefined });
    return reports.filter((report) => report.nodeName === nodeName);
  }

  /** Of a request for one node about which no other node has a say; undefined: it takes all of them to judge one. */
  #preparedForOne(request: PlacementRequest): PreparedProfile | undefined {
    if (request.targetNode === undefined) return undefined;
    const prepared = this.#targeted.of(request);
    return prepared.topology.length === 0 ? prepared : undefined;
  }

  #prepared(request: PlacementRequest): PreparedProfile {
    if (request.targetNode !== undefined) return this.#targeted.of(request);
    const cached = this.#indexes.get(request.key)?.prepared;
    return cached ?? prepareProfile(this.#profileOf(request), request.requirements, request.neighbours);
  }

  /** A name that no profile has is refused before it comes here. */
  #profileOf({ requirements: { profile } }: Pick<PlacementRequest, "requirements">): Profile {
    const { profiles } = this.#options;
    const found = profiles.named(profile) ?? profiles.named("");
    if (found === undefined) throw new Bug("there is no placement profile");
    return found;
  }

  #indexFor(snapshot: Snapshot, request: PlacementRequest): CandidateIndex {
    const { seed, cachedRequestsMax } = this.#options;
    this.#domains.follow(snapshot);
    const index =
      this.#indexes.get(request.key) ??
      new CandidateIndex(this.#profileOf(request), request, this.#domains, seed);
    this.#indexes.delete(request.key);
    this.#indexes.set(request.key, index);
    // Each holds some 35 bytes per node.
    const keptMax = Math.min(
      cachedRequestsMax,
      Math.max(1, Math.floor(cachedNodesMax / (snapshot.size + 1))),
    );
    for (const [oldest, dropped] of this.#indexes) {
      if (this.#indexes.size <= keptMax) break;
      this.#indexes.delete(oldest);
      dropped[Symbol.dispose]();
    }
    index.follow(snapshot, request);
    return index;
  }
}
