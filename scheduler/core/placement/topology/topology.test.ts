/**
 * Placement by domains against a plain reading of Kubernetes' rules: random clusters, templates and events; after each of them
 * every node's verdict is computed from the list of all instances, without any index.
 */
import { expect, test } from "vitest";
import type { AffinityTerm, LabelSelector } from "../../../../api/gen/kinds.gen.ts";
import { selectorMatches } from "../../../../api/validation/label-selector.ts";
import { seededRandom } from "../../../../kit/random.ts";
import { ClusterState } from "../../cluster-state/cluster-state.ts";
import {
  type ClusterNode,
  type Instance,
  type InstanceAffinity,
  noClaims,
  type PlacementRequirements,
  type SpreadConstraint,
} from "../../model.ts";
import { aCapacity, aNode, anInstance, requirements } from "../../testing/builders.ts";
import { defaultProfile } from "../default-profile.ts";
import { type PlacementRequest, profilesOf } from "../framework.ts";
import { Placer } from "../placer.ts";

const apps = ["a", "b", "c"];
const zoneKey = "topology.kubernetes.io/zone";
const keys = [zoneKey, "kubernetes.io/hostname", "rack"];
const namespaces = ["one", "two"];

type Pick = (n: number) => number;

class World {
  readonly state = new ClusterState();
  readonly templates: readonly PlacementRequirements[];
  readonly pick: Pick;
  readonly namespaceNumbers = new Map<string, string>();
  readonly #placers: readonly Placer[];
  #uids = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.pick = (n) => Math.floor(random.fraction() * n);
    // A cache that is too small loses indexes all the time; the other one keeps all of them.
    this.#placers = [1, 100].map(
      (cachedRequestsMax) => new Placer({ profiles: profilesOf(defaultProfile), seed, cachedRequestsMax }),
    );
    for (const name of namespaces) this.relabelNamespace(name);
    for (let i = 0; i < 12; i++) this.putNode(`n${i}`);
    this.templates = Array.from({ length: 8 }, (_, i) => this.#template(i));
  }

  putNode(name: string): void {
    const labels: Record<string, string> = { "kubernetes.io/hostname": name };
    if (this.pick(8) > 0) labels[zoneKey] = `z${this.pick(3)}`;
    if (this.pick(3) > 0) labels["rack"] = `r${this.pick(5)}`;
    const node = aNode(name, {
      labels,
      allocatable: aCapacity({ instances: 4 + this.pick(4) }),
      unschedulable: this.pick(10) === 0,
    });
    this.state.upsertNode(node, { kind: "connected" });
  }

  relabelNamespace(name: string): void {
    const number = `${this.pick(2)}`;
    this.namespaceNumbers.set(name, number);
    this.state.setNamespace(name, { number });
  }

  request(template: PlacementRequirements): PlacementRequest {
    return { key: template.ownerUid, requirements: template, neighbours: this.state.neighbours };
  }

  /** Compares every node's verdict with the plain reading, then places where both placers say. */
  place(template: PlacementRequirements, where: string): void {
    const snapshot = this.state.snapshot();
    const expected = feasibleNodes(this, template);
    for (const placer of this.#placers) {
      const reports = placer.explain(snapshot, this.request(template));
      const feasible = reports.filter(({ kind }) => kind === "feasible").map(({ nodeName }) => nodeName);
      expect(feasible.toSorted(), where).toEqual(expected.toSorted());
    }
    const placements = this.#placers.map((placer) => placer.place(snapshot, this.request(template)));
    const totals = this.#placers.map((placer, at) => {
      const placement = placements[at];
      if (placement?.kind !== "placed") return undefined;
      const reports = placer.explain(snapshot, this.request(template));
      const total = (name: string) => reports.find(({ nodeName }) => nodeName === name);
      const best = Math.max(...reports.map((one) => (one.kind === "feasible" ? one.total : -1)));
      const chosen = total(placement.nodeName);
      expect(chosen?.kind === "feasible" ? chosen.total : -1, `${where}: the best score`).toBeCloseTo(
        best,
        6,
      );
      return best;
    });
    if (totals[0] !== undefined && totals[1] !== undefined)
      expect(totals[0], `${where}: both placers`).toBeCloseTo(totals[1], 6);
    expect(placements.map(({ kind }) => kind)).toEqual(
      placements.map(() => (expected.length > 0 ? "placed" : "unplaceable")),
    );
    const [placement] = placements;
    if (placement?.kind === "placed") this.bind(template, placement.nodeName);
  }

  /** Several in one batch must be as good as one after the other. */
  placeBatch(template: PlacementRequirements, count: number, where: string): void {
    const [, placer] = this.#placers;
    const batch = placer?.placeBatch(this.state.snapshot(), this.request(template), count);
    for (const nodeName of batch?.nodeNames ?? []) {
      expect(feasibleNodes(this, template), `${where}: batch`).toContain(nodeName);
      this.bind(template, nodeName);
    }
    if ((batch?.nodeNames.length ?? 0) < count)
      expect(feasibleNodes(this, template), `${where}: a batch that is short`).toEqual([]);
  }

  bind(template: PlacementRequirements, nodeName: string): void {
    const uid = `u${this.#uids++}`;
    const { namespace, labels, claims, ownerUid } = template;
    const owner = { kind: "WasmDeployment", name: ownerUid, uid: ownerUid } as const;
    this.state.addInstance(
      anInstance(uid, { namespace, labels, claims, owner, requests: template.requests }),
    );
    expect(this.state.assume(uid, nodeName).kind).toBe("assumed");
  }

  anyInstance(): Instance | undefined {
    const all = [...this.state.instances()];
    return all[this.pick(all.length)];
  }

  #template(i: number): PlacementRequirements {
    const namespace = namespaces[this.pick(2)] ?? "one";
    const labels = { app: apps[this.pick(3)] ?? "a" };
    const term = (): AffinityTerm => ({
      topologyKey: keys[this.pick(3)] ?? zoneKey,
      labelSelector: this.#selector(),
      ...(this.pick(3) === 0
        ? { namespaces: [], namespaceSelector: { matchLabels: { number: `${this.pick(2)}` } } }
        : { namespaces: this.pick(3) === 0 ? namespaces : [namespace] }),
    });
    const terms = (chance: number) => (this.pick(chance) === 0 ? [term()] : []);
    const affinity: InstanceAffinity = {
      near: this.pick(5) === 0 ? [{ ...term(), labelSelector: { matchLabels: labels } }, ...terms(3)] : [],
      apart: terms(3),
      preferred: [...terms(2), ...terms(3)].map((one) => ({ weight: this.pick(100) - 50, term: one })),
    };
    const spread = Array.from({ length: this.pick(3) }, (): SpreadConstraint => ({
      topologyKey: keys[this.pick(3)] ?? zoneKey,
      maxSkew: 1 + this.pick(2),
      isRequired: this.pick(3) > 0,
      selector: this.pick(2) === 0 ? { matchLabels: labels } : this.#selector(),
      minDomains: 1 + this.pick(4),
      honorsNodeAffinity: this.pick(2) === 0,
      honorsTaints: false,
    }));
    return requirements({
      ownerUid: `owner${i}`,
      namespace,
      labels,
      spread,
      requests: { cpuMillis: 0, memoryBytes: 0 },
      nodeSelector: this.pick(4) === 0 ? { [zoneKey]: "z0" } : {},
      claims: { ...noClaims, affinity },
    });
  }

  #selector(): LabelSelector {
    if (this.pick(4) === 0) return {};
    return this.pick(2) === 0
      ? { matchLabels: { app: apps[this.pick(3)] ?? "a" } }
      : { matchExpressions: [{ key: "app", operator: "In", values: [apps[this.pick(3)] ?? "a", "x"] }] };
  }
}

