import { expect, test } from "vitest";
import type { PlacementSimulationStatus } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { SimulatedAction } from "../../apiserver/placement-simulator.ts";
import { aResourceQuota } from "../../core/testing/builders.ts";
import { startCompetition } from "../../testing/competing-workloads.ts";
import { daemonSet, deployment, job, startEngine } from "../../testing/test-engine.ts";

const going = new AbortController().signal;

/** Two nodes of four cores; an instance takes one. */
async function start(replicas: number, nodes: readonly string[] = ["a", "b"]) {
  const engine = await startEngine();
  const fakes = nodes.map((name) => engine.node(name));
  engine.backend.put("wasmdeployments", deployment(replicas, oneCore));
  await engine.pass(300);
  for (const fake of fakes) fake.runAll();
  await engine.pass(100);
  const simulate = (...actions: readonly SimulatedAction[]) =>
    engine.engine.simulator.simulate({ actions, limit: 100 }, going);
  const places = () => {
    const counts: Record<string, number> = {};
    for (const { state } of engine.instances()) {
      const place = state.kind === "pending" ? "pending" : state.kind === "ended" ? "ended" : state.nodeName;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    return counts;
  };
  return { ...engine, fakes, simulate, places };
}

const oneCore = { resources: { requests: { cpu: "1" } } };
const web = { namespace: "default", name: "app" } as const;

function movesOf({ moves }: PlacementSimulationStatus): readonly string[] {
  return moves.map(({ name, from = "-", to = "-", count }) => `${count} ${name} ${from} ${to}`);
}

test("simulate: a drain moves what fits elsewhere, and says why the rest does not", async () => {
  const { simulate } = await start(6);
  const answer = await simulate({ kind: "drain", nodeName: "a" });
  expect(movesOf(answer)).toEqual(["2 app a -", "1 app a b"]);
  expect(answer.message).toBe(
    "1 instance moves, 0 get a node that had none, 2 lose their node, 2 wait (0 now)",
  );
  expect(answer.pending).toMatchObject([
    {
      kind: "WasmDeployment",
      name: "app",
      count: 2,
      wasPending: 0,
      message: "0/2 nodes are available: 1 insufficient cpu, 1 node(s) were unschedulable.",
      refused: [{ nodes: [{ nodeName: "b" }] }, { nodes: [{ nodeName: "a" }] }],
    },
  ]);
  expect(answer.nodes).toMatchObject([
    { nodeName: "a", change: "Drained", before: { instances: 3, cpuShare: 0.75 }, after: { instances: 0 } },
    { nodeName: "b", change: "Filled", before: { instances: 3 }, after: { instances: 4, cpuShare: 1 } },
  ]);
  expect(answer.before).toMatchObject({ nodes: 2, usedNodes: 2, placed: 6, pending: 0, cpuShare: 0.75 });
  expect(answer.after).toMatchObject({ nodes: 1, usedNodes: 1, placed: 4, pending: 2 });
});

test("simulate: nothing of the cluster is changed, whatever is tried", async () => {
  const { simulate, instances, engine, backend, pass } = await start(6);
  const before = JSON.stringify(instances());
  const revision = engine.live.revision;
  await simulate(
    { kind: "drain", nodeName: "a" },
    { kind: "removeNode", nodeName: "b" },
    { kind: "addNodes", like: "a", count: 3 },
    { kind: "scale", workload: "WasmDeployment", ...web, factor: 2 },
  );
  await pass(1_000);
  expect(JSON.stringify(instances())).toBe(before);
  expect(engine.live.revision).toBe(revision);
  expect(backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "app")).toMatchObject({
    spec: { replicas: 6 },
  });
});

test("simulate: what a drain would do is what a drain does", async () => {
  const { simulate, backend, engine, fakes, places, pass, instances } = await start(8, ["a", "b", "c", "d"]);
  const answer = await simulate({ kind: "drain", nodeName: "a" });
  backend.put("wasmnodes", {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmNode",
    metadata: { name: "a" },
    spec: { unschedulable: true },
  });
  for (const { uid, state } of instances())
    if (state.kind === "bound" && state.nodeName === "a") engine.requestStop(uid, undefined);
  await pass(100);
  const [drained] = fakes;
  for (const uid of drained?.stopped ?? [])
    drained?.report(uid, { phase: "Failed", reason: "Stopped", ready: false });
  await pass(1_000);
  const predicted = Object.fromEntries(
    answer.nodes.flatMap(({ nodeName, after }) => (after?.instances ? [[nodeName, after.instances]] : [])),
  );
  expect(places()).toEqual(predicted);
});

