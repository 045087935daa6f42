/** Of daemon sets: one instance on each node that matches, never two but those of a surge, and few without one during an update. */
import type { WasmDaemonSet } from "../../../api/gen/kinds.gen.ts";
import { nodeOf } from "../../../scheduler/core/controllers/daemon-set/daemon-census.ts";
import { nodeMatcher, type NodeMatch } from "../../../scheduler/core/controllers/daemon-set/node-match.ts";
import { updateLimits } from "../../../scheduler/core/controllers/daemon-set/update-limits.ts";
import { isReady } from "../../../scheduler/core/controllers/availability.ts";
import { daemonTolerations } from "../../../scheduler/core/daemon-tolerations.ts";
import type { ClusterNode, Instance } from "../../../scheduler/core/model.ts";
import { requirementsOf } from "../../../scheduler/core/templates/requirements.ts";
import { templateHash } from "../../../scheduler/engine/template-hash.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { demand } from "./violation.ts";

/** Called when the leader has just made `made`, which waits. */
export function checkDaemonMade(
  { engine }: SchedulerProcess,
  { metadata, spec }: WasmDaemonSet,
  made: Instance,
): void {
  const { targetNode } = made;
  const node = [...engine.clusterNodes()].find(({ name }) => name === targetNode);
  demand(
    node?.connection.kind === "connected",
    "daemon set",
    () => `${made.name} is made for node ${targetNode}, which is ${node?.connection.kind ?? "not there"}`,
  );
  const others = ownedBy(engine, metadata.uid).filter(
    (other) => other !== made && other.state.kind !== "ended" && nodeOf(other) === targetNode,
  );
  const live = others.filter(({ state }) => state.kind !== "stopping");
  const isSurge = spec.updateStrategy.type === "RollingUpdate" && updateLimits(spec, 1).surge > 0;
  demand(
    isSurge ? live.length <= 1 : others.length === 0,
    "daemon set",
    () => `${made.name} is made for node ${targetNode} beside ${others.map(({ name }) => name).join(", ")}`,
  );
}

/** Called when an available instance was just told to stop, by nobody but the controller. */
export function checkDaemonStopped(
  { engine }: SchedulerProcess,
  object: WasmDaemonSet,
  stopped: Instance,
): void {
  const { metadata, spec } = object;
  const matchOf = matcherOf(object);
  const nodes = [...engine.clusterNodes()];
  const owned = ownedBy(engine, metadata.uid);
  const home = nodes.find(({ name }) => name === nodeOf(stopped));
  const beside = owned.some((one) => isLive(one) && nodeOf(one) === home?.name);
  // It does not match, or another one serves there.
  if (home === undefined || matchOf(home).kind === "unwanted" || beside) return;
  const wanted = nodes.filter((node) => matchOf(node).kind === "wanted");
  const served = new Set(owned.filter(isReady).map(nodeOf));
  const without = wanted.filter(
    ({ name, connection }) => connection.kind === "connected" && !served.has(name),
  );
  const { unavailable } = updateLimits(spec, wanted.length);
  demand(
    without.length <= Math.max(1, unavailable),
    "daemon set",
    () =>
      `daemon set ${metadata.name} leaves ${without.map(({ name }) => name).join(", ")} without an available instance, at most ${unavailable} may be`,
  );
}

/** Once everything has come to rest. `isRefused`: none can be made. */
export function checkDaemonSettled(
  { engine }: SchedulerProcess,
  object: WasmDaemonSet,
  isRefused: boolean,
): void {
  const { metadata, spec } = object;
  const matchOf = matcherOf(object);
  const live = ownedBy(engine, metadata.uid).filter(isLive);
  const waits = live.some(({ state }) => state.kind === "pending");
  for (const node of engine.clusterNodes()) {
    const there = live.filter((instance) => nodeOf(instance) === node.name);
    const names = there.map(({ name }) => name).join(", ");
    const { kind } = matchOf(node);
    const least = kind === "wanted" && node.connection.kind === "connected" && !isRefused ? 1 : 0;
    // A surge waits where the second one has no room.
    const most = kind === "unwanted" ? 0 : waits ? 2 : 1;
    demand(
      there.length >= least && there.length <= most,
      "converged",
      () => `daemon set ${metadata.name} has [${names}] on node ${node.name}, which is ${kind}`,
    );
    const outdated = there.find((instance) => instance.templateHash !== templateHash(spec.template));
    demand(
      waits ||
        isRefused ||
        kind !== "wanted" ||
        spec.updateStrategy.type === "OnDelete" ||
        outdated === undefined,
      "converged",
      () => `${outdated?.name} has not the template of daemon set ${metadata.name}`,
    );
  }
}

function matcherOf({ metadata, spec }: WasmDaemonSet): (node: ClusterNode) => NodeMatch {
  return nodeMatcher(
    requirementsOf({
      ownerUid: metadata.uid,
      namespace: metadata.namespace ?? "",
      labels: {},
      spec: spec.template.spec,
      tolerations: daemonTolerations,
    }),
  );
}

function ownedBy(engine: SchedulerProcess["engine"], uid: string): readonly Instance[] {
  return [...engine.instances(undefined)].filter(({ owner }) => owner.uid === uid);
}

function isLive({ state }: Instance): boolean {
  return state.kind === "pending" || state.kind === "bound";
}
