import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import type { ResourceKey } from "../backend/backend.ts";
import { aResourceQuota } from "../core/testing/builders.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { Engine } from "./engine.ts";

const lostAfterMs = 15_000;
const quotaKey = { group: "", plural: "resourcequotas" };

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Counts of objects as a test sets them. */
class FakeCounts {
  readonly counts = new Map<string, number>();
  #listener: (kind: ResourceKey, namespace: string) => void = () => {};

  count({ group, plural }: ResourceKey, namespace: string): number | undefined {
    return this.counts.get(`${group}/${plural}/${namespace}`);
  }

  subscribe(listener: (kind: ResourceKey, namespace: string) => void): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => (this.#listener = () => {}) };
  }

  set(plural: string, count: number): void {
    this.counts.set(`/${plural}/default`, count);
    this.#listener({ group: "", plural }, "default");
  }
}

/** Another seed for another process: uids must differ. */
async function start(backend = new FakeBackend(), seed = 7) {
  const clock = new FakeClock();
  const objectCounts = new FakeCounts();
  const random = seededRandom(seed);
  const engine = new Engine({ backend, clock, random, log: silentLog, lostAfterMs, objectCounts });
  await engine.start();
  await settle();
  const node = (name: string) => new FakeNode(name, engine.nodes).connect();
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settle();
    }
  };
  const pending = () =>
    [...engine.instances(undefined)].flatMap(({ state }) => (state.kind === "pending" ? [state] : []));
  const bound = (namespace?: string) =>
    [...engine.instances(namespace)].filter(({ state }) => state.kind === "bound").length;
  const used = (name = "q") => statusOf(backend, name)["used"];
  return { backend, engine, node, pass, pending, bound, used, objectCounts };
}

function statusOf(backend: FakeBackend, name: string): Record<string, unknown> {
  const object = backend.get(quotaKey, "default", name);
  return (object?.["status"] as Record<string, unknown> | undefined) ?? {};
}

function quota(
  backend: FakeBackend,
  hard: Record<string, string | number>,
  spec = {},
  name = "q",
): ApiObject {
  const { metadata, ...rest } = aResourceQuota(name, hard, spec);
  return backend.put("resourcequotas", {
    ...rest,
    metadata: { name: metadata.name, namespace: "default" },
  });
}

const requests300m = { requests: { cpu: "300m", memory: "64Mi" } };

function deployment(replicas: number, resources: object = requests300m, name = "app", namespace = "default") {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, namespace },
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      template: { spec: { module: { image: "file:///m.wasm" }, resources, restartPolicy: "Always" } },
    },
  };
}

function job(count: number, spec: object = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata: { name: "work", namespace: "default" },
    spec: {
      completions: count,
      parallelism: count,
      backoffLimit: 6,
      ...spec,
      template: {
        spec: { module: { image: "file:///m.wasm" }, resources: requests300m, restartPolicy: "Never" },
      },
    },
  };
}

const exceeded =
  "exceeded quota: q, requested: requests.cpu=300m, used: requests.cpu=900m, limited: requests.cpu=1";

test("Engine: a quota lets three instances through, and the fourth says why it waits", async () => {
  const { backend, node, pass, pending, bound, used } = await start();
  const a = node("a");
  quota(backend, { "requests.cpu": "1", "count/wasminstances.live.wherry.dev": 10 });
  backend.put("wasmdeployments", deployment(4));
  await pass(500);
  expect(a.held.size).toBe(3);
  expect(bound()).toBe(3);
  expect(pending()).toEqual([{ kind: "pending", reason: "Unschedulable", message: exceeded }]);
  expect(used()).toEqual({ "requests.cpu": "900m", "count/wasminstances.live.wherry.dev": "3" });
  await pass(2_000);
  const events: ApiObject[] = [];
  backend.watch(
    { group: "", plural: "events" },
    (event) => event.kind === "put" && events.push(event.object),
    new AbortController().signal,
  );
  expect(events.find(({ reason }) => reason === "FailedPlacement")).toMatchObject({
    type: "Warning",
    message: exceeded,
    involvedObject: { kind: "WasmDeployment", name: "app" },
  });
});

test("Engine: raising a quota, or removing it, places what waits for it", async () => {
  const { backend, node, pass, pending, bound } = await start();
  node("a");
  quota(backend, { cpu: "600m" });
  backend.put("wasmdeployments", deployment(4));
  await pass(500);
  expect(bound()).toBe(2);
  quota(backend, { cpu: "1100m" });
  await pass(1_000);
  expect(bound()).toBe(3);
  expect(pending()[0]?.message).toContain("used: cpu=900m, limited: cpu=1100m");
  backend.remove("resourcequotas", backend.get(quotaKey, "default", "q")!);
  await pass(1_000);
  expect(bound()).toBe(4);
});

test("Engine: an instance that ends makes room for the one that waits", async () => {
  const { backend, node, pass, bound, used } = await start();
  const a = node("a");
  quota(backend, { "requests.memory": "128Mi" });
  backend.put("wasmjobs", job(3));
  await pass(500);
  expect(bound()).toBe(2);
  a.runAll();
  await pass(5_000);
  expect(a.held.size).toBe(2);
  expect(used()).toEqual({ "requests.memory": "128Mi" });
  const [uid = ""] = a.held.keys();
  a.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
  await pass(5_000);
  expect(bound()).toBe(2);
  expect(a.held.size).toBe(3);
});

