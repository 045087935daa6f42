/** Autoscalers in the engine, with the decision as it is: only metrics, nodes and time are pretended. */
import { expect, test } from "vitest";
import type { WasmAutoscalerSpec, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { autoscaler, queueMetric } from "../testing/autoscaler-life.ts";
import { BackendScales } from "../testing/backend-scales.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { FakeMetricSource } from "../testing/fake-metric-source.ts";
import { deployment, eventsIn, startEngine, statusOf } from "../testing/test-engine.ts";

interface Scene {
  readonly spec?: Partial<WasmAutoscalerSpec>;
  readonly replicas?: number;
  readonly backend?: FakeBackend;
  readonly more?: Readonly<Record<string, unknown>>;
}

async function start({ spec = {}, replicas = 2, backend = new FakeBackend(), more = {} }: Scene = {}) {
  const redis = new FakeMetricSource();
  const scales = new BackendScales(backend);
  const life = await startEngine(backend, 7, undefined, { scales, sources: { Redis: redis } });
  const isFirst = backend.get({ group: "", plural: "wasmdeployments" }, "default", "app") === undefined;
  if (isFirst) {
    const app = deployment(replicas);
    backend.put("wasmdeployments", { ...app, spec: { ...app.spec, ...more } });
    backend.put("wasmautoscalers", autoscaler("auto", spec));
  }
  const app = () => backend.get({ group: "", plural: "wasmdeployments" }, "default", "app");
  return {
    ...life,
    redis,
    app,
    replicas: () => (app()?.["spec"] as { readonly replicas: number } | undefined)?.replicas,
    status: () => statusOf(backend, "wasmautoscalers", "auto") as WasmAutoscalerStatus,
    condition: (type: string) =>
      (statusOf(backend, "wasmautoscalers", "auto") as WasmAutoscalerStatus).conditions?.find(
        (one) => one.type === type,
      ),
    value: (value: number) =>
      redis.say("auto", { kind: "value", value, isAtLeast: false, atMs: life.clock.now() }),
    unknown: () => redis.say("auto", { kind: "unknown", reason: "Unreachable", message: "no answer" }),
  };
}

test("Engine: load rises and falls, and the deployment with it, down only after the window", async () => {
  const life = await start();
  life.node("n1");
  life.value(6);
  await life.pass(40_000);
  expect(life.replicas()).toBe(6);
  expect(life.states().filter((state) => state === "bound")).toHaveLength(6);
  expect(life.status()).toMatchObject({ desiredReplicas: 6, reference: "WasmDeployment/app" });
  const told = eventsIn(life.backend).filter(({ reason }) => reason === "SuccessfulRescale");
  expect(told[0]).toMatchObject({ involvedObject: { kind: "WasmAutoscaler", name: "auto" }, type: "Normal" });
  life.value(1);
  await life.pass(200_000);
  expect(life.replicas()).toBe(6);
  await life.pass(400_000);
  expect(life.replicas()).toBe(1);
  await life.engine.close();
});

test("Engine: a metric that is not known keeps everything, and a whole window after it", async () => {
  const life = await start({ replicas: 6 });
  life.value(6);
  await life.pass(60_000);
  life.unknown();
  await life.pass(1_000_000);
  expect(life.replicas()).toBe(6);
  expect(life.condition("ScalingActive")).toMatchObject({ status: "False", reason: "Unreachable" });
  life.value(1);
  await life.pass(250_000);
  expect(life.replicas()).toBe(6);
  await life.pass(400_000);
  expect(life.replicas()).toBe(1);
  await life.engine.close();
});

test("Engine: a new leader takes nothing away while nodes of before are unknown", async () => {
  const scaleDown = { stabilizationWindowSeconds: 0, selectPolicy: "Max" as const };
  const first = await start({ replicas: 5, spec: { behavior: { scaleDown } } });
  first.node("n1");
  first.node("n2");
  first.value(5);
  await first.pass(20_000);
  await first.engine.close();
  const second = await start({ backend: first.backend });
  second.value(1);
  second.node("n1");
  await second.pass(12_000);
  expect(second.condition("AbleToScale")).toMatchObject({ reason: "ScaleDownHeld" });
  expect(second.replicas()).toBe(5);
  // The other one is lost soon, and then the metric has to be known for a minute.
  await second.pass(60_000);
  expect(second.replicas()).toBe(5);
  await second.pass(30_000);
  expect(second.replicas()).toBe(1);
  await second.engine.close();
});

test("Engine: idle for long enough it goes to zero; a request that wakes it counts, and the idle time begins anew", async () => {
  const life = await start({
    spec: { minReplicas: 0, idleSeconds: 60 },
    replicas: 1,
    more: { wakeOnRequest: true },
  });
  const node = life.node("n1");
  life.value(0);
  await life.pass(500_000);
  expect(life.replicas()).toBe(0);
  node.wake(life.app()?.metadata.uid ?? "");
  const seen = new Set<number | undefined>();
  for (let second = 0; second < 55; second++) {
    await life.pass(1_000);
    seen.add(life.replicas());
  }
  expect([...seen]).toEqual([1]);
  await life.pass(400_000);
  expect(life.replicas()).toBe(0);
  await life.engine.close();
});

test("Engine: a zero that was decided before somebody set another number is not written", async () => {
  const life = await start({ spec: { minReplicas: 0, idleSeconds: 60 }, replicas: 1 });
  life.value(0);
  await life.pass(200_000);
  life.backend.holdWrites = true;
  await life.pass(200_000);
  // Its write of 0 is under way now.
  const app = life.app()!;
  life.backend.put("wasmdeployments", { ...app, spec: { ...(app["spec"] as object), replicas: 2 } });
  life.backend.releaseWrites();
  await life.pass(100);
  expect(life.engine.autoscalers?.rescales).toMatchObject({ down: 0, conflict: 1 });
  expect(life.replicas()).toBe(2);
  await life.engine.close();
});

test("Engine: a paused deployment is scaled as others are, and one at 0 with a minimum of 1 is not", async () => {
  const paused = await start({ more: { paused: true } });
  paused.value(4);
  await paused.pass(30_000);
  expect(paused.replicas()).toBe(4);
  await paused.engine.close();
  const off = await start({ replicas: 0 });
  off.value(4);
  await off.pass(30_000);
  expect(off.replicas()).toBe(0);
  expect(off.condition("ScalingActive")).toMatchObject({ status: "False", reason: "ScalingDisabled" });
  await off.engine.close();
});

test("Engine: a target that is not there is said to be missing, and scaled as soon as it is", async () => {
  const life = await start();
  life.backend.remove("wasmdeployments", life.app()!);
  life.value(4);
  await life.pass(5_000);
  expect(life.condition("AbleToScale")).toMatchObject({ status: "False", reason: "FailedGetScale" });
  expect(eventsIn(life.backend).map(({ reason }) => reason)).toContain("FailedGetScale");
  life.backend.put("wasmdeployments", deployment(1));
  life.value(4);
  await life.pass(20_000);
  expect(life.replicas()).toBe(4);
  expect(life.condition("AbleToScale")?.status).toBe("True");
  await life.engine.close();
});

test("Engine: of two autoscalers on one target the younger says whom it leaves it to", async () => {
  const life = await start();
  life.backend.put(
    "wasmautoscalers",
    autoscaler("younger", { metrics: [queueMetric("other")] }, "2026-01-02T00:00:00Z"),
  );
  life.value(4);
  life.redis.say("younger", { kind: "value", value: 9, isAtLeast: false, atMs: life.clock.now() });
  await life.pass(60_000);
  expect(life.replicas()).toBe(4);
  const { conditions } = statusOf(life.backend, "wasmautoscalers", "younger") as WasmAutoscalerStatus;
  expect(conditions?.find(({ type }) => type === "AbleToScale")).toMatchObject({
    status: "False",
    reason: "AmbiguousTarget",
    message: expect.stringContaining("auto"),
  });
  await life.engine.close();
});
