import { expect, test } from "vitest";
import { localWakeAnnotation } from "../../../api/wake-up.ts";
import { WherryError } from "../../../kit/errors.ts";
import type { WriteOutcome } from "../../backend/backend.ts";
import { FakeBackend } from "../../testing/fake-backend.ts";
import { FakeNode } from "../../testing/fake-node.ts";
import { startRouteCluster } from "../../testing/route-cluster.ts";
import { eventsIn } from "../../testing/test-engine.ts";

/** Counts the writes of objects, and refuses them if told to. */
class WatchedBackend extends FakeBackend {
  updates = 0;
  refusal: WherryError | undefined;

  override async update(...what: Parameters<FakeBackend["update"]>): Promise<WriteOutcome> {
    if (what[0].plural === "wasmdeployments") this.updates++;
    if (this.refusal === undefined) return super.update(...what);
    // As long as a way through the store takes.
    for (let turns = 0; turns < 4; turns++) await turn();
    throw this.refusal;
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function startAsleep() {
  const backend = new WatchedBackend();
  const cluster = await startRouteCluster(backend);
  const a = cluster.gatewayNode("a");
  const { uid } = cluster.serve("app", 0, { wakeOnRequest: true }).metadata;
  cluster.route("web");
  await cluster.pass(300);
  const replicas = () => {
    const object = backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "app");
    return (object?.["spec"] as { replicas: number } | undefined)?.replicas;
  };
  const reasons = () => eventsIn(backend).map((event) => event["reason"]);
  return { ...cluster, backend, a, uid, replicas, reasons };
}

test("RequestWakeUps: the instance is there before the store has heard of it", async () => {
  const { backend, a, uid, replicas, reasons, pass } = await startAsleep();
  expect(a.gateway.workloads.get(uid)?.wakes).toBe(true);
  expect(a.held.size).toBe(0);
  backend.holdWrites = true;
  a.wake(uid);
  await turn();
  expect(a.held.size).toBe(1);
  expect(replicas()).toBe(0);
  await pass(1_000);
  expect(a.stopped).toEqual([]);
  backend.releaseWrites();
  await pass(2_000);
  expect(replicas()).toBe(1);
  expect(a.held.size).toBe(1);
  expect(a.stopped).toEqual([]);
  expect(reasons()).toContain("WokenByRequest");
});

test("RequestWakeUps: a thousand requests are one write and one instance", async () => {
  const { backend, a, uid, pass } = await startAsleep();
  for (let time = 0; time < 1_000; time++) a.wake(uid, uid, "unheard-of");
  await pass(1_000);
  for (let time = 0; time < 1_000; time++) a.wake(uid);
  await pass(1_000);
  expect(backend.updates).toBe(1);
  expect(a.held.size).toBe(1);
});

test("RequestWakeUps: a write that conflicts is tried again with what is there now", async () => {
  const { backend, a, uid, replicas, serve, pass } = await startAsleep();
  backend.holdWrites = true;
  a.wake(uid);
  await pass(100);
  serve("app", 0, { wakeOnRequest: true, minReadySeconds: 1 });
  await pass(100);
  expect(a.held.size).toBe(1);
  backend.releaseWrites();
  await pass(500);
  expect(replicas()).toBe(1);
  expect(backend.updates).toBe(2);
  expect(a.held.size).toBe(1);
});

test("RequestWakeUps: what the store refuses for good is taken back", async () => {
  const { backend, a, uid, replicas, reasons, pass } = await startAsleep();
  backend.refusal = new WherryError("Invalid", "replicas may not be 1 today");
  a.wake(uid);
  await pass(500);
  expect(a.stopped).toHaveLength(1);
  await pass(2_000);
  expect(replicas()).toBe(0);
  expect(reasons()).toContain("WakeUpFailed");
  backend.refusal = undefined;
  a.wake(uid);
  await pass(500);
  expect(replicas()).toBe(1);
});

test("RequestWakeUps: a store that is away for a while keeps nobody waiting", async () => {
  const { backend, a, uid, replicas, pass } = await startAsleep();
  backend.refusal = new WherryError("BackendUnavailable", "the store is down", { retryable: true });
  a.wake(uid);
  await pass(30_000);
  expect(a.held.size).toBe(1);
  expect(a.stopped).toEqual([]);
  backend.refusal = undefined;
  await pass(10_000);
  expect(replicas()).toBe(1);
});

test.each([
  { name: "without wakeOnRequest", spec: { wakeOnRequest: false }, woken: 0 },
  { name: "whose updates are paused", spec: { paused: true }, woken: 1 },
])("RequestWakeUps: a deployment $name", async ({ spec, woken }) => {
  const { a, uid, replicas, serve, pass } = await startAsleep();
  serve("app", 0, { wakeOnRequest: true, ...spec });
  await pass(100);
  a.wake(uid);
  await pass(1_000);
  expect(replicas()).toBe(woken);
  expect(a.held.size).toBe(woken);
});

test("RequestWakeUps: a quota in the way is told, and nothing is scaled", async () => {
  const { backend, a, uid, replicas, reasons, pass } = await startAsleep();
  backend.put("resourcequotas", {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "none", namespace: "default" },
    spec: { hard: { "count/wasminstances.live.wherry.dev": "0" } },
  });
  await pass(100);
  a.wake(uid);
  await pass(2_000);
  expect(replicas()).toBe(0);
  expect(a.held.size).toBe(0);
  expect(reasons()).toContain("WakeUpRefused");
});