/** The nodes that Kubernetes' rules let pass, from nothing but the lists of nodes and instances. */
function feasibleNodes(
  { state, namespaceNumbers }: World,
  template: PlacementRequirements,
): readonly string[] {
  const selects: Selects = (term, namespace, labels) => {
    const isThere =
      term.namespaces?.includes(namespace) === true ||
      (term.namespaceSelector !== undefined &&
        selectorMatches(term.namespaceSelector, { number: namespaceNumbers.get(namespace) ?? "" }));
    return isThere && term.labelSelector !== undefined && selectorMatches(term.labelSelector, labels);
  };
  const nodes = [...state.nodes()];
  const instances = [...state.instances()].filter(
    ({ state: { kind } }) => kind === "bound" || kind === "stopping",
  );
  return nodes
    .filter((node) => !node.unschedulable && matchesSelector(node, template))
    .filter(
      (node) => instances.filter((one) => nodeOf(one) === node.name).length < node.allocatable.instances,
    )
    .filter((node) => template.spread.every((one) => isEven(one, node, nodes, instances, template)))
    .filter((node) => isNear(node, nodes, instances, template, selects))
    .filter((node) => isApart(node, nodes, instances, template, selects))
    .map(({ name }) => name);
}

function matchesSelector({ labels }: ClusterNode, { nodeSelector }: PlacementRequirements): boolean {
  return Object.entries(nodeSelector).every(([key, value]) => labels[key] === value);
}

