/** Processes are killed; what must go on goes on. */
import { afterEach, expect, test } from "vitest";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";

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

const identities = (instances: readonly TestInstance[]) =>
  instances.map(({ metadata, status }) => `${metadata.uid} restarts ${status.restarts}`).sort();

test("kill -9 of a daemon and its shims: its instances move, and the deployment is whole again", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two"], { lostAfter: "3s", hostPaths: [guestFolder()] });
  await cluster.apply(deployment(6, { name: "ticker", image }));
  const before = await running(cluster, 6);
  const on = (name: string) => before.filter(({ spec }) => spec.nodeName === name);
  expect([on("one").length, on("two").length]).toEqual([3, 3]);

  const kept = on("two").map(({ metadata }) => metadata.uid);
  const shims = cluster.shims("one");
  expect(shims.length).toBeGreaterThan(0);
  await cluster.killNode("one");
  cluster.killShims("one");
  await eventually(async () => {
    const now = await cluster!.instances();
    expect(now.map(({ spec, status }) => `${spec.nodeName} ${status.display}`)).toEqual(
      Array(6).fill("two Running"),
    );
    const uids = new Set(now.map(({ metadata }) => metadata.uid));
    expect(kept.every((uid) => uids.has(uid))).toBe(true);
  });
  const status = await cluster.json<{ status: { readyReplicas: number } }>("wasmdeployment", "ticker");
  expect(status.status.readyReplicas).toBe(6);
});

test("kill -9 of the scheduler and a restart: every instance goes on undisturbed", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  await cluster.apply(deployment(5, { name: "ticker", image }));
  const before = identities(await running(cluster, 5));
  await cluster.killScheduler();
  await cluster.startScheduler();
  const after = identities(await running(cluster, 5));
  expect(after).toEqual(before);
  await cluster.apply(deployment(7, { name: "ticker", image }));
  expect(identities(await running(cluster, 7))).toEqual(expect.arrayContaining(before));
});

test("kill -9 of a daemon alone: its shims go on, and the next daemon adopts their instances", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  await cluster.apply(deployment(4, { name: "ticker", image }));
  const before = identities(await running(cluster, 4));
  const shims = cluster.shims("one");
  await cluster.killNode("one");
  await cluster.startNode("one");
  expect(identities(await running(cluster, 4))).toEqual(before);
  // Beside one that is started ahead.
  expect(cluster.shims("one")).toEqual(expect.arrayContaining([...shims]));
});

test("kill -9 of a shim: its instances restart on their node, and nothing else moves", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  await cluster.apply(deployment(3, { name: "ticker", image }));
  const before = await running(cluster, 3);
  cluster.killShims("one");
  await eventually(async () => {
    const now = await cluster!.instances();
    expect(now.map(({ metadata }) => metadata.uid).sort()).toEqual(
      before.map(({ metadata }) => metadata.uid).sort(),
    );
    for (const { status } of now) expect(status).toMatchObject({ display: "Running", restarts: 1 });
    expect(now[0]?.status.lastTermination?.reason).toBe("ShimLost");
  });
});

test("a daemon that stops gracefully hands its instances over at once, without waiting to be lost", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two"], { lostAfter: "10m", hostPaths: [guestFolder()] });
  await cluster.apply(deployment(4, { name: "ticker", image }));
  await running(cluster, 4);
  await cluster.stopNode("one");
  await eventually(async () => {
    const now = await cluster!.instances();
    expect(now.map(({ spec, status }) => `${spec.nodeName} ${status.display}`)).toEqual(
      Array(4).fill("two Running"),
    );
  });
});
