/** Instances move to a better node by themselves, where their workload asks for it, and something answers all the while. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";
import { ReadyWatch } from "../support/ready-watch.ts";

let cluster: TestCluster;

beforeAll(async () => {
  const hostPaths = [guestFolder(), join(checkout, "examples")];
  cluster = await TestCluster.start(["a"], { hostPaths });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

interface Placed {
  readonly name: string;
  readonly node: string | undefined;
}

async function placed(owner: string): Promise<readonly Placed[]> {
  return (await cluster.instances())
    .filter(({ spec, status }) => spec.owner.name === owner && status.display === "Running")
    .map(({ metadata, spec }) => ({ name: metadata.name, node: spec.nodeName }));
}

function countOn(instances: readonly Placed[], node: string): number {
  return instances.filter((instance) => instance.node === node).length;
}

test("a node that comes gets its share of those that ask for it, of the others nothing", async () => {
  const image = await guestImage("sleeper");
  const spec = { rebalancePolicy: "WhenBetter" };
  await cluster.apply(deployment(6, { name: "moving", image, spec }));
  await cluster.apply(deployment(4, { name: "staying", image }));
  await eventually(async () => expect((await placed("moving")).length).toBe(6));
  await eventually(async () => expect((await placed("staying")).length).toBe(4));
  const stayed = await placed("staying");
  const before = new Set((await placed("moving")).map(({ name }) => name));

  await using watch = new ReadyWatch(cluster.api(), 10);
  await eventually(async () => expect(watch.now).toBe(10));
  await cluster.startNode("b");
  await eventually(async () => {
    const now = await placed("moving");
    expect([countOn(now, "a"), countOn(now, "b")]).toEqual([3, 3]);
  }, 150_000);

  // As many as were needed, and not one more.
  const after = await placed("moving");
  expect(after.filter(({ name, node }) => node === "b" && before.has(name))).toEqual([]);
  expect(after.filter(({ name }) => before.has(name))).toHaveLength(3);
  expect(watch.fewest).toBe(10);
  expect(await placed("staying")).toEqual(stayed);

  const { stdout } = await cluster.wherry("describe", "wasmdeployment", "moving");
  expect(stdout).toMatch(/Rebalanced +.*moves, .* takes its place: b scores \d+, a \d+: owner-spread/);
});
