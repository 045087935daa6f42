/** What gateways know once there are no faults any more: what is declared, and where instances are ready; and never nonsense before. */
import type { WasmAutoscaler, WasmRoute } from "../../../api/gen/kinds.gen.ts";
import type { RouteEntry } from "../../../api/route-table.ts";
import type { GatewayWorkload } from "../../../node-daemon/gateway/control.ts";
import type { GatewayUpdate } from "../../../node-daemon/serving/gateway-update.ts";
import { templateHashLabel } from "../../../scheduler/core/labels.ts";
import { hostnamesOf } from "../../../scheduler/core/routes/compile-route.ts";
import { wildcardsAbove } from "../../../scheduler/core/routes/host-claims.ts";
import type { Cluster } from "../cluster.ts";
import type { Machine } from "../machine.ts";
import { objectsIn } from "../objects-in.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { demand } from "./violation.ts";

const plurals = { WasmDeployment: "wasmdeployments", WasmDaemonSet: "wasmdaemonsets" } as const;

/** At any time. */
export function checkUpdate({ id, name }: Machine, { workloads }: GatewayUpdate): void {
  for (const workload of workloads)
    for (const node of workload.nodes) {
      const counts = node.ready.map(({ count }) => count);
      demand(
        node.name !== name &&
          counts.length > 0 &&
          counts.every((count) => Number.isInteger(count) && count > 0),
        "endpoints",
        () => `${id} is told of ${JSON.stringify(node)} for ${workload.name}`,
      );
    }
}

export function checkRoutes(cluster: Cluster, leader: SchedulerProcess): void {
  const routes = objectsIn(cluster.store, "wasmroutes").map((object) => object as unknown as WasmRoute);
  for (const route of routes) checkAcceptance(route, routes);
  const accepted = routes.filter((route) => verdictOf(route) === "True");
  const told = [...cluster.machines].filter(({ isTold }) => isTold);
  for (const { name, connection } of leader.engine.clusterNodes())
    demand(
      connection.kind !== "connected" || told.some((machine) => machine.name === name),
      "routes",
      () => `the gateway of ${name} was not told everything`,
    );
  for (const machine of told) checkTable(cluster, leader, machine, accepted);
}

/** What is asleep and could be woken up is awake, after all of it was asked for. */
export function checkAwake({ store }: Cluster): void {
  const sleepers = new Set(
    objectsIn(store, "wasmautoscalers").map((object) => {
      const { metadata, spec } = object as unknown as WasmAutoscaler;
      return spec.minReplicas === 0 ? `${metadata.namespace ?? ""}/${spec.scaleTargetRef.name}` : "";
    }),
  );
  const limited = new Set(objectsIn(store, "resourcequotas").map(({ metadata }) => metadata.namespace));
  for (const { metadata, spec } of objectsIn(store, "wasmdeployments").map(
    (object) => object as unknown as { metadata: { name: string; namespace: string }; spec: Sleeper },
  ))
    demand(
      spec.wakeOnRequest !== true ||
        spec.replicas > 0 ||
        limited.has(metadata.namespace) ||
        // Its time of being idle may have come since.
        sleepers.has(`${metadata.namespace}/${metadata.name}`),
      "awake",
      () => `${metadata.name} still sleeps although requests wait for it`,
    );
}

interface Sleeper {
  readonly replicas: number;
  readonly wakeOnRequest?: boolean;
}

function verdictOf({ metadata, status }: WasmRoute): string | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "Accepted");
  return condition?.observedGeneration === metadata.generation ? condition?.status : undefined;
}

/** Of routes of different namespaces that name one host only one is accepted; and what is refused has somebody in its way. */
function checkAcceptance(route: WasmRoute, routes: readonly WasmRoute[]): void {
  const { name, namespace } = route.metadata;
  const verdict = verdictOf(route);
  demand(verdict !== undefined, "routes", () => `nobody says whether route ${name} is accepted`);
  const foreign = routes.filter(({ metadata }) => metadata.namespace !== namespace);
  const namedBy = (others: readonly WasmRoute[], hosts: readonly string[]) =>
    others.find((other) => hostnamesOf(other).some((host) => hosts.includes(host)));
  const hosts = hostnamesOf(route);
  if (verdict === "True") {
    const other = namedBy(
      foreign.filter((one) => verdictOf(one) === "True"),
      hosts,
    );
    demand(other === undefined, "routes", () => `${name} and ${other?.metadata.name} have one host`);
  } else {
    const inTheWay = namedBy(
      foreign,
      hosts.flatMap((host) => [host, ...wildcardsAbove(host)]),
    );
    demand(inTheWay !== undefined, "routes", () => `${name} is refused, and nobody else has its hosts`);
  }
}