test("simulate: more replicas use what is free, fewer give it back, and a factor multiplies", async () => {
  const { simulate } = await start(2);
  const scale = { kind: "scale", workload: "WasmDeployment", ...web } as const;
  expect(movesOf(await simulate({ ...scale, replicas: 6 }))).toEqual(["2 app - a", "2 app - b"]);
  expect(movesOf(await simulate({ ...scale, factor: 2 }))).toEqual(["1 app - a", "1 app - b"]);
  expect((await simulate({ ...scale, replicas: 0 })).after).toMatchObject({ placed: 0, usedNodes: 0 });
  expect((await simulate({ ...scale, replicas: 20 })).after).toMatchObject({ placed: 8, pending: 12 });
});

test("simulate: nodes like another take what waits", async () => {
  const { simulate } = await start(11);
  const answer = await simulate({ kind: "addNodes", like: "a", count: 1, cpu: "2" });
  expect(movesOf(answer)).toEqual(["2 app - a-new-1"]);
  expect(answer.nodes[0]).toMatchObject({ nodeName: "a-new-1", change: "Added", after: { cpuShare: 1 } });
  expect(answer.pending).toMatchObject([{ count: 1, wasPending: 3 }]);
});

test("simulate: a node that is gone is no node", async () => {
  const { simulate } = await start(4);
  const answer = await simulate({ kind: "removeNode", nodeName: "a" });
  expect(answer.after).toMatchObject({ nodes: 1, placed: 4, pending: 0 });
  expect(answer.nodes).toContainEqual(expect.objectContaining({ nodeName: "a", change: "Removed" }));
});

function applied(name: string, spec: object): SimulatedAction {
  const object = { ...deployment(3, oneCore), ...spec };
  return {
    kind: "apply",
    object: { ...object, metadata: { name, namespace: "default", uid: "given" } } as unknown as ApiObject,
  };
}

test("simulate: a new workload is placed beside the others", async () => {
  const { simulate } = await start(2);
  expect(movesOf(await simulate(applied("other", {})))).toEqual(["2 other - a", "1 other - b"]);
});

test("simulate: a new template of a workload is rolled out to its end", async () => {
  const { simulate } = await start(3);
  const answer = await simulate(applied("app", deployment(3, { resources: { requests: { cpu: "2" } } })));
  expect(answer.after).toMatchObject({ placed: 3, pending: 0, cpuShare: 0.75 });
});

test("simulate: a job's instances go on elsewhere", async () => {
  const { backend, simulate, pass } = await start(0);
  backend.put("wasmjobs", job({ completions: 4, parallelism: 4 }));
  await pass(300);
  const answer = await simulate({ kind: "drain", nodeName: "a" });
  expect(movesOf(answer)).toEqual(["2 work a b"]);
  const more = await simulate({
    kind: "scale",
    workload: "WasmJob",
    namespace: "default",
    name: "work",
    replicas: 2,
  });
  expect(more.after.placed).toBe(2);
});

test("simulate: quotas hold", async () => {
  const { backend, simulate, pass } = await start(2);
  backend.put("resourcequotas", aResourceQuota("q", { "requests.cpu": "3" }));
  await pass(100);
  const answer = await simulate({ kind: "scale", workload: "WasmDeployment", ...web, replicas: 5 });
  expect(answer.after).toMatchObject({ placed: 3, pending: 2 });
  expect(answer.pending).toMatchObject([{ count: 2, refused: [] }]);
  expect(answer.pending[0]?.message).toContain("exceeded quota: q");
});

test("simulate: what would be stopped to make room is told", async () => {
  const { node, engine, deploy, pass } = await startCompetition();
  const a = node("a", 2);
  deploy("low", 2);
  deploy("high", 0, "high");
  await pass(300);
  a.runAll();
  await pass(100);
  const answer = await engine.simulator.simulate(
    {
      actions: [
        { kind: "scale", workload: "WasmDeployment", namespace: "default", name: "high", replicas: 1 },
      ],
      limit: 9,
    },
    going,
  );
  expect(answer.preemptions).toEqual([
    { kind: "WasmDeployment", namespace: "default", name: "low", nodeName: "a", count: 1 },
  ]);
  expect(answer.after).toMatchObject({ placed: 2, pending: 1 });
});

