/** Affinity of instances by its definition: every placed instance looked at, nothing counted ahead. */
import type { AffinityTerm } from "../../../api/gen/kinds.gen.ts";
import type { ClusterNode, Instance } from "../../../scheduler/core/model.ts";
import type { Engine } from "../../../scheduler/engine/engine.ts";
import { demand } from "./violation.ts";

export function checkNeighbours(engine: Engine, instance: Instance, nodeName: string): void {
  const nodes = new Map([...engine.clusterNodes()].map((node) => [node.name, node]));
  const here = nodes.get(nodeName);
  if (here === undefined) return;
  const what = `${instance.name} onto ${nodeName}`;
  const placed = [...engine.instances(undefined)].filter(isPresent);
  const isNear = (term: AffinityTerm, other: Instance) => sharesDomain(term, here, nodeOf(nodes, other));
  for (const other of placed) {
    const parting = instance.claims.affinity.apart.find(
      (term) => selects(term, other) && isNear(term, other),
    );
    demand(
      parting === undefined,
      "affinity",
      () => `${what}: it is to be apart from ${other.name} by ${parting?.topologyKey}`,
    );
    const repelling = other.claims.affinity.apart.find(
      (term) => selects(term, instance) && isNear(term, other),
    );
    demand(
      repelling === undefined,
      "affinity",
      () => `${what}: ${other.name} is to be apart from it by ${repelling?.topologyKey}`,
    );
  }

  const { near } = instance.claims.affinity;
  if (near.length === 0) return;
  // As in Kubernetes, those on nodes that are in no domain at all do not count.
  const isAnywhere = (other: Instance) =>
    near.some(({ topologyKey }) => nodeOf(nodes, other)?.labels[topologyKey] !== undefined);
  const companions = placed.filter(
    (other) => isAnywhere(other) && near.every((term) => selects(term, other)),
  );
  const isFirst = companions.length === 0 && near.every((term) => selects(term, instance));
  const lonely = near.find(
    (term) =>
      here.labels[term.topologyKey] === undefined ||
      (!isFirst && !companions.some((other) => isNear(term, other))),
  );
  demand(
    lonely === undefined,
    "affinity",
    () => `${what}: none of those that it is to be near is there by ${lonely?.topologyKey}`,
  );
}

function isPresent({ state }: Instance): boolean {
  return state.kind === "bound" || state.kind === "stopping";
}

function nodeOf(nodes: ReadonlyMap<string, ClusterNode>, { state }: Instance): ClusterNode | undefined {
  return state.kind === "pending" ? undefined : nodes.get(state.nodeName);
}

function sharesDomain({ topologyKey }: AffinityTerm, a: ClusterNode, b: ClusterNode | undefined): boolean {
  const domain = a.labels[topologyKey];
  return domain !== undefined && domain === b?.labels[topologyKey];
}

/** Only what the makers of templates write. */
function selects({ namespaces = [], labelSelector }: AffinityTerm, { namespace, labels }: Instance): boolean {
  if (!namespaces.includes(namespace)) return false;
  return Object.entries(labelSelector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}
