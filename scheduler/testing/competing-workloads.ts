/** An engine with small nodes, and workloads of several priorities that compete for them. */
import { assertNever } from "../../kit/errors.ts";
import { type InstanceState, noAmounts } from "../core/model.ts";
import type { FakeBackend } from "./fake-backend.ts";
import { FakeNode } from "./fake-node.ts";
import { startEngine } from "./test-engine.ts";

export const priorities = { low: 10, middle: 100, high: 1_000, patient: 1_000 } as const;
export type PriorityName = keyof typeof priorities;

/** Each instance takes one cpu; a node has room for so many. */
export async function startCompetition(backend?: FakeBackend, seed?: number) {
  const engine = await startEngine(backend, seed);
  const classes = Object.entries(priorities).map(([name, value]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    preemptionPolicy: name === "patient" ? "Never" : "PreemptLowerPriority",
  }));
  for (const one of classes) engine.backend.put("priorityclasses", one);
  await engine.pass(100);
  const node = (name: string, cpus: number) => {
    const capacity = {
      cpuMillis: 1_000 * cpus,
      memoryBytes: 2 ** 32,
      instances: 1_000,
      processes: 10,
      extended: noAmounts,
    };
    return new FakeNode(name, engine.engine.nodes).connect({ capacity, allocatable: capacity });
  };
  const deploy = (name: string, replicas: number, priority: PriorityName = "low", cpus = 1) =>
    engine.backend.put("wasmdeployments", {
      ...workload("WasmDeployment", name),
      spec: {
        replicas,
        minReadySeconds: 0,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
        template: template(priority, cpus, "Always"),
      },
    });
  const gang = (name: string, size: number, priority: PriorityName = "low", spec: object = {}) =>
    engine.backend.put("wasmjobs", {
      ...workload("WasmJob", name),
      spec: {
        completions: size,
        parallelism: size,
        backoffLimit: 0,
        placementPolicy: "AllOrNothing",
        template: template(priority, 1, "Never"),
        ...spec,
      },
    });
  const remove = (plural: string, name: string) => {
    const object = engine.backend.get({ group: "wherry.dev", plural }, "default", name);
    if (object) engine.backend.remove(plural, object);
  };
  /** Of each workload, where its instances are: a node, "stopping on" it, "nominated for" it, or "pending". */
  const places = () => {
    const shown: Record<string, string[]> = {};
    for (const { owner, state } of engine.instances()) (shown[owner.name] ??= []).push(placeText(state));
    for (const list of Object.values(shown)) list.sort();
    return shown;
  };
  const messages = (name: string) => [
    ...new Set(
      engine
        .instances()
        .flatMap(({ owner, state }) =>
          owner.name === name && state.kind === "pending" ? [`${state.reason}: ${state.message}`] : [],
        ),
    ),
  ];
  return { ...engine, node, deploy, gang, remove, places, messages };
}

function placeText(state: InstanceState): string {
  switch (state.kind) {
    case "pending":
      return state.nominatedNode === undefined ? "pending" : `nominated for ${state.nominatedNode}`;
    case "bound":
      return state.nodeName;
    case "stopping":
      return `stopping on ${state.nodeName}`;
    case "ended":
      return `ended: ${state.observed.reason}`;
    default:
      return assertNever(state, "instance state");
  }
}

function workload(kind: string, name: string) {
  return { apiVersion: "wherry.dev/v1alpha1", kind, metadata: { name, namespace: "default" } };
}

function template(priorityClassName: PriorityName, cpus: number, restartPolicy: string) {
  const resources = { requests: { cpu: String(cpus), memory: "1Mi" } };
  return { spec: { module: { image: "file:///m.wasm" }, resources, restartPolicy, priorityClassName } };
}
