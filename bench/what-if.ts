/**
 * What it costs to ask placement: an explanation, and simulations of a cluster with 100,000 instances on 1,000 nodes. What
 * matters beside the time is for how long the event loop is held up at once.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SimulatedAction } from "../scheduler/apiserver/placement-simulator.ts";
import { ClusterState } from "../scheduler/core/cluster-state/cluster-state.ts";
import { copyState, partsOf } from "../scheduler/core/cluster-state/state-copy.ts";
import { defaultConfiguration, toProfiles } from "../scheduler/core/placement/profile-declaration.ts";
import { surveyNodes } from "../scheduler/core/placement/node-survey.ts";
import { Placer } from "../scheduler/core/placement/placer.ts";
import { PriorityClasses } from "../scheduler/core/priority-classes.ts";
import { QuotaBook } from "../scheduler/core/quota/quota-book.ts";
import { aMeta, aNode, anInstance, ready } from "../scheduler/core/testing/builders.ts";
import { EngineSimulator } from "../scheduler/engine/placement-simulation/engine-simulator.ts";
import { TemplateCatalogue } from "../scheduler/engine/template-catalogue.ts";
import { templateOwner, toWorkload, type Workload } from "../scheduler/engine/workloads.ts";
import { deployment } from "../scheduler/testing/test-engine.ts";
import { systemClock } from "../kit/clock.ts";
import { type Figure, median } from "./figure.ts";

const nodeCount = 1_000;
const ownerCount = 100;
const instanceCount = 100_000;
const resources = { requests: { cpu: "10m", memory: "1Mi" } };

interface Cluster {
  readonly state: ClusterState;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly catalogue: TemplateCatalogue;
}

/** Each workload has as many instances on each node as every other one. */
function makeCluster(): Cluster {
  const state = new ClusterState();
  for (let node = 0; node < nodeCount; node++) state.putNode({ ...noInstances, node: aNode(`n${node}`) });
  const catalogue = new TemplateCatalogue({
    lookup: () => () => undefined,
    revisionTemplate: () => undefined,
    latestTemplate: () => undefined,
  });
  const workloads = new Map<string, Workload>();
  const replicas = instanceCount / ownerCount;
  for (let number = 0; number < ownerCount; number++) {
    const name = `app-${number}`;
    const object = { ...deployment(replicas, { resources }), metadata: aMeta(name) };
    const workload = toWorkload("WasmDeployment", object);
    const { uid } = object.metadata;
    workloads.set(uid, workload);
    const { requirements, templateHash, labels } = catalogue.entry(templateOwner(workload));
    const { requests } = requirements;
    for (let i = 0; i < replicas; i++)
      state.addInstance(
        anInstance(`${uid}-${i}`, {
          owner: { kind: "WasmDeployment", name, uid },
          templateHash,
          labels,
          requests,
          state: ready(`n${i % nodeCount}`),
        }),
      );
  }
  return { state, workloads, catalogue };
}

const noInstances = {
  committed: {
    cpuMillis: 0,
    memoryBytes: 0,
    instances: 0,
    processes: 0,
    extended: new Map<string, number>(),
  },
  ports: [],
  modules: new Map(),
  usageExcess: undefined,
};

/** Milliseconds of CPU, and of the longest turn of the event loop meanwhile. */
async function measure(
  work: () => Promise<unknown>,
): Promise<{ readonly cpuMs: number; readonly turnMs: number }> {
  const over = new AbortController();
  let turnMs = 0;
  const watch = async () => {
    while (!over.signal.aborted) {
      const before = process.cpuUsage();
      await nextTurn();
      turnMs = Math.max(turnMs, millisecondsSince(before));
    }
  };
  const before = process.cpuUsage();
  const watching = watch();
  await work();
  const cpuMs = millisecondsSince(before);
  over.abort();
  await watching;
  return { cpuMs, turnMs };
}

function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function explainMs({ state, workloads, catalogue }: Cluster): number {
  const placer = new Placer({ profiles: toProfiles(defaultConfiguration), seed: 0, cachedRequestsMax: 1 });
  const [workload] = workloads.values();
  if (!workload) return 0;
  const { requirements } = catalogue.entry(templateOwner(workload));
  const request = { key: "bench", requirements, neighbours: state.neighbours };
  const times = Array.from({ length: 21 }, () => {
    const begun = process.cpuUsage();
    surveyNodes(placer.explain(state.snapshot(), request), 50);
    return millisecondsSince(begun);
  });
  return median(times);
}

const questions: readonly (readonly [name: string, action: SimulatedAction])[] = [
  ["drain a node", { kind: "drain", nodeName: "n1" }],
  [
    "double a workload of 1,000",
    { kind: "scale", workload: "WasmDeployment", namespace: "default", name: "app-1", factor: 2 },
  ],
  ["add 100 nodes", { kind: "addNodes", like: "n1", count: 100 }],
];

export async function* run(): AsyncGenerator<Figure> {
  const cluster = makeCluster();
  const { state, workloads, catalogue } = cluster;
  yield { name: "explain an instance, 1,000 nodes (CPU)", value: explainMs(cluster), unit: "ms" };
  const copies = Array.from({ length: 3 }, () => {
    const begun = process.cpuUsage();
    const copying = copyState(partsOf(state));
    while (copying.next().done !== true);
    return millisecondsSince(begun);
  });
  const copyMs = median(copies);
  yield { name: "copy the state of 100,000 instances (CPU)", value: copyMs, unit: "ms" };
  const simulator = new EngineSimulator({
    state,
    clock: systemClock,
    quotas: new QuotaBook(state.quotaUsage),
    priorities: new PriorityClasses(),
    workloads,
    entryOf: (workload) => catalogue.entry(templateOwner(workload)),
    isolationFor: (_, { requirements }) => requirements.isolation,
    lookup: () => () => undefined,
    refusals: () => [],
    placement: defaultConfiguration,
  });
  const { signal } = new AbortController();
  for (const [name, action] of questions) {
    const rounds = [];
    for (let round = 0; round < 3; round++)
      rounds.push(await measure(() => simulator.simulate({ actions: [action], limit: 100 }, signal)));
    const cpuMs = median(rounds.map((round) => round.cpuMs));
    const title = `simulate: ${name}`;
    yield { name: `${title} (CPU)`, value: cpuMs, unit: "ms" };
    yield { name: `${title}, against copying the state`, value: cpuMs / copyMs, unit: "x" };
    yield {
      name: `${title}, longest turn (CPU)`,
      value: median(rounds.map(({ turnMs }) => turnMs)),
      unit: "ms",
    };
  }
}
