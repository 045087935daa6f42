import { expect, test } from "vitest";
import { startCompetition } from "../testing/competing-workloads.ts";
import { eventsIn, statusOf } from "../testing/test-engine.ts";

test("Engine: a low instance is stopped for a high one, which gets its place once it has ended", async () => {
  const { backend, node, deploy, pass, places, messages } = await startCompetition();
  const a = node("a", 2);
  deploy("low", 2);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  expect(places()).toEqual({ low: ["a", "pending", "stopping on a"], high: ["nominated for a"] });
  expect(messages("high")).toEqual([
    "Preempting: preempting 1 instance of WasmDeployment default/low (priority 10), on node a",
  ]);
  expect([...a.stopReasons.values()]).toEqual([
    {
      reason: "Preempted",
      message: "preempted by an instance of WasmDeployment default/high with priority 1000",
    },
  ]);
  a.endStopped();
  await pass(300);
  expect(places()).toEqual({ low: ["a", "pending"], high: ["a"] });
  expect(messages("low")[0]).toMatch(/^Unschedulable: 0\/1 nodes are available: 1 insufficient cpu\./);
  await pass(1_500);
  const events = eventsIn(backend).map(({ reason, involvedObject }) => [
    reason,
    (involvedObject as { name: string }).name,
  ]);
  expect(events).toContainEqual(["Preempted", "low"]);
  expect(events).toContainEqual(["Preempting", "high"]);
});

test("Engine: nobody takes the room while victims leave it one by one", async () => {
  const { node, deploy, pass, places } = await startCompetition();
  const a = node("a", 3);
  deploy("low", 3);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high", 3);
  await pass(300);
  for (const left of [2, 1]) {
    a.endStopped(1);
    deploy("other", 3 - left);
    await pass(12_000);
    expect(places()["high"]).toEqual(["nominated for a"]);
    expect(places()["low"]?.filter((place) => place.startsWith("stopping"))).toHaveLength(left);
    expect(places()["other"]).not.toContain("a");
  }
  a.endStopped();
  await pass(100);
  expect(places()["high"]).toEqual(["a"]);
});

test.each([
  { name: "its class says Never", priority: "patient" },
  { name: "nobody is lower", priority: "low" },
] as const)("Engine: nobody is stopped where $name", async ({ priority }) => {
  const { node, deploy, pass, places, messages } = await startCompetition();
  const a = node("a", 2);
  deploy("low", 2);
  await pass(300);
  deploy("other", 1, priority);
  await pass(1_000);
  expect(places()).toEqual({ low: ["a", "a"], other: ["pending"] });
  expect(messages("other")[0]).toContain("Unschedulable");
  expect(a.stopped).toEqual([]);
});

test("Engine: what stops already is waited for, however long it takes", async () => {
  const { node, deploy, pass, places, messages } = await startCompetition();
  const a = node("a", 1);
  const b = node("b", 1);
  deploy("low", 2);
  await pass(300);
  for (const one of [a, b]) one.runAll();
  deploy("low", 1);
  await pass(300);
  deploy("high", 1, "high");
  await pass(20_000);
  const [leaving, staying] = a.stopped.length > 0 ? [a, b] : [b, a];
  expect(messages("high")).toEqual([
    `Preempting: waiting for 1 instance to stop, on node ${leaving.nodeName}`,
  ]);
  expect(staying.stopped).toEqual([]);
  leaving.endStopped();
  await pass(100);
  expect(places()).toEqual({ low: [staying.nodeName], high: [leaving.nodeName] });
});

test("Engine: a nominee goes elsewhere when it can, and leaves its place to others", async () => {
  const { node, deploy, pass, places } = await startCompetition();
  const a = node("a", 1);
  deploy("low", 1);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  node("b", 1);
  await pass(500);
  expect(places()["high"]).toEqual(["b"]);
  a.endStopped();
  await pass(500);
  expect(places()).toEqual({ low: ["a"], high: ["b"] });
});

