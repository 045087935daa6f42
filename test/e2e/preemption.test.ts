/** Priorities and gangs on a small node, with real processes. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";

const data = mkdtempSync(join(tmpdir(), "wherry-preemption-"));
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], {
    hostPaths: [guestFolder(), data],
    nodeArgs: ["--cpu", "1"],
  });
  for (const [name, value] of Object.entries({ low: 10, high: 1_000 }))
    await cluster.apply(
      stringify({ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value }),
    );
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

async function of(owner: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === owner);
}

const displays = (instances: readonly TestInstance[]) => instances.map(({ status }) => status.display).sort();
const half = { resources: { requests: { cpu: "500m", memory: "1Mi" } } };

test("the low one stops gracefully, the high one runs in its place, and the low one comes back when it may", async () => {
  const low = {
    ...half,
    priorityClassName: "low",
    lifecycle: { preStop: { exec: { args: ["leave", "/data/bye"] } } },
    volumes: [{ name: "data", hostPath: { path: data } }],
    mounts: [{ volume: "data", path: "/data" }],
  };
  await cluster.apply(deployment(2, { name: "low", image: await guestImage("patient"), template: low }));
  await eventually(async () => expect(displays(await of("low"))).toEqual(["Running", "Running"]));
  const before = new Set((await of("low")).map(({ metadata }) => metadata.uid));
  const high = { ...half, priorityClassName: "high" };
  await cluster.apply(deployment(1, { name: "high", image: await guestImage("ticker"), template: high }));
  await eventually(async () => {
    expect(displays(await of("high"))).toEqual(["Running"]);
    expect(displays(await of("low"))).toEqual(["Pending", "Running"]);
  });
  expect(existsSync(join(data, "bye"))).toBe(true);
  const waiting = (await of("low")).find(({ status }) => status.phase === "Pending");
  expect(waiting?.status.message).toContain("insufficient cpu");
  expect(before.has(waiting?.metadata.uid ?? "")).toBe(false);
  await eventually(async () => {
    const { stdout } = await cluster.wherry("get", "events");
    expect(stdout).toMatch(
      /Preempted .*preempted by an instance of WasmDeployment default\/high with priority 1000/,
    );
    expect(stdout).toMatch(/Preempting .*preempting 1 instance of WasmDeployment default\/low/);
  });
  await cluster.wherry("delete", "wasmdeployment", "high");
  await eventually(async () => expect(displays(await of("low"))).toEqual(["Running", "Running"]));
  await cluster.wherry("delete", "wasmdeployment", "low");
  await eventually(async () => expect(await of("low")).toEqual([]));
});

test("a job that wants all or nothing waits as a whole, and starts as a whole", async () => {
  const template = { ...half, restartPolicy: "Never" };
  const blocker = { name: "blocker", image: await guestImage("ticker"), template: half };
  await cluster.apply(deployment(1, blocker));
  await eventually(async () => expect(displays(await of("blocker"))).toEqual(["Running"]));
  const spec = { completions: 2, parallelism: 2, placementPolicy: "AllOrNothing" };
  await cluster.apply(job({ name: "team", image: await guestImage("ticker"), template, spec }));
  await eventually(async () => {
    const [first, second] = await of("team");
    for (const one of [first, second])
      expect(one?.status.message).toContain("gang of 2: 1 has a place, 1 has none");
  });
  await cluster.wherry("delete", "wasmdeployment", "blocker");
  await eventually(async () => expect(displays(await of("team"))).toEqual(["Running", "Running"]));
});