function nodeOf({ state }: Instance): string {
  return state.kind === "pending" ? "" : state.nodeName;
}

type Selects = (term: AffinityTerm, namespace: string, labels: Instance["labels"]) => boolean;

function isEven(
  constraint: SpreadConstraint,
  node: ClusterNode,
  nodes: readonly ClusterNode[],
  instances: readonly Instance[],
  template: PlacementRequirements,
): boolean {
  if (!constraint.isRequired) return true;
  const { topologyKey, selector, maxSkew, minDomains, honorsNodeAffinity } = constraint;
  const required = template.spread.filter(({ isRequired }) => isRequired).map((one) => one.topologyKey);
  const eligible = nodes.filter(
    (one) =>
      required.every((key) => one.labels[key] !== undefined) &&
      (!honorsNodeAffinity || matchesSelector(one, template)),
  );
  const counts = new Map(eligible.map(({ labels }) => [labels[topologyKey] ?? "", 0]));
  for (const one of instances) {
    const domain = eligible.find(({ name }) => name === nodeOf(one))?.labels[topologyKey];
    const counted =
      one.state.kind === "bound" &&
      one.namespace === template.namespace &&
      selectorMatches(selector, one.labels);
    if (domain !== undefined && counted) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  const domain = node.labels[topologyKey];
  if (domain === undefined) return false;
  const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
  const itself = selectorMatches(selector, template.labels) ? 1 : 0;
  return (counts.get(domain) ?? 0) + itself - (Number.isFinite(least) ? least : 0) <= maxSkew;
}

function sameDomain(key: string, a: ClusterNode, b: ClusterNode | undefined): boolean {
  return a.labels[key] !== undefined && a.labels[key] === b?.labels[key];
}

function isNear(
  node: ClusterNode,
  nodes: readonly ClusterNode[],
  instances: readonly Instance[],
  { claims, namespace, labels }: PlacementRequirements,
  selects: Selects,
): boolean {
  const { near } = claims.affinity;
  if (near.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return near.length === 0;
  const matching = instances.filter((one) => near.every((term) => selects(term, one.namespace, one.labels)));
  const placeOf = (one: Instance) => nodes.find(({ name }) => name === nodeOf(one));
  const isThere = near.every(({ topologyKey }) =>
    matching.some((one) => sameDomain(topologyKey, node, placeOf(one))),
  );
  if (isThere) return true;
  const anywhere = near.some(({ topologyKey }) =>
    matching.some((one) => placeOf(one)?.labels[topologyKey] !== undefined),
  );
  return !anywhere && near.every((term) => selects(term, namespace, labels));
}

function isApart(
  node: ClusterNode,
  nodes: readonly ClusterNode[],
  instances: readonly Instance[],
  { claims, namespace, labels }: PlacementRequirements,
  selects: Selects,
): boolean {
  return instances.every((one) => {
    const place = nodes.find(({ name }) => name === nodeOf(one));
    const mine = claims.affinity.apart.some(
      (term) => selects(term, one.namespace, one.labels) && sameDomain(term.topologyKey, node, place),
    );
    const theirs = one.claims.affinity.apart.some(
      (term) => selects(term, namespace, labels) && sameDomain(term.topologyKey, node, place),
    );
    return !mine && !theirs;
  });
}

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

test.each(seeds)("Placer: rules about domains as Kubernetes has them, seed %i", (seed) => {
  const world = new World(seed);
  const { state, pick } = world;
  for (let step = 0; step < 150; step++) {
    const where = `seed ${seed}, step ${step}`;
    const template = world.templates[pick(world.templates.length)];
    if (template === undefined) break;
    const dice = pick(20);
    if (dice < 11) world.place(template, where);
    else if (dice < 13) world.placeBatch(template, 1 + pick(6), where);
    else if (dice < 15) state.markStopping(world.anyInstance()?.uid ?? "");
    else if (dice < 17) state.removeInstance(world.anyInstance()?.uid ?? "");
    else if (dice < 18) world.putNode(`n${pick(14)}`);
    else if (dice < 19) world.relabelNamespace(namespaces[pick(2)] ?? "one");
    else state.removeNode(`n${pick(14)}`, 0);
    for (const instance of state.instances())
      if (instance.state.kind === "ended") state.removeInstance(instance.uid);
  }
});