test("Engine: a higher one takes a nominated place, and stops nobody for it", async () => {
  const { node, deploy, pass, places, messages } = await startCompetition();
  const a = node("a", 1);
  const b = node("b", 1);
  deploy("low", 1);
  deploy("top", 1, "high");
  await pass(300);
  for (const one of [a, b]) one.runAll();
  const [preempted] = [a, b].filter(({ nodeName }) => places()["low"]?.includes(nodeName));
  deploy("middle", 1, "middle");
  await pass(300);
  expect(places()["middle"]).toEqual([`nominated for ${preempted?.nodeName}`]);
  deploy("high", 1, "high");
  await pass(500);
  expect(places()).toMatchObject({ middle: ["pending"], high: [`nominated for ${preempted?.nodeName}`] });
  expect(messages("high")[0]).toContain("taking the place of 1 instance of WasmDeployment default/middle");
  expect(a.stopped.length + b.stopped.length).toBe(1);
  preempted?.endStopped();
  await pass(300);
  expect(places()).toMatchObject({ low: ["pending"], middle: ["pending"], high: [preempted?.nodeName] });
});

test.each([
  {
    name: "is cordoned",
    spoil: ({ backend }: Competition) => {
      const object = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "a");
      backend.put("wasmnodes", { ...object!, spec: { unschedulable: true } });
    },
  },
  {
    name: "is deleted",
    spoil: ({ backend }: Competition) =>
      backend.remove("wasmnodes", backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "a")!),
  },
  {
    name: "is silent",
    spoil: (_: Competition, a: ReturnType<Competition["node"]>) => a.disconnect(),
  },
])("Engine: a nomination is dropped when its node $name, and another place is found", async ({ spoil }) => {
  const competition = await startCompetition();
  const { node, deploy, pass, places } = competition;
  const a = node("a", 1);
  deploy("low", 1);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(1_500);
  expect(places()["high"]).toEqual(["nominated for a"]);
  const b = node("b", 1);
  deploy("top", 1, "high");
  await pass(300);
  const inPlace = places()["high"]?.[0] === "b" ? "top" : "high";
  spoil(competition, a);
  await pass(1_000);
  expect(places()[inPlace]).toEqual(["pending"]);
  expect(b.stopped).toEqual([]);
  node("c", 1);
  await pass(1_000);
  expect(places()[inPlace]).toEqual(["c"]);
});

test("Engine: who is over its quota stops nobody, and each nominee counts", async () => {
  const { backend, node, deploy, pass, places, messages } = await startCompetition();
  backend.put("resourcequotas", {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace: "default" },
    spec: {
      hard: { "requests.cpu": "2" },
      scopeSelector: {
        matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }],
      },
    },
  });
  const a = node("a", 4);
  deploy("low", 4);
  await pass(300);
  a.runAll();
  deploy("high", 4, "high");
  await pass(12_000);
  expect(places()["high"]).toEqual(["nominated for a", "nominated for a", "pending", "pending"]);
  expect(a.stopped).toHaveLength(2);
  expect(messages("high").join()).toContain("exceeded quota: q");
  a.endStopped();
  await pass(12_000);
  expect(places()["high"]).toEqual(["a", "a", "pending", "pending"]);
  expect(a.stopped).toEqual([]);
});

test("Engine: a nominee gives up its place when a quota does not let it in any more", async () => {
  const { backend, node, deploy, pass, places, messages } = await startCompetition();
  const a = node("a", 2);
  deploy("low", 2);
  await pass(300);
  a.runAll();
  deploy("high", 2, "high");
  await pass(300);
  const quota = (cpu: string) =>
    backend.put("resourcequotas", {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q", namespace: "default" },
      spec: {
        hard: { "requests.cpu": cpu },
        scopeSelector: {
          matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }],
        },
      },
    });
  quota("1");
  await pass(500);
  expect(places()["high"]).toEqual(["nominated for a", "pending"]);
  a.endStopped();
  await pass(500);
  expect(places()["high"]).toEqual(["a", "pending"]);
  expect(messages("high")[0]).toContain("exceeded quota: q");
  quota("2");
  await pass(12_000);
  expect(places()["high"]).toEqual(["a", "nominated for a"]);
});

