/** Placement of instances that may have one node only: that node is judged, by the same rules, and no other. */
import { committedWith, footprintOf } from "../resources.ts";
import type { BatchPlacement, Choice } from "./choice.ts";
import { explainTarget, firstRejection, type NodeReport, reportNode } from "./explanation.ts";
import type { NodeView, PlacementRequest } from "./framework.ts";
import type { Neighbours } from "./neighbours.ts";
import { passes, type PreparedProfile, totalScore } from "./prepared-profile.ts";
import { type Addition, ReusableView } from "./reusable-view.ts";
import { portsWith, type Snapshot } from "./snapshot.ts";

const noTopology = { verdicts: [], scores: [] };

/** Up to `count` places on the node at this position. The profile has no rules about other nodes for this request. */
export function takeOnNode(
  snapshot: Snapshot,
  position: number,
  { requirements, neighbours }: PlacementRequest,
  prepared: PreparedProfile,
  count: number,
): BatchPlacement {
  const base = snapshot.at(position);
  const { name } = base.node;
  const footprint = footprintOf(requirements);
  const owned = neighbours.ownedBy(requirements.ownerUid).on(name);
  const requested = { ...neighbours.requested };
  const view = new ReusableView(base);
  const choices: Choice[] = [];
  let addition: Addition | undefined;
  while (choices.length < count) {
    view.become(base, owned, addition);
    if (!passesAll(prepared, view)) break;
    choices.push({
      base,
      committed: view.committed,
      ports: view.ports,
      ownerInstances: view.ownerInstances,
      requested,
      score: totalScore(prepared, view),
      topologyScores: [],
      feasibleCount: 1,
      nodeCount: 1,
      runnerUp: "",
      runnerUpScore: 0,
    });
    addition = {
      committed: committedWith(view.committed, footprint, 1),
      ports: portsWith(view.ports, requirements.claims.ports, 1),
      count: choices.length,
    };
  }
  const nodeNames = choices.map(() => name);
  if (choices.length === count) return { nodeNames, choices, explanation: undefined };
  const rejection = firstRejection(prepared, view, []);
  const report = reportNode(prepared, view, noTopology);
  return { nodeNames, choices, explanation: explainTarget(name, rejection, report, true) };
}

export function reportOnNode(
  snapshot: Snapshot,
  position: number,
  { requirements, neighbours }: PlacementRequest,
  prepared: PreparedProfile,
): NodeReport {
  const base = snapshot.at(position);
  const ownerInstances = neighbours.ownedBy(requirements.ownerUid).on(base.node.name);
  return reportNode(prepared, { ...base, ownerInstances }, noTopology);
}

export function passesAll({ nodeFilters, allocationFilters }: PreparedProfile, view: NodeView): boolean {
  return passes(nodeFilters, view) && passes(allocationFilters, view);
}

/** The profile as prepared for requests of one key, of which thousands come one after another. */
export class PreparedRequests {
  readonly #prepare: (request: PlacementRequest) => PreparedProfile;
  readonly #keptMax: number;
  readonly #kept = new Map<
    string,
    { readonly prepared: PreparedProfile; readonly neighbours: Neighbours; readonly version: number }
  >();

  constructor(keptMax: number, prepare: (request: PlacementRequest) => PreparedProfile) {
    this.#prepare = prepare;
    this.#keptMax = keptMax;
  }

  of(request: PlacementRequest): PreparedProfile {
    const { key, neighbours } = request;
    const version = neighbours.concernsVersion;
    const known = this.#kept.get(key);
    if (known?.version === version && known.neighbours === neighbours) return known.prepared;
    const prepared = this.#prepare(request);
    this.#kept.delete(key);
    this.#kept.set(key, { prepared, neighbours, version });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#keptMax) break;
      this.#kept.delete(oldest);
    }
    return prepared;
  }
}