test("RequestWakeUps: what has been scaled is not scaled again, and sleeps when it is told to", async () => {
  const { backend, a, uid, replicas, serve, pass } = await startAsleep();
  serve("app", 3, { wakeOnRequest: true });
  a.wake(uid);
  await pass(500);
  expect(replicas()).toBe(3);
  expect(backend.updates).toBe(0);
  serve("app", 0, { wakeOnRequest: true });
  await pass(500);
  expect(a.stopped).toHaveLength(3);
});

test("RequestWakeUps: the gateway at which a request waits hears first of what is ready", async () => {
  const { a, gatewayNode, uid, pass } = await startAsleep();
  const b = gatewayNode("b");
  await pass(100);
  b.wake(uid);
  await pass(200);
  const runner = a.held.size > 0 ? a : b;
  runner.runAll();
  await pass(100);
  const other = runner === a ? b : a;
  expect(other.gateway.ready("app")).toEqual({ [runner.nodeName]: 1 });
});

test("RequestWakeUps: what a node has woken up by itself is kept, and declared", async () => {
  const { backend, engine, a, uid, replicas, pass } = await startAsleep();
  a.wake(uid);
  await pass(500);
  a.runAll();
  const [held] = a.held.values();
  if (!held) throw new Error("nothing was made");
  await engine.close();
  backend.put("wasmdeployments", {
    ...backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "app")!,
    spec: {
      ...(backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "app")?.[
        "spec"
      ] as object),
      replicas: 0,
    },
  });
  const next = await startRouteCluster(backend, 8);
  const local = {
    ...held,
    instance: {
      ...held.instance,
      uid: "local",
      name: "app-local",
      annotations: { [localWakeAnnotation]: "true" },
    },
    status: { ...held.status, phase: "Running", ready: true },
  } as const;
  const back = new FakeNode("a", next.engine.nodes, [local]).connect();
  await next.pass(1_000);
  expect(back.stopped).toEqual([]);
  expect(replicas()).toBe(1);
  expect(next.instances().map(({ uid: one }) => one)).toEqual(["local"]);
});

test("RequestWakeUps: after a change of leader a request is not kept waiting for nodes that are away", async () => {
  const { backend, engine, a, uid, pass, gatewayNode } = await startAsleep();
  gatewayNode("b");
  await pass(200);
  await engine.close();
  const next = await startRouteCluster(backend, 8);
  const back = new FakeNode("a", next.engine.nodes, [...a.held.values()]).connect();
  await next.pass(200);
  back.wake(uid);
  await turn();
  expect(back.held.size).toBe(1);
});
