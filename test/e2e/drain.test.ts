/** Nodes are drained within disruption budgets, with real processes. */
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";
import { ReadyWatch } from "../support/ready-watch.ts";

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

async function running(in_: TestCluster, count: number): Promise<readonly TestInstance[]> {
  let found: readonly TestInstance[] = [];
  await eventually(async () => {
    found = (await in_.instances()).filter(({ status }) => status.display === "Running");
    expect(found.length).toBe(count);
  });
  return found;
}

function budget(name: string, spec: Readonly<Record<string, unknown>>): string {
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name },
    spec: { selector: { matchLabels: { app: "ticker" } }, ...spec },
  });
}

function ticker(replicas: number, image: string, rollingUpdate: Readonly<Record<string, number>>): string {
  const spec = { strategy: { type: "RollingUpdate", rollingUpdate } };
  return deployment(replicas, { name: "ticker", image, labels: { app: "ticker" }, spec });
}

const onNode = (instances: readonly TestInstance[], name: string) =>
  instances.filter(({ spec, status }) => spec.nodeName === name && status.phase !== "Failed");

async function allowed(in_: TestCluster, name: string): Promise<number | undefined> {
  const { status } = await in_.json<{ status?: { disruptionsAllowed?: number } }>(
    "wasmdisruptionbudget",
    name,
  );
  return status?.disruptionsAllowed;
}

test("drain: one of three nodes under a budget, and never fewer are ready than must be", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two", "three"], { hostPaths: [guestFolder()] });
  await cluster.apply(ticker(6, image, { maxSurge: 0, maxUnavailable: 1 }));
  await cluster.apply(budget("tickers", { minAvailable: 5 }));
  const before = await running(cluster, 6);
  expect(onNode(before, "one").length).toBe(2);
  await eventually(async () => expect(await allowed(cluster!, "tickers")).toBe(1));
  await using watch = new ReadyWatch(cluster.api(), 6);
  await eventually(async () => expect(watch.now).toBe(6));
  const { code, stdout, stderr } = await cluster.wherry("drain", "one", "--timeout", "60s");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const names = onNode(before, "one").map(({ metadata }) => metadata.name);
  expect(stdout).toMatch(/^wasmnode\.wherry\.dev\/one cordoned\n/);
  for (const name of names) expect(stdout).toContain(`wasminstance.live.wherry.dev/${name} evicted\n`);
  expect(stdout).toMatch(/wasmnode\.wherry\.dev\/one drained\n$/);
  expect(onNode(await cluster.instances(), "one")).toEqual([]);
  await running(cluster, 6);
  expect(watch.fewest).toBeGreaterThanOrEqual(5);
  expect((await cluster.wherry("uncordon", "one")).stdout).toBe("wasmnode.wherry.dev/one uncordoned\n");
});

test("drain: one that is blocked says why, and goes on when the budget is relaxed", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two"], { hostPaths: [guestFolder()] });
  await cluster.apply(ticker(2, image, { maxSurge: 0, maxUnavailable: 1 }));
  const warned = await cluster.wherryWithInput(budget("tickers", { maxUnavailable: 0 }), "apply", "-f", "-");
  expect(warned.stderr).toContain("Warning: spec.maxUnavailable: 0 allows no instance to be missing, ever");
  await running(cluster, 2);
  const timedOut = await cluster.wherry("drain", "one", "--timeout", "3s");
  const blocked =
    "1 instance on node one: disruption budget default/tickers (maxUnavailable 0) needs 2 healthy instances, and there are 2 now";
  expect(timedOut.code).toBe(1);
  expect(timedOut.stderr).toContain(`error: unable to drain node "one": the time is over`);
  expect(timedOut.stderr).toContain(blocked);
  const drain = cluster.stream("drain", "one");
  await eventually(async () => expect(drain.text()).toContain(blocked));
  await cluster.apply(budget("tickers", { maxUnavailable: 1 }));
  await eventually(async () => expect(drain.text()).toContain("wasmnode.wherry.dev/one drained"));
  expect(drain.text().split(blocked).length - 1).toBeLessThan(4);
});

test("drain: the only instance of a deployment moves without a gap", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two"], { hostPaths: [guestFolder()] });
  await cluster.apply(ticker(1, image, { maxSurge: 1, maxUnavailable: 0 }));
  await cluster.apply(budget("tickers", { minAvailable: 1 }));
  const [only] = await running(cluster, 1);
  await using watch = new ReadyWatch(cluster.api(), 1);
  await eventually(async () => expect(watch.now).toBe(1));
  const { code, stderr } = await cluster.wherry("drain", only?.spec.nodeName ?? "", "--timeout", "60s");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const [moved] = await running(cluster, 1);
  expect(moved?.spec.nodeName).not.toBe(only?.spec.nodeName);
  expect(watch.fewest).toBe(1);
});

test("drain: kill -9 of the scheduler in the middle, and it is carried to its end within the budget", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two", "three"], { hostPaths: [guestFolder()] });
  await cluster.apply(ticker(6, image, { maxSurge: 1, maxUnavailable: 0 }));
  await cluster.apply(budget("tickers", { minAvailable: "100%" }));
  await running(cluster, 6);
  await using watch = new ReadyWatch(cluster.api(), 6);
  await eventually(async () => expect(watch.now).toBe(6));
  const drain = cluster.stream("drain", "one");
  await eventually(async () => expect(drain.text()).toContain("evicting instance"));
  await cluster.killScheduler();
  await cluster.startScheduler();
  await eventually(async () => expect(drain.text()).toMatch(/drained|unable/));
  expect(drain.text()).toContain("wasmnode.wherry.dev/one drained");
  expect(onNode(await cluster.instances(), "one")).toEqual([]);
  expect((await running(cluster, 6)).length).toBe(6);
  expect(watch.fewest).toBeGreaterThanOrEqual(6);
});

test("drain: a job's instance leaves, and its attempt counts not against the backoff limit", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two"], { hostPaths: [guestFolder()] });
  await cluster.apply(job({ name: "work", image, spec: { backoffLimit: 0 } }));
  const [instance] = await running(cluster, 1);
  const node = instance?.spec.nodeName ?? "";
  const { code } = await cluster.wherry("drain", node, "--grace-period", "1", "--timeout", "60s");
  expect(code).toBe(0);
  await eventually(async () => {
    const now = (await cluster!.instances()).filter(({ status }) => status.display === "Running");
    expect(now.map(({ spec }) => spec.nodeName)).toEqual([node === "one" ? "two" : "one"]);
  });
  // One failure would have been one too many.
  const { status } = await cluster.json<{ status: { phase: string } }>("wasmjob", "work");
  expect(status.phase).toBe("Running");
});
