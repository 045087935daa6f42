/** The engine with a fake clock, on declared objects in memory and pretended nodes. */
import type { ApiObject } from "../../api/object-meta.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import { defaultConfiguration, type PlacementConfiguration } from "../core/placement/profile-declaration.ts";
import { Engine } from "../engine/engine.ts";
import type { AutoscalingOptions } from "../engine/engine-parts.ts";
import { FakeBackend } from "./fake-backend.ts";
import { FakeNode } from "./fake-node.ts";

export const lostAfterMs = 15_000;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Engines on one backend, one after the other, need different seeds if both make instances. */
export async function startEngine(
  backend = new FakeBackend(),
  seed = 7,
  placement: PlacementConfiguration = defaultConfiguration,
  autoscaling?: AutoscalingOptions,
) {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const engine = new Engine({
    backend,
    clock,
    random,
    log: silentLog,
    lostAfterMs,
    placement,
    wideHostNamespaces: ["default"],
    autoscaling,
  });
  await engine.start();
  await settle();
  const instances = () => [...engine.instances(undefined)];
  const states = () => instances().map(({ state }) => state.kind);
  const node = (name: string) => new FakeNode(name, engine.nodes).connect();
  /** Lets timers of up to `ms` fire and everything they cause happen. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settle();
    }
  };
  return { backend, clock, engine, instances, states, node, pass };
}

/** As the schema fills them in. */
const deploymentDefaults = {
  minReadySeconds: 0,
  progressDeadlineSeconds: 600,
  autoRollback: false,
  paused: false,
  revisionHistoryLimit: 10,
  rolloutOnConfigChange: false,
  rebalancePolicy: "Never",
};

export function deployment(replicas: number, template: Record<string, unknown> = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "app", namespace: "default" },
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      ...deploymentDefaults,
      template: {
        spec: { module: { image: "file:///m.wasm" }, resources: {}, restartPolicy: "Always", ...template },
      },
    },
  };
}

export function daemonSet(template: Record<string, unknown> = {}, spec: Record<string, unknown> = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    metadata: { name: "agent", namespace: "default" },
    spec: {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      minReadySeconds: 0,
      revisionHistoryLimit: 10,
      rolloutOnConfigChange: false,
      ...spec,
      template: {
        spec: { module: { image: "file:///m.wasm" }, resources: {}, restartPolicy: "Always", ...template },
      },
    },
  };
}

export function job(spec: Record<string, unknown> = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata: { name: "work", namespace: "default" },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      ...spec,
      template: { spec: { module: { image: "file:///m.wasm" }, resources: {}, restartPolicy: "Never" } },
    },
  };
}

export function statusOf(backend: FakeBackend, plural: string, name: string): Record<string, unknown> {
  const object = backend.get({ group: "wherry.dev", plural }, "default", name);
  return (object?.["status"] as Record<string, unknown> | undefined) ?? {};
}

/** The Events that are stored. */
export function eventsIn(backend: FakeBackend): readonly ApiObject[] {
  const events: ApiObject[] = [];
  const stop = new AbortController();
  backend.watch(
    { group: "", plural: "events" },
    (event) => event.kind === "put" && events.push(event.object),
    stop.signal,
  );
  stop.abort();
  return events;
}
