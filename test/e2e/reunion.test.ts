/** Nodes that were silent for too long come back: no copy too many stays, and mass silence moves nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";

const names = ["one", "two", "three"];
let cluster: TestCluster | undefined;

afterEach(async () => {
  for (const name of names) cluster?.thawNode(name);
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

const isRunning = ({ status }: TestInstance) => status.display === "Running";
const uidsOf = (instances: readonly TestInstance[]) => instances.map(({ metadata }) => metadata.uid).sort();
const onNode = (instances: readonly TestInstance[], name: string) =>
  instances.filter(({ spec }) => spec.nodeName === name);

async function running(count: number): Promise<readonly TestInstance[]> {
  let found: readonly TestInstance[] = [];
  await eventually(async () => {
    found = (await cluster!.instances()).filter(isRunning);
    expect(found.length).toBe(count);
  });
  return found;
}

/** Three nodes with two instances each, of which the first is silent until the others have three each. */
async function loseNodeOne(template: Readonly<Record<string, unknown>>): Promise<readonly TestInstance[]> {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(names, { lostAfter: "3s", hostPaths: [guestFolder()] });
  await cluster.apply(deployment(6, { name: "ticker", image, template }));
  const before = await running(6);
  expect(names.map((name) => onNode(before, name).length)).toEqual([2, 2, 2]);
  cluster.freezeNode("one");
  await eventually(async () => {
    const now = (await cluster!.instances()).filter(isRunning);
    expect(names.map((name) => onNode(now, name).length)).toEqual([0, 3, 3]);
  });
  return before;
}

test("reunion: instances that went on alone are found, and of each two copies that on the fuller node stops", async () => {
  const before = await loseNodeOne({ onDisconnect: "continue" });
  cluster!.thawNode("one");
  await eventually(async () => {
    const now = (await cluster!.instances()).filter(({ status }) => status.phase !== "Failed");
    expect(names.map((name) => onNode(now.filter(isRunning), name).length)).toEqual([2, 2, 2]);
    expect(now.length).toBe(6);
    // The same guests, which nobody has disturbed.
    expect(uidsOf(onNode(now, "one"))).toEqual(uidsOf(onNode(before, "one")));
    expect(onNode(now, "one").map(({ status }) => status.restarts)).toEqual([0, 0]);
  });
});

test("reunion: with onDisconnect stop there never are two copies, and what has stopped is not started again", async () => {
  const before = await loseNodeOne({ onDisconnect: "stop" });
  cluster!.thawNode("one");
  await eventually(async () => {
    const nodes = await cluster!.json<{ items: readonly { status: { phase: string } }[] }>("wasmnodes");
    expect(nodes.items.map(({ status }) => status.phase)).toEqual(["Ready", "Ready", "Ready"]);
  });
  const now = await running(6);
  const gone = new Set(uidsOf(onNode(before, "one")));
  expect(now.filter(({ metadata }) => gone.has(metadata.uid))).toEqual([]);
});

test("reunion: when most nodes are silent at once nothing is replaced, and all goes on as it was", async () => {
  const image = await guestImage("ticker");
  // Longer than the silence of one node can be found out after that of another.
  cluster = await TestCluster.start(names, { lostAfter: "7s", hostPaths: [guestFolder()] });
  await cluster.apply(deployment(6, { name: "ticker", image }));
  const placed = await running(6);
  const before = uidsOf(placed);
  for (const name of ["one", "two"]) cluster.freezeNode(name);
  const silent = ["one", "two"].flatMap((name) => uidsOf(onNode(placed, name))).sort();
  await eventually(async () => {
    const unknown = (await cluster!.instances()).filter(({ status }) => status.display === "Unknown");
    expect(uidsOf(unknown)).toEqual(silent);
  });
  // Long enough for one silent node to be lost.
  await sleep(9_000);
  expect(uidsOf(await cluster.instances())).toEqual(before);
  for (const name of ["one", "two"]) cluster.thawNode(name);
  expect(uidsOf(await running(6))).toEqual(before);
});

test("reunion: of a job's index the later attempt stays, and it is counted once", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(names, { lostAfter: "3s", hostPaths: [guestFolder()] });
  await cluster.apply(
    job({ name: "work", image, template: { onDisconnect: "continue" }, spec: { backoffLimit: 0 } }),
  );
  const [first] = await running(1);
  const node = first?.spec.nodeName ?? "";
  cluster.freezeNode(node);
  let second: TestInstance | undefined;
  await eventually(async () => {
    second = (await cluster!.instances()).find((one) => isRunning(one) && one.spec.nodeName !== node);
    expect(second).toBeDefined();
  });
  cluster.thawNode(node);
  await eventually(async () => {
    const now = await cluster!.instances();
    const { items } = await cluster!.json<{ items: readonly { status: { phase: string } }[] }>("wasmnodes");
    expect(items.map(({ status }) => status.phase)).toEqual(["Ready", "Ready", "Ready"]);
    expect(uidsOf(now.filter(({ status }) => status.phase === "Running"))).toEqual(
      uidsOf(second ? [second] : []),
    );
  });
  const { status } = await cluster.json<{ status: { phase: string; active: number } }>("wasmjob", "work");
  expect(status).toMatchObject({ phase: "Running", active: 1 });
});