test("Engine: a preempted attempt of a job is a disruption, and the next one waits its turn", async () => {
  const { backend, node, deploy, gang, pass, places, remove } = await startCompetition();
  const a = node("a", 1);
  gang("work", 1, "low", { placementPolicy: "Independent" });
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  a.endStopped();
  await pass(3_000);
  expect(places()).toEqual({ work: ["ended: Preempted", "pending"], high: ["a"] });
  expect(statusOf(backend, "wasmjobs", "work")).toMatchObject({
    failed: 0,
    failedAttempts: [{ indexes: "0", attempts: 1, failures: 0 }],
  });
  remove("wasmdeployments", "high");
  await pass(300);
  a.endStopped();
  await pass(12_000);
  expect(places()).toEqual({ work: ["a", "ended: Preempted"] });
});

test("Engine: more preemptors than a turn or a batch holds each get a place", async () => {
  const { node, deploy, pass, places } = await startCompetition();
  const nodes = ["a", "b"].map((name) => node(name, 700));
  deploy("low", 1_400);
  await pass(500);
  deploy("high", 1_200, "high");
  await pass(500);
  expect(nodes.map(({ stopped }) => stopped.length).reduce((sum, count) => sum + count)).toBe(1_200);
  expect(places()["high"]?.filter((place) => place.startsWith("nominated"))).toHaveLength(1_200);
  for (const one of nodes) one.endStopped();
  await pass(500);
  expect(places()["high"]?.filter((place) => place === "a" || place === "b")).toHaveLength(1_200);
  expect(places()["low"]?.filter((place) => place === "a" || place === "b")).toHaveLength(200);
});

test("Engine: a workload that goes away while it is nominated leaves nothing reserved", async () => {
  const { node, deploy, pass, places, remove } = await startCompetition();
  const a = node("a", 1);
  deploy("low", 1);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  remove("wasmdeployments", "high");
  await pass(300);
  a.endStopped();
  await pass(12_000);
  expect(places()).toEqual({ low: ["a"] });
});

test("Engine: when something of the preemptor's size ends, those that are in its way are found again", async () => {
  const { node, deploy, pass, places, remove } = await startCompetition();
  const a = node("a", 4);
  deploy("low", 2);
  deploy("top", 1, "high", 2);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high", 4);
  await pass(500);
  expect(places()["high"]).toEqual(["pending"]);
  remove("wasmdeployments", "top");
  await pass(300);
  a.endStopped();
  await pass(12_000);
  expect(places()["high"]).toEqual(["nominated for a"]);
  a.endStopped();
  await pass(500);
  expect(places()).toEqual({ low: ["pending", "pending"], high: ["a"] });
});

test("Engine: a scheduler that starts anew has forgotten nominations, and the high one is still served first", async () => {
  const first = await startCompetition();
  const a = first.node("a", 1);
  first.deploy("low", 1);
  await first.pass(300);
  a.runAll();
  first.deploy("high", 1, "high");
  await first.pass(300);
  await first.engine.close();

  const second = await startCompetition(first.backend, 8);
  const again = second.node("a", 1);
  expect(again.held.size).toBe(0);
  await second.pass(500);
  expect(second.places()).toEqual({ low: ["pending"], high: ["a"] });
});

type Competition = Awaited<ReturnType<typeof startCompetition>>;

test("Engine: victims are taken where no budget protects them, each of several counted, and only then others", async () => {
  const { backend, node, deploy, pass, places } = await startCompetition();
  const nodes = [node("a", 2), node("b", 2)];
  deploy("low", 4);
  await pass(300);
  for (const one of nodes) one.runAll();
  await pass(300);
  const budget = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name: "b", namespace: "default" },
    spec: { selector: {}, minAvailable: 3, unhealthyInstanceEvictionPolicy: "IfHealthyBudget" },
  };
  backend.put("wasmdisruptionbudgets", budget);
  deploy("other", 1, "low");
  await pass(300);
  // One may go, so the first preemptor violates nothing and the second one does, having no other way.
  deploy("high", 2, "high");
  await pass(300);
  const stopping = () => places()["low"]?.filter((place) => place.startsWith("stopping")) ?? [];
  expect(stopping()).toHaveLength(2);
  await pass(500);
  expect(statusOf(backend, "wasmdisruptionbudgets", "b")).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 2,
  });
});
