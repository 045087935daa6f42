/** A machine that is short, what it can confine, and what its daemon tells of it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

interface NodeFacts {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
    readonly capacity: Readonly<Record<string, unknown>>;
  };
}

async function conditionOf(type: string) {
  const node = await cluster?.json<NodeFacts>("wasmnode", "one");
  return node?.status.conditions.find((condition) => condition.type === type);
}

test("a node that is short of memory evicts, takes nothing new, and says why", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  await cluster.apply(deployment(2, { name: "ticker", image }));
  const displays = async () => (await cluster!.instances()).map(({ status }) => status.display).toSorted();
  await eventually(async () => expect(await displays()).toEqual(["Running", "Running"]));
  expect(await conditionOf("MemoryPressure")).toMatchObject({ status: "False" });
  const before = await cluster.instances();

  // More than any machine has: the next daemon finds itself short at once, with what it takes over.
  await cluster.killNode("one");
  await cluster.startNode("one", ["--eviction-memory", "1Pi"]);
  await eventually(async () => {
    expect(await conditionOf("MemoryPressure")).toMatchObject({
      status: "True",
      reason: "NodeHasInsufficientMemory",
    });
    const now = await cluster!.instances();
    expect(now.map(({ status }) => status.phase)).toEqual(["Pending", "Pending"]);
    const known = new Set(before.map(({ metadata }) => metadata.uid));
    expect(now.filter(({ metadata }) => known.has(metadata.uid))).toEqual([]);
    expect(now[0]?.status.message).toContain("memory pressure");
  });
  const log = readFileSync(join(cluster.directory.logs, "one.log"), "utf8");
  expect(log.match(/"instance evicted"/g)).toHaveLength(2);

  // And with room again they run again.
  await cluster.killNode("one");
  await cluster.startNode("one");
  await eventually(async () => {
    const running = (await cluster!.instances()).filter(({ status }) => status.display === "Running");
    expect(running).toHaveLength(2);
  });
});

const bubblewrap = spawnSync("bwrap", ["--version"]);

test.skipIf(bubblewrap.status !== 0)(
  "an instance that asks for it runs confined, and the node says that it can",
  async () => {
    const image = await guestImage("ticker");
    cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
    await eventually(async () => {
      expect(await conditionOf("Confinement")).toMatchObject({ status: "True", reason: "BubblewrapWorks" });
    });
    await cluster.apply(deployment(1, { name: "ticker", image, template: { isolation: "confined" } }));
    await eventually(async () => {
      const [instance] = await cluster!.instances();
      expect(instance?.status).toMatchObject({ display: "Running", isolation: "confined" });
    });
    await cluster.killNode("one");
    await cluster.startNode("one");
    await eventually(async () => {
      const [instance] = await cluster!.instances();
      expect(instance?.status).toMatchObject({ display: "Running", restarts: 0, isolation: "confined" });
    });
  },
);

test("a daemon that is stopped as its service is (SIGTERM, to it alone) leaves its instances to the next one", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], {
    hostPaths: [guestFolder()],
    nodeArgs: ["--keep-instances-on-exit"],
  });
  await cluster.apply(deployment(3, { name: "ticker", image }));
  const identities = async () => {
    const instances = (await cluster!.instances()).filter(({ status }) => status.display === "Running");
    return instances.map(({ metadata, status }) => `${metadata.uid} restarts ${status.restarts}`).toSorted();
  };
  await eventually(async () => expect(await identities()).toHaveLength(3));
  const before = await identities();
  const shims = cluster.shims("one");
  expect(shims.length).toBeGreaterThan(0);
  await cluster.stopNode("one");
  // A spare one may have come meanwhile.
  expect(cluster.shims("one")).toEqual(expect.arrayContaining([...shims]));
  await cluster.startNode("one");
  await eventually(async () => expect(await identities()).toEqual(before));
});

test("no instance is given what its daemon runs, though it lies in an allowed folder", async () => {
  const image = await guestImage("ticker");
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  const program = cluster.programFolder("one");
  const paths = [program, join(program, ".."), join(program, "node-daemon")];
  for (const [index, path] of paths.entries()) {
    const volumes = [{ name: "program", hostPath: { path } }];
    const template = { volumes, mounts: [{ volume: "program", path: "/program" }] };
    await cluster.apply(deployment(1, { name: `writer-${index}`, image, template }));
  }
  await eventually(async () => {
    const told = (await cluster!.instances()).map(({ status }) => status.message ?? "");
    expect(told.filter((message) => message.includes("keeps its keys, state or programs"))).toHaveLength(3);
  });
});
