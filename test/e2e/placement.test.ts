/** How nodes are chosen, with real nodes and real modules. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-placement-"));
let cluster: TestCluster;

beforeAll(async () => {
  const file = join(folder, "placement.yaml");
  const head = "apiVersion: config.wherry.dev/v1alpha1\nkind: PlacementConfiguration\n";
  writeFileSync(
    file,
    `${head}profiles: [{name: web}, {name: dense, strategy: pack}]\novercommit: {cpu: 3}\n`,
  );
  cluster = await TestCluster.start(["a", "b"], {
    hostPaths: [guestFolder()],
    schedulerArgs: ["--placement-config", file],
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Where the instances of a workload run, once they do. */
async function nodesOf(owner: string, count: number): Promise<readonly (string | undefined)[]> {
  let nodes: readonly (string | undefined)[] = [];
  await eventually(async () => {
    const running = (await cluster.instances()).filter(
      ({ spec, status }) => spec.owner.name === owner && status.display === "Running",
    );
    expect(running.length).toBe(count);
    nodes = running.map(({ spec }) => spec.nodeName);
  });
  return nodes;
}

test("a node that has run a module gets the next instances of it", async () => {
  const image = await guestImage("sleeper");
  for (const name of ["a", "b"]) {
    const warm = `warm-${name}`;
    const template = { nodeSelector: { "kubernetes.io/hostname": name } };
    const other = name === "b" ? image : await guestImage("ticker");
    await cluster.apply(deployment(1, { name: warm, image: other, template }));
    expect(await nodesOf(warm, 1)).toEqual([name]);
  }
  for (const name of ["one", "two", "three"]) {
    await cluster.apply(deployment(1, { name, image }));
    expect(await nodesOf(name, 1)).toEqual(["b"]);
  }
  await cluster.apply(deployment(1, { name: "other", image: await guestImage("ticker") }));
  expect(await nodesOf("other", 1)).toEqual(["a"]);
});

test("a node that is really busy is avoided, whatever is requested of it", async () => {
  const template = { nodeSelector: { "kubernetes.io/hostname": "a" } };
  await cluster.apply(deployment(1, { name: "busy", image: await guestImage("spinner"), template }));
  expect(await nodesOf("busy", 1)).toEqual(["a"]);
  // The rate of its work is known after two samples, ten seconds apart.
  await eventually(async () => {
    const { stdout } = await cluster.wherry("top", "instances");
    expect(stdout).toMatch(/^busy-\S+ +[1-9]\d\d+m/m);
  });
  const image = `file://${join(checkout, "examples/hello/hello.wasm")}`;
  for (const name of ["quiet-one", "quiet-two", "quiet-three"]) {
    await cluster.apply(deployment(1, { name, image }));
    expect(await nodesOf(name, 1)).toEqual(["b"]);
  }
  await cluster.wherry("delete", "wasmdeployment", "busy");
});

test("a profile of the file packs, and one that is not there is named", async () => {
  const image = await guestImage("sleeper");
  await cluster.apply(deployment(6, { name: "packed", image, template: { placementProfile: "dense" } }));
  expect(new Set(await nodesOf("packed", 6)).size).toBe(1);
  await cluster.apply(deployment(1, { name: "lost", image, template: { placementProfile: "none" } }));
  await eventually(async () => {
    const { stdout } = await cluster.wherry("describe", "wasmdeployment", "lost");
    expect(stdout).toContain('spec.placementProfile "none": this scheduler has no such profile');
  });
});

test("a node shows what there is and what is promised of it", async () => {
  await eventually(async () => {
    const { stdout } = await cluster.wherry("describe", "wasmnode", "a");
    expect(stdout).toMatch(/Promisable:/);
    expect(stdout).toMatch(/Resource +Requested +Of Allocatable +Of Promisable +In Use/);
  });
});
