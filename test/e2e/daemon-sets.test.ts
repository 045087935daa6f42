/**
 * Daemon sets with real daemons, as Kubernetes' documentation shows them: concepts/workloads/controllers/daemonset and
 * tasks/manage-daemon (pods-some-nodes, update-daemon-set, rollback-daemon-set).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { runKubectl } from "../support/kubectl.ts";
import { daemonSet, deployment } from "../support/manifests.ts";

let cluster: TestCluster;
let image: string;

beforeAll(async () => {
  image = await guestImage("ticker");
  cluster = await TestCluster.start(["one", "two", "three"], {
    hostPaths: [guestFolder()],
    lostAfter: "4s",
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

async function instancesOf(name: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === name);
}

/** By node, the uids of those that run there. */
async function running(name: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const uids: Record<string, string[]> = {};
  for (const { metadata, spec, status } of await instancesOf(name))
    if (status.phase === "Running") (uids[spec.nodeName ?? "-"] ??= []).push(metadata.uid);
  return uids;
}

/** Waits until one runs on each of these nodes, and none elsewhere. */
async function runsOn(name: string, ...nodes: readonly string[]): Promise<void> {
  await eventually(async () => {
    const there = await running(name);
    const counts = Object.fromEntries(Object.entries(there).map(([node, uids]) => [node, uids.length]));
    expect(counts).toEqual(Object.fromEntries(nodes.map((node) => [node, 1])));
    expect(await instancesOf(name)).toHaveLength(nodes.length);
  });
}

interface Status {
  readonly metadata: { readonly generation: number };
  readonly status: Readonly<Record<string, unknown>>;
}

async function settled(name: string, status: object): Promise<void> {
  await eventually(async () => {
    const found = await cluster.json<Status>("wasmdaemonset", name);
    expect(found.status).toMatchObject({ observedGeneration: found.metadata.generation, ...status });
  });
}

const patchNode = (node: string, spec: object) =>
  kubectl("patch", "wasmnode", node, "--type=merge", "-p", JSON.stringify({ spec }));

test("one on each node, and on one that comes later; kubectl and wherry show it", async () => {
  await cluster.apply(exampleManifest("daemon-sets/node-agent.yaml"));
  await runsOn("node-agent", "one", "two", "three");
  await cluster.startNode("four");
  await runsOn("node-agent", "one", "two", "three", "four");
  await kubectl("wait", "wasmdaemonset/node-agent", "--for=condition=Ready", "--timeout=30s");
  expect(await kubectl("get", "wds", "node-agent")).toMatch(
    /DESIRED +CURRENT +READY +UP-TO-DATE +AVAILABLE +AGE\nnode-agent +4 +4 +4 +4 +4 /,
  );
  await eventually(async () => {
    const { stdout } = await cluster.wherry("logs", "wasmdaemonset/node-agent", "--tail", "1");
    for (const node of ["one", "two", "three", "four"]) expect(stdout).toContain(`ahoy from ${node}`);
  });
  const { stdout } = await cluster.wherry("explain", "daemonset", "node-agent");
  expect(stdout).toContain("4 have a node (four 1, one 1, three 1, two 1)");
});

test("only some nodes: a label brings it, and its loss takes it away", async () => {
  await cluster.apply(exampleManifest("daemon-sets/some-nodes.yaml"));
  await settled("ssd-driver", { desiredNumberScheduled: 0 });
  await kubectl("label", "wasmnode", "one", "two", "ssd=true");
  await runsOn("ssd-driver", "one", "two");
  await kubectl("label", "wasmnode", "one", "ssd-");
  await runsOn("ssd-driver", "two");
  await kubectl("delete", "wds", "ssd-driver");
  await eventually(async () => expect(await instancesOf("ssd-driver")).toEqual([]));
});

test("taints keep it away or end it; cordoning does neither", async () => {
  const taint = { key: "dedicated", value: "db", effect: "NoSchedule" };
  await patchNode("one", { taints: [taint] });
  await patchNode("two", { unschedulable: true });
  await cluster.apply(daemonSet({ name: "tainted", image }));
  await runsOn("tainted", "two", "three", "four");
  await patchNode("three", { taints: [taint] });
  await settled("tainted", { desiredNumberScheduled: 2, numberMisscheduled: 1 });
  await runsOn("tainted", "two", "three", "four");
  await patchNode("three", { taints: [{ ...taint, effect: "NoExecute" }] });
  await runsOn("tainted", "two", "four");
  const tolerations = [{ key: "dedicated", operator: "Exists" }];
  await cluster.apply(daemonSet({ name: "tainted", image, template: { tolerations } }));
  await runsOn("tainted", "one", "two", "three", "four");
  for (const node of ["one", "two", "three"]) await patchNode(node, { taints: [], unschedulable: false });
  await kubectl("delete", "wds", "tainted");
});

