import { expect, test } from "vitest";
import type { WorkloadUsage } from "../../api/gen/kinds.gen.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { UsageFigures } from "../core/cluster-state/usage-book.ts";
import type { Instance } from "../core/model.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";
import { WorkloadUsages } from "./workload-usages.ts";
import { toWorkload } from "./workloads.ts";

function usagesOf(workloads: readonly object[], instances: readonly object[] = []) {
  const clock = new FakeClock();
  const counted: string[] = [];
  const usage = new Map<string, UsageFigures>();
  const usages = new WorkloadUsages(
    {
      workloads: () => workloads as never,
      instancesOf: (uid) => {
        counted.push(uid);
        return instances as readonly Instance[];
      },
      isReachable: (nodeName) => nodeName !== "away",
      usageOf: (uid) => usage.get(uid),
      trafficOf: () => undefined,
    },
    clock,
  );
  const read = (key: string) => usages.getByKey(key) as unknown as WorkloadUsage | undefined;
  return { usages, clock, counted, usage, read };
}

function job(name: string, phase: string, namespace = "default") {
  const spec = { suspend: false, parallelism: 5, completions: 8 };
  return toWorkload("WasmJob", {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata: { name, namespace, uid: name },
    spec,
    status: { phase, succeeded: 6 },
  } as never);
}

function bound(uid: string, nodeName: string, ready: boolean) {
  return {
    uid,
    state: { kind: "bound", nodeName, observed: { ready } },
    requests: { cpuMillis: 100, memoryBytes: 2 ** 20 },
  };
}

const figures = { fuel: 0, throttledUs: 0, hasRate: true, atMs: 0, isIdle: false };

test("WorkloadUsages: what a deployment uses and is asked, from what its nodes and gateways tell", async () => {
  const { engine, backend, node, pass } = await startEngine();
  const a = node("a");
  const { uid } = backend.put("wasmdeployments", deployment(2)).metadata;
  await pass(200);
  for (let second = 1; second <= 13; second++) {
    a.tell({ uid, arrived: 30 * second, inFlight: 4, queued: 1 });
    await pass(1_000);
  }
  const [key = ""] = engine.usages.keys("default");
  expect(key).toBe("default\0wasmdeployment.app");
  expect(engine.usages.getByKey(key)).toMatchObject({
    spec: { workload: { kind: "WasmDeployment", name: "app", uid } },
    status: {
      instances: { wanted: 2 },
      traffic: { requestsPerSecond: 30, inFlight: 4, queued: 1, isAtLeast: false },
    },
  });
});

test("WorkloadUsages: sums what was metered lately, and sets it against what those instances requested", () => {
  const instances = [
    bound("a", "here", true),
    bound("idle", "here", true),
    bound("old", "away", true),
    bound("unmetered", "here", false),
    { uid: "ended", state: { kind: "ended" } },
    { uid: "pending", state: { kind: "pending" } },
  ];
  const { read, usage, clock } = usagesOf([job("a", "Running")], instances);
  for (const uid of ["a", "old", "ended"])
    usage.set(uid, { ...figures, cpuMillis: 70, memoryBytes: 4096, atMs: uid === "a" ? 60_000 : 0 });
  usage.set("idle", { ...figures, cpuMillis: 0, memoryBytes: 4096, isIdle: true });
  clock.advance(61_000);
  expect(read("default\0wasmjob.a")?.status).toEqual({
    instances: { ready: 2, wanted: 2 },
    usage: { instances: 2, cpu: "70m", memory: "8Ki", requests: { cpu: "200m", memory: "2Mi" } },
  });
});

test("WorkloadUsages: how fast cpu is used is not known before an instance was metered twice", () => {
  const { read, usage, clock } = usagesOf(
    [job("a", "Running")],
    [bound("a", "here", true), bound("b", "here", true)],
  );
  usage.set("a", { ...figures, cpuMillis: 0, memoryBytes: 1024, hasRate: false });
  const requests = { cpu: "0", memory: "1Mi" };
  expect(read("default\0wasmjob.a")?.status?.usage).toEqual({ instances: 1, memory: "1Ki", requests });
  usage.set("b", { ...figures, cpuMillis: 30, memoryBytes: 1024 });
  clock.advance(1_000);
  expect(read("default\0wasmjob.a")?.status?.usage).toEqual({
    instances: 2,
    cpu: "30m",
    memory: "2Ki",
    requests: { cpu: "100m", memory: "2Mi" },
  });
});

test("WorkloadUsages: jobs that have ended are not among them, as soon as nothing of them runs", () => {
  const jobs = [job("over", "Complete"), job("goes-on", "Running"), job("failed", "Failed")];
  expect(usagesOf(jobs).usages.keys(undefined)).toEqual(["default\0wasmjob.goes-on"]);
  expect(usagesOf(jobs, [bound("a", "here", true)]).usages.keys(undefined)).toHaveLength(3);
});

test("WorkloadUsages: keys are in order, and of one namespace if asked for", () => {
  const { usages } = usagesOf([job("b", "", "two"), job("z", "", "one"), job("a", "", "two-b")]);
  expect(usages.keys(undefined)).toEqual(["one\0wasmjob.z", "two\0wasmjob.b", "two-b\0wasmjob.a"]);
  expect(usages.keys("two")).toEqual(["two\0wasmjob.b"]);
  expect(usages.keys("three")).toEqual([]);
});

test("WorkloadUsages: instances are counted once a second, however often they are asked for", () => {
  const { read, counted, clock } = usagesOf([job("a", ""), job("b", "")]);
  for (let time = 0; time < 5; time++) read("default\0wasmjob.a");
  expect(counted).toEqual(["a"]);
  expect(read("default\0wasmjob.none")).toBeUndefined();
  clock.advance(1_000);
  read("default\0wasmjob.a");
  expect(counted).toEqual(["a", "a"]);
});