test("Engine: deleting one workload's instances places another's", async () => {
  const { backend, node, pass, bound } = await start();
  const a = node("a");
  quota(backend, { "count/wasminstances.live.wherry.dev": "2" });
  const first = backend.put("wasmdeployments", deployment(2, requests300m, "first"));
  await pass(500);
  backend.put("wasmdeployments", deployment(2, requests300m, "second"));
  await pass(500);
  expect(bound()).toBe(2);
  backend.remove("wasmdeployments", first);
  await pass(500);
  for (const uid of a.stopped) a.report(uid, { phase: "Failed", ready: false, reason: "Stopped" });
  await pass(1_000);
  expect(new Set([...a.held.values()].map(({ instance }) => instance.owner.name))).toEqual(
    new Set(["second"]),
  );
  expect(bound()).toBe(2);
});

test("Engine: a namespace over its quota holds up no other", async () => {
  const { backend, node, pass, bound } = await start();
  node("a");
  quota(backend, { cpu: "0" });
  backend.put("wasmdeployments", deployment(600, { requests: { cpu: "1m", memory: "1Mi" } }));
  backend.put("wasmdeployments", deployment(3, requests300m, "app", "other"));
  await pass(300);
  expect(bound("default")).toBe(0);
  expect(bound("other")).toBe(3);
});

test("Engine: after a restart adopted instances count, and until nodes have reported nothing is placed", async () => {
  const first = await start();
  const a = first.node("a");
  quota(first.backend, { "requests.cpu": "1" });
  first.backend.put("wasmdeployments", deployment(3));
  await first.pass(500);
  a.runAll();
  await first.pass(500);
  await first.engine.close();

  const second = await start(first.backend, 8);
  const b = second.node("b");
  second.backend.put("wasmdeployments", deployment(2, requests300m, "new"));
  await second.pass(1_000);
  expect(second.pending()[0]?.message).toContain("status unknown for quota: q, resources: requests.cpu");
  expect(second.used()).toEqual({ "requests.cpu": "900m" });
  new FakeNode("a", second.engine.nodes, [...a.held.values()]).connect();
  await second.pass(2_000);
  expect(second.bound()).toBe(3);
  expect(b.held.size).toBe(0);
  expect(second.pending().map(({ message }) => message)).toEqual([exceeded, exceeded]);
  expect(second.used()).toEqual({ "requests.cpu": "900m" });
});

test("Engine: a quota that counts limits refuses instances that do not say theirs, whatever runs goes on", async () => {
  const { backend, node, pass, pending, bound, used } = await start();
  node("a");
  backend.put("wasmdeployments", deployment(1, requests300m, "early"));
  await pass(500);
  quota(backend, { "limits.cpu": "1", "limits.memory": "1Gi" });
  backend.put("wasmdeployments", deployment(1));
  backend.put("wasmdeployments", deployment(3, { limits: { cpu: "400m", memory: "64Mi" } }, "limited"));
  await pass(500);
  expect(bound()).toBe(3);
  expect(pending().map(({ message }) => message)).toEqual([
    "failed quota: q: must specify limits.cpu for: app; limits.memory for: app",
    "exceeded quota: q, requested: limits.cpu=400m, used: limits.cpu=800m, limited: limits.cpu=1",
  ]);
  // They are Guaranteed, so each has a process, which takes 32Mi.
  expect(used()).toEqual({ "limits.cpu": "800m", "limits.memory": "192Mi" });
});

test("Engine: a quota of the scope Terminating counts jobs with a deadline only", async () => {
  const { backend, node, pass, bound, used } = await start();
  node("a");
  quota(backend, { cpu: "600m" }, { scopes: ["Terminating"] });
  quota(backend, { cpu: "300m" }, { scopes: ["NotTerminating"] }, "rest");
  backend.put("wasmdeployments", deployment(2));
  backend.put("wasmjobs", job(4, { activeDeadlineSeconds: 3600 }));
  await pass(500);
  expect(bound()).toBe(3);
  expect(used()).toEqual({ cpu: "600m" });
  expect(used("rest")).toEqual({ cpu: "300m" });
});

test("Engine: a quota's status follows the objects it counts, and is written on change only", async () => {
  const { backend, pass, objectCounts } = await start();
  quota(backend, { configmaps: "2000m", "count/widgets.example.com": "1", pods: 3, cpu: "1000m" });
  objectCounts.set("configmaps", 1);
  await pass(500);
  expect(statusOf(backend, "q")).toEqual({
    hard: { configmaps: "2", "count/widgets.example.com": "1", pods: "3", cpu: "1" },
    used: { configmaps: "1", pods: "0", cpu: "0" },
  });
  for (let count = 2; count < 50; count++) objectCounts.set("configmaps", count);
  await pass(500);
  expect(statusOf(backend, "q")["used"]).toMatchObject({ configmaps: "49" });
  const version = () => backend.get(quotaKey, "default", "q")?.metadata.resourceVersion;
  const before = version();
  objectCounts.set("configmaps", 49);
  objectCounts.set("secrets", 3);
  await pass(2_000);
  expect(version()).toBe(before);
});
