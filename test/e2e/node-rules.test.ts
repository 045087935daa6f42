/** Rules about one node, with real daemons: what does not fit waits and says what each node has against it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, type RunningCommand, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";

let cluster: TestCluster;
let image: string;
let watch: RunningCommand | undefined;

beforeAll(async () => {
  image = await guestImage("ticker");
  cluster = await TestCluster.start([], { hostPaths: [guestFolder()] });
  await cluster.startNode("one", ["--extended-resource", "example.com/camera=1", "--label", "disk=ssd"]);
  await cluster.startNode("two", ["--allow-listen", "127.0.0.1:20000-20009"]);
});
afterAll(async () => {
  watch?.stop();
  await cluster[Symbol.asyncDispose]();
});

interface Seen {
  readonly nodes: readonly (string | undefined)[];
  /** What is said of those that wait. */
  readonly waiting: readonly string[];
}

async function seen(name: string): Promise<Seen> {
  const instances = (await cluster.instances()).filter(({ spec }) => spec.owner.name === name);
  return {
    nodes: instances.map(({ spec }) => spec.nodeName),
    waiting: instances.flatMap(({ status }) =>
      status.reason === "Unschedulable" ? [status.message ?? ""] : [],
    ),
  };
}

test("an extended resource is on the node's object, and is given away once", async () => {
  const { stdout } = await cluster.wherry("describe", "wasmnode", "one");
  expect(stdout).toMatch(/example\.com\/camera: +1/);
  const resources = { limits: { "example.com/camera": 1 } };
  await cluster.apply(deployment(2, { name: "cameras", image, template: { resources } }));
  await eventually(async () => {
    const { nodes, waiting } = await seen("cameras");
    expect(nodes.filter((node) => node === "one")).toHaveLength(1);
    expect(waiting).toHaveLength(1);
    expect(waiting[0]).toContain("insufficient example.com/camera: wants 1, 0 free [resources-fit]");
    expect(waiting[0]).toContain("two: it has no example.com/camera");
  });
});

test("a fixed port goes to a node that allows it, and to one instance there", async () => {
  const listeners = [{ name: "echo", port: 20_001 }];
  await cluster.apply(deployment(2, { name: "ports", image, template: { listeners } }));
  await eventually(async () => {
    const { nodes, waiting } = await seen("ports");
    expect(nodes.filter((node) => node === "two")).toHaveLength(1);
    expect(waiting).toHaveLength(1);
    expect(waiting[0]).toContain("one: it does not let namespace default listen at 127.0.0.1:20001");
    expect(waiting[0]).toContain("two: another instance holds port 127.0.0.1:20001 [host-ports]");
  });
});

test("a folder that no node offers is waited for", async () => {
  const template = { volumes: [{ name: "etc", hostPath: { path: "/etc" } }] };
  await cluster.apply(deployment(1, { name: "thief", image, template }));
  await eventually(async () => {
    const { waiting } = await seen("thief");
    expect(waiting[0]).toContain("hostPath /etc is in no folder that it offers to namespace default");
  });
});

test("node affinity chooses by label; a taint NoExecute evicts, and what waits for the label says so", async () => {
  const term = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
    },
  };
  await cluster.apply(deployment(1, { name: "choosy", image, template: { affinity } }));
  await eventually(async () => expect((await seen("choosy")).nodes).toEqual(["one"]));
  watch = cluster.stream("get", "wasminstances", "--watch", "-o", "json");
  await eventually(async () => expect(watch?.text()).toContain('"name": "choosy"'));
  const taints = [{ key: "broken", effect: "NoExecute" }];
  await cluster.apply(
    JSON.stringify({
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmNode",
      metadata: { name: "one" },
      spec: { taints },
    }),
  );
  await eventually(async () => {
    const { nodes, waiting } = await seen("choosy");
    expect(nodes).toEqual([undefined]);
    expect(waiting[0]).toContain("one: untolerated taint {broken: }:NoExecute");
    expect(waiting[0]).toContain("two: node affinity wants disk in (ssd) (the node has no such label)");
  });
  // A workload's instance that has ended is gone soon, so who was not there then cannot see why.
  await eventually(async () => expect(watch?.text().includes('"reason": "TaintEviction"')).toBe(true));
  await eventually(async () => {
    const { stdout } = await cluster.wherry("describe", "wasmdeployment", "choosy");
    expect(stdout).toMatch(
      /TaintEviction .*node one has taint \{broken: \}:NoExecute, which it does not tolerate/,
    );
  });
});

test("what could never be right is refused when it is written", async () => {
  const resources = { limits: { gpu: 1 } };
  const manifest = deployment(1, { name: "wrong", image, template: { resources, runtimeVersion: "latest" } });
  const { code, stderr } = await cluster.wherryWithInput(manifest, "apply", "-f", "-");
  expect(code).toBe(1);
  expect(stderr).toContain("must be cpu, memory, or the name of an extended resource");
  expect(stderr).toContain('spec.template.spec.runtimeVersion: Invalid value: "latest"');
});

test("what is hardly meant is answered with a warning", async () => {
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "x" } } };
  const list = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  const affinity = { instanceAffinity: list, instanceAntiAffinity: list };
  const manifest = deployment(0, { name: "torn", image, template: { affinity } });
  const { code, stderr } = await cluster.wherryWithInput(manifest, "apply", "-f", "-");
  expect(code).toBe(0);
  expect(stderr).toMatch(/^Warning: .*instanceAntiAffinity.*\[0\]: contradicts .*, which is the same$/m);
});