test.each([
  { name: "a node that is not there", action: { kind: "drain", nodeName: "x" } },
  { name: "a node like one that is not there", action: { kind: "addNodes", like: "x", count: 1 } },
  {
    name: "a workload that is not there",
    action: { kind: "scale", workload: "WasmJob", namespace: "default", name: "app", replicas: 1 },
  },
] satisfies readonly { name: string; action: SimulatedAction }[])(
  "simulate: $name is refused",
  async ({ action }) => {
    const { simulate } = await start(1);
    await expect(simulate(action)).rejects.toMatchObject({ code: "SimulationImpossible" });
    // And the next one is answered.
    expect((await simulate({ kind: "drain", nodeName: "a" })).before.placed).toBe(1);
  },
);

test.each([
  { name: "nodes", action: { kind: "addNodes", like: "a", count: 1_000_000 } },
  {
    name: "instances",
    action: { kind: "scale", workload: "WasmDeployment", ...web, replicas: 1_000_000 },
  },
] satisfies readonly { name: string; action: SimulatedAction }[])(
  "simulate: too many $name are refused",
  async ({ action }) => {
    const { simulate } = await start(1);
    await expect(simulate(action)).rejects.toMatchObject({ code: "SimulationTooLarge" });
  },
);

test("simulate: one at a time; a client that leaves makes room for the next", async () => {
  const { engine } = await start(4);
  const leaving = new AbortController();
  const request = {
    actions: [{ kind: "scale", workload: "WasmDeployment", ...web, replicas: 50_000 }],
    limit: 1,
  } as const;
  const first = engine.simulator.simulate(request, leaving.signal);
  await expect(engine.simulator.simulate(request, going)).rejects.toMatchObject({ code: "SimulationBusy" });
  leaving.abort();
  await expect(first).rejects.toThrow();
  const drain = { actions: [{ kind: "drain", nodeName: "a" }], limit: 1 } as const;
  expect((await engine.simulator.simulate(drain, going)).omitted).toBeGreaterThan(0);
});

test("simulate: a drain leaves daemon sets alone, a removed node takes their instances with it, and new nodes get theirs", async () => {
  const { backend, fakes, pass, simulate } = await start(0);
  backend.put("wasmdaemonsets", daemonSet());
  await pass(300);
  for (const fake of fakes) fake.runAll();
  await pass(300);
  expect(movesOf(await simulate({ kind: "drain", nodeName: "a" }))).toEqual([]);
  expect(movesOf(await simulate({ kind: "removeNode", nodeName: "a" }))).toEqual(["1 agent a -"]);
  const grown = await simulate({ kind: "addNodes", like: "a", count: 2 });
  expect(movesOf(grown)).toEqual(["1 agent - a-new-1", "1 agent - a-new-2"]);
  const object = daemonSet() as unknown as ApiObject;
  const other = { ...object, metadata: { ...object.metadata, name: "other", uid: "new" } };
  expect(movesOf(await simulate({ kind: "apply", object: other }))).toEqual(["1 other - a", "1 other - b"]);
});

test("simulate: a drain tells which budgets would block it for good", async () => {
  const { simulate, backend, pass } = await start(4);
  const budget = (name: string, spec: object) => ({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name, namespace: "default" },
    spec: { selector: {}, unhealthyInstanceEvictionPolicy: "IfHealthyBudget", ...spec },
  });
  // All that is wanted: another instance is made first, so this one only takes its time.
  backend.put("wasmdisruptionbudgets", budget("slow", { minAvailable: "100%" }));
  backend.put("wasmdisruptionbudgets", budget("hard", { minAvailable: 5 }));
  await pass(500);
  const { message } = await simulate({ kind: "drain", nodeName: "a" });
  const blocked = "disruption budget default/hard (minAvailable 5) would block the drain of 2 instances";
  expect(message).toMatch(/^2 instances move/);
  expect(message).toContain(blocked);
  expect(message).not.toContain("slow");
});