function checkTable(
  cluster: Cluster,
  leader: SchedulerProcess,
  machine: Machine,
  accepted: readonly WasmRoute[],
): void {
  const routes: RouteEntry[] = [];
  const workloads: GatewayWorkload[] = [];
  for (const fact of machine.told.all())
    if (fact.kind === "route") routes.push(fact.route);
    else if (fact.kind === "workload") workloads.push(fact.workload);
  const wanted = accepted.map((route) => entryText(expectedEntry(cluster, route))).toSorted();
  const found = routes.map(entryText).toSorted();
  demand(
    JSON.stringify(found) === JSON.stringify(wanted),
    "routes",
    () => `${machine.id} knows ${found.join(" ")}, declared is ${wanted.join(" ")}`,
  );
  const uids = new Set(
    routes.flatMap(({ rules }) => rules.flatMap(({ backends }) => backends.map((one) => one.workload))),
  );
  uids.delete(undefined);
  demand(
    uids.size === workloads.length && workloads.every(({ uid }) => uids.has(uid)),
    "routes",
    () =>
      `${machine.id} knows workloads ${workloads.map(({ name }) => name).join()}, and routes to ${[...uids].join()}`,
  );
  for (const workload of workloads) checkReady(leader, machine, workload);
}

type Expected = Pick<RouteEntry, "uid" | "hostnames"> & {
  readonly rules: readonly { readonly backends: RouteEntry["rules"][number]["backends"] }[];
};

function expectedEntry({ store }: Cluster, route: WasmRoute): Expected {
  const { metadata, spec } = route;
  const backendOf = ({
    kind,
    name,
    revision,
    weight,
  }: NonNullable<WasmRoute["spec"]["rules"][number]["backendRefs"]>[number]) => {
    const workload = store.get({ group: "", plural: plurals[kind] }, metadata.namespace ?? "", name)?.metadata
      .uid;
    if (workload === undefined || revision === undefined) return { workload, name, weight };
    const hash = objectsIn(store, "controllerrevisions").find(
      (kept) => kept["revision"] === revision && kept.metadata.ownerReferences?.[0]?.uid === workload,
    )?.metadata.labels?.[templateHashLabel];
    return hash === undefined
      ? { workload: undefined, name, weight }
      : { workload, name, templateHash: hash, weight };
  };
  return {
    uid: metadata.uid,
    hostnames: hostnamesOf(route),
    rules: spec.rules.map(({ backendRefs = [] }) => ({ backends: backendRefs.map(backendOf) })),
  };
}

function entryText({ uid, hostnames, rules }: Expected): string {
  return JSON.stringify([
    uid,
    hostnames,
    rules.map(({ backends }) =>
      backends.map((one) => [one.name, one.workload, one.templateHash, one.weight]),
    ),
  ]);
}

function checkReady({ engine }: SchedulerProcess, machine: Machine, workload: GatewayWorkload): void {
  const counts = new Map<string, number>();
  for (const { owner, templateHash, state } of engine.instances(undefined)) {
    if (owner.uid !== workload.uid || state.kind !== "bound" || state.observed?.ready !== true) continue;
    const key = `${state.nodeName}/${templateHash}`;
    if (state.nodeName !== machine.name) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const wanted = [...counts].map(([key, count]) => `${key}=${count}`).toSorted();
  const found = workload.nodes
    .flatMap(({ name, ready }) => ready.map(({ templateHash, count }) => `${name}/${templateHash}=${count}`))
    .toSorted();
  demand(
    found.join() === wanted.join(),
    "endpoints",
    () => `${machine.id} knows ${workload.name} at ${found.join(" ")}, it is ready at ${wanted.join(" ")}`,
  );
}
