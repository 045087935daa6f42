/** Explanations and simulations of real processes: what they say is done, and it comes true. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { InstanceExplanation, PlacementSimulation } from "../../api/gen/kinds.gen.ts";
import { checkout, eventually, TestCluster, type TestInstance } from "../support/cluster.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-what-if-"));
const recording = join(folder, "placement.jsonl");
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["n1", "n2", "n3"], {
    nodeArgs: ["--memory", "512Mi"],
    schedulerArgs: ["--record-placement", recording],
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function manifest(name: string, replicas: number, memory: string): string {
  return `
apiVersion: wherry.dev/v1alpha1
kind: WasmDeployment
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  template:
    spec:
      module: { image: "file://${checkout}/examples/hello/hello.wasm" }
      resources: { requests: { cpu: 1m, memory: ${memory} } }
`;
}

async function instancesOf(name: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === name);
}

async function running(name: string, count: number): Promise<void> {
  await eventually(async () => {
    const phases = (await instancesOf(name)).map(({ status }) => status.phase);
    expect(phases).toEqual(Array.from({ length: count }, () => "Running"));
  });
}

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await cluster.wherry(...args, "-o", "json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** How many instances each node holds. */
async function places(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { spec } of await cluster.instances()) {
    const place = spec.nodeName ?? "pending";
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

test("explain: pending for want of memory; doing exactly what it advises lets it run", async () => {
  await cluster.apply(manifest("filler", 3, "200Mi"));
  await running("filler", 3);
  await cluster.apply(manifest("big", 1, "400Mi"));
  await eventually(async () => {
    expect((await instancesOf("big"))[0]?.status.reason).toBe("Unschedulable");
  });
  const { status } = await json<InstanceExplanation>("explain", "deployment", "big");
  expect(status?.message).toBe("0/3 nodes are available: 3 insufficient memory.");
  const remedy = status?.nodes.refused[0]?.nodes[0]?.reasons[0]?.remedy ?? "";
  const advised = /would fit with requests\.memory of at most (\d+Mi)$/.exec(remedy)?.[1] ?? remedy;
  expect(advised).toBe("312Mi");
  await cluster.apply(manifest("big", 1, advised));
  await running("big", 1);
  const [instance] = await instancesOf("big");
  const { stdout } = await cluster.wherry("explain", "instance", instance?.metadata.name ?? "");
  expect(stdout).toMatch(
    new RegExp(`^Status +Placed: it is on ${instance?.spec.nodeName}, the best place for it now$`, "m"),
  );
  expect(stdout).toMatch(
    /^Decided .* by profile default: n\d with [\d.]+ points, of 3 feasible among 3 nodes/m,
  );
});

test("simulate: what it says of a drain is what a drain does", async () => {
  await cluster.wherry("delete", "wd/big");
  await cluster.wherry("delete", "wd/filler");
  await eventually(async () => expect(await cluster.instances()).toEqual([]));
  await cluster.apply(manifest("web", 6, "100Mi"));
  await running("web", 6);
  const [first] = await cluster.instances();
  const drained = first?.spec.nodeName ?? "";
  const { status } = await json<PlacementSimulation>("simulate", "drain", drained);
  const predicted = Object.fromEntries(
    (status?.nodes ?? []).flatMap(({ nodeName, after }) =>
      after && after.instances > 0 ? [[nodeName, after.instances]] : [],
    ),
  );
  expect(predicted[drained]).toBeUndefined();

  await using api = cluster.api();
  await api.request({
    method: "PATCH",
    path: `/apis/wherry.dev/v1alpha1/wasmnodes/${drained}`,
    contentType: "application/merge-patch+json",
    body: { spec: { unschedulable: true } },
  });
  for (const { metadata, spec } of await cluster.instances())
    if (spec.nodeName === drained) await cluster.wherry("delete", "wi", metadata.name);
  await running("web", 6);
  expect(await places()).toEqual(predicted);
});

test("replay: the recording of all this is read again, with another profile", async () => {
  await eventually(async () => {
    const { code, stdout, stderr } = await cluster.wherry(
      "simulate",
      "replay",
      recording,
      "--profile",
      "pack",
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^1[2-9] instances from \S+ to \S+ on 3 nodes, replayed with profile pack\.$/m);
    expect(stdout).toMatch(/^nodes in use, at most +3 +\d$/m);
  });
});