test("a rolling update replaces them node by node, keeps what it had as revisions, and can be undone", async () => {
  await cluster.apply(daemonSet({ name: "rolled", image, template: { args: ["v1"] } }));
  await settled("rolled", { numberAvailable: 4, revision: 1 });
  const before = await running("rolled");
  await cluster.apply(daemonSet({ name: "rolled", image, template: { args: ["v2"] } }));
  let least = 4;
  await eventually(async () => {
    const ready = (await instancesOf("rolled")).filter(({ status }) => status.display === "Running");
    least = Math.min(least, ready.length);
    const { status } = await cluster.json<Status>("wasmdaemonset", "rolled");
    expect(status).toMatchObject({ updatedNumberScheduled: 4, numberAvailable: 4, revision: 2 });
  });
  expect(least).toBeGreaterThanOrEqual(3);
  const after = await running("rolled");
  for (const node of ["one", "two", "three", "four"]) expect(after[node]).not.toEqual(before[node]);
  expect((await kubectl("get", "controllerrevisions", "-o", "name")).split("\n").length).toBeGreaterThan(2);
  const history = await cluster.wherry("rollout", "history", "wasmdaemonset/rolled");
  expect(history.stdout).toMatch(/^1 .*\n2 /m);
  const undo = await cluster.wherry("rollout", "undo", "wasmdaemonset/rolled");
  expect(undo).toMatchObject({ code: 0 });
  const waited = await cluster.wherry("rollout", "status", "wasmdaemonset/rolled", "--timeout", "60s");
  expect(waited).toMatchObject({ code: 0 });
  await settled("rolled", { updatedNumberScheduled: 4, numberAvailable: 4, revision: 3 });
  await kubectl("delete", "wds", "rolled");
});

test("a drain empties the node but for daemon sets", async () => {
  await cluster.apply(deployment(4, { name: "moving", image }));
  await runsOn("moving", "one", "two", "three", "four");
  const { code, stdout, stderr } = await cluster.wherry("drain", "one", "--ignore-daemonsets");
  expect({ code, text: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
  await eventually(async () => expect(Object.keys(await running("moving"))).not.toContain("one"));
  await runsOn("node-agent", "one", "two", "three", "four");
  await cluster.wherry("uncordon", "one");
  await kubectl("delete", "wasmdeployment", "moving");
});

test("with surge the new one comes first, and there is always one", async () => {
  const updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  const surging = (version: string) =>
    daemonSet({ name: "surging", image, template: { args: [version] }, spec: { updateStrategy } });
  await cluster.apply(surging("v1"));
  await settled("surging", { numberAvailable: 4 });
  await cluster.apply(surging("v2"));
  let least = 4;
  await eventually(async () => {
    const { status } = await cluster.json<{ status: { numberAvailable: number } }>(
      "wasmdaemonset",
      "surging",
    );
    least = Math.min(least, status.numberAvailable);
    expect(status).toMatchObject({ updatedNumberScheduled: 4, numberAvailable: 4 });
    expect(await instancesOf("surging")).toHaveLength(4);
  });
  expect(least).toBe(4);
  await kubectl("delete", "wds", "surging");
});

test("OnDelete: whoever is deleted comes back with the new template, and nobody else", async () => {
  const manual = (version: string) =>
    daemonSet({
      name: "manual",
      image,
      template: { args: [version] },
      spec: { updateStrategy: { type: "OnDelete" } },
    });
  await cluster.apply(manual("v1"));
  await settled("manual", { numberAvailable: 4 });
  await cluster.apply(manual("v2"));
  await settled("manual", { numberAvailable: 4, updatedNumberScheduled: 0 });
  const [first] = await instancesOf("manual");
  await kubectl("delete", "wi", first?.metadata.name ?? "");
  await settled("manual", { numberAvailable: 4, updatedNumberScheduled: 1 });
  await kubectl("delete", "wds", "manual");
});

test("kill -9 of a daemon and of the scheduler: the same instances go on, one on each node", async () => {
  await cluster.apply(daemonSet({ name: "steady", image }));
  await runsOn("steady", "one", "two", "three", "four");
  const before = await running("steady");
  await cluster.killNode("one");
  await cluster.killScheduler();
  await cluster.startScheduler();
  await cluster.startNode("one");
  await eventually(async () => {
    expect(await running("steady")).toEqual(before);
    expect(await instancesOf("steady")).toHaveLength(4);
  });
  // Gone for so long that it is lost: what ran there is forgotten, nothing takes its place, and it is taken back with the node.
  cluster.freezeNode("two");
  await settled("steady", { desiredNumberScheduled: 4, currentNumberScheduled: 3, numberUnavailable: 1 });
  cluster.thawNode("two");
  await eventually(async () => expect(await running("steady")).toEqual(before));
  await kubectl("delete", "wds", "steady");
});

test("what makes no sense is refused, and says what to do", async () => {
  const refusal = async (spec: object) => {
    const manifest = daemonSet({ name: "wrong", image, labels: { app: "wrong" }, spec: { ...spec } });
    return (await cluster.wherryWithInput(manifest, "apply", "-f", "-")).stderr;
  };
  const rolling = (rollingUpdate: object) => ({ updateStrategy: { rollingUpdate } });
  expect(await refusal(rolling({ maxUnavailable: 0 }))).toContain("may not be 0 when `maxSurge` is 0");
  expect(await refusal(rolling({ maxSurge: 1 }))).toContain("set maxUnavailable (1) to 0");
  expect(await refusal({ selector: { matchLabels: { app: "other" } } })).toContain("does not match template");
  const { stderr } = await cluster.wherry("scale", "wasmdaemonset/node-agent", "--replicas", "3");
  expect(stderr).not.toBe("");
});
