import { expect, test } from "vitest";
import type { WasmDaemonSet } from "../../../../api/gen/kinds.gen.ts";
import type { ClusterNode, Instance, InstanceState, PlacementRequirements } from "../../model.ts";
import {
  aDaemonSet,
  aNode,
  anInstance,
  ended,
  pending,
  ready,
  requirements,
  rollingDaemons,
  startMs,
  stopping,
  unready,
} from "../../testing/builders.ts";
import type { Step } from "../step.ts";
import { reconcileDaemonSet, type DaemonSetInput, type DaemonSetResult } from "./daemon-set.ts";
import { emptyDaemonSetMemory } from "./failure-backoff.ts";

const revisions = [
  { templateHash: "old", number: 1 },
  { templateHash: "h1", number: 2 },
];

function look(
  nodes: readonly ClusterNode[],
  instances: readonly Instance[],
  overrides: Partial<DaemonSetInput> = {},
): DaemonSetResult {
  return reconcileDaemonSet({
    daemonSet: aDaemonSet(),
    templateHash: "h1",
    requirements: requirements(),
    revisions,
    nodes,
    instances,
    refusal: undefined,
    nowMs: startMs + 60_000,
    memory: emptyDaemonSetMemory,
    ...overrides,
  });
}

/** What changes instances, in short. */
function texts({ steps }: { readonly steps: readonly Step[] }): readonly string[] {
  return steps.flatMap((step) => {
    if (step.kind === "createInstances") return [`create ${step.templateHash} on ${step.targetNode}`];
    if (step.kind === "stopInstance") return [`stop ${step.uid}`];
    if (step.kind === "evictInstance") return [`evict ${step.uid}`];
    return step.kind === "forgetInstance" ? [`forget ${step.uid}`] : [];
  });
}

const owner = { kind: "WasmDaemonSet", name: "agent", uid: "owner" } as const;
const on = (uid: string, state: InstanceState, overrides: Partial<Instance> = {}) =>
  anInstance(uid, { owner, state, ...overrides });
const waitingFor = (uid: string, targetNode: string, templateHash = "h1") =>
  on(uid, pending, { targetNode, templateHash });
const endedOn = (nodeName: string, reason: string): InstanceState => ({
  ...(ended("Failed", reason) as InstanceState & { readonly kind: "ended" }),
  nodeName,
});
const three = ["n1", "n2", "n3"].map((name) => aNode(name));
const suspect = { connection: { kind: "suspect", sinceMs: 0 } } as const;
const lost = { connection: { kind: "lost" } } as const;
const noExecute = { key: "broken", value: "", effect: "NoExecute" } as const;
const noSchedule = { key: "gpu", value: "", effect: "NoSchedule" } as const;

test.each<{
  readonly name: string;
  readonly nodes: readonly ClusterNode[];
  readonly wants?: Partial<PlacementRequirements>;
  readonly instances?: readonly Instance[];
  readonly expected: readonly string[];
}>([
  {
    name: "one on each node",
    nodes: three,
    expected: ["create h1 on n1", "create h1 on n2", "create h1 on n3"],
  },
  {
    name: "a node that came later",
    nodes: three,
    instances: [on("a", ready("n1")), on("b", ready("n2"))],
    expected: ["create h1 on n3"],
  },
  {
    name: "only where the node selector matches",
    nodes: [aNode("n1", { labels: { disk: "ssd" } }), aNode("n2")],
    wants: { nodeSelector: { disk: "ssd" } },
    expected: ["create h1 on n1"],
  },
  {
    name: "a node that lost its label",
    nodes: [aNode("n1")],
    wants: { nodeSelector: { disk: "ssd" } },
    instances: [on("a", ready("n1"))],
    expected: ["stop a"],
  },
  {
    name: "not where the runtime is missing",
    nodes: [aNode("n1")],
    wants: { runtime: "wasmtime" },
    expected: [],
  },
  {
    name: "a node that has not said yet what it can run keeps its instance",
    nodes: [aNode("n1", { runtimes: [], ...suspect })],
    wants: { runtime: "wasmtime" },
    instances: [on("a", ready("n1"))],
    expected: [],
  },
  {
    name: "a taint NoSchedule keeps new ones away, and what is there stays",
    nodes: [aNode("n1", { taints: [noSchedule] }), aNode("n2", { taints: [noSchedule] })],
    instances: [on("a", ready("n1"))],
    expected: [],
  },
  {
    name: "a taint NoExecute makes it go",
    nodes: [aNode("n1", { taints: [noExecute] })],
    instances: [on("a", ready("n1"))],
    expected: ["stop a"],
  },
  {
    name: "a taint that is tolerated",
    nodes: [aNode("n1", { taints: [noSchedule, noExecute] })],
    wants: { tolerations: [{ key: "", operator: "Exists", value: "", effect: "" }] },
    expected: ["create h1 on n1"],
  },
  {
    name: "a cordoned node gets one",
    nodes: [aNode("n1", { unschedulable: true })],
    expected: ["create h1 on n1"],
  },
  {
    name: "a silent node keeps what it has, and gets nothing",
    nodes: [aNode("n1", suspect), aNode("n2", suspect)],
    instances: [on("a", ready("n1"))],
    expected: [],
  },
  {
    name: "the end on a lost node is forgotten, and none is made for it",
    nodes: [aNode("n1", lost)],
    instances: [on("a", endedOn("n1", "NodeLost"))],
    expected: ["forget a"],
  },
  {
    name: "what waits for a lost node is dropped",
    nodes: [aNode("n1", lost)],
    instances: [waitingFor("a", "n1")],
    expected: ["stop a"],
  },
  {
    name: "what was on a node that is gone",
    nodes: [],
    instances: [on("a", endedOn("n9", "NodeLost")), waitingFor("b", "n9")],
    expected: ["forget a", "stop b"],
  },
  {
    name: "nothing is made beside one that waits, or one that stops",
    nodes: [aNode("n1"), aNode("n2")],
    instances: [waitingFor("a", "n1"), on("b", stopping("n2"))],
    expected: [],
  },
  {
    name: "of two the one that has come farther stays",
    nodes: [aNode("n1")],
    instances: [on("a", unready("n1")), on("b", ready("n1"))],
    expected: ["stop a"],
  },
  {
    name: "one that was disturbed is replaced at once",
    nodes: [aNode("n1")],
    instances: [on("a", endedOn("n1", "Preempted"))],
    expected: ["forget a", "create h1 on n1"],
  },
  {
    name: "one that should go is evicted, if the budgets allow it",
    nodes: [aNode("n1")],
    instances: [on("a", ready("n1"), { leaving: "a person asked" })],
    expected: ["evict a"],
  },
])("reconcileDaemonSet: $name", ({ nodes, wants, instances = [], expected }) => {
  expect(texts(look(nodes, instances, { requirements: requirements(wants) }))).toEqual(expected);
});

const old = (uid: string, state: InstanceState) => on(uid, state, { templateHash: "old" });
const surge = aDaemonSet({ updateStrategy: rollingDaemons(1, 0) });
const onDelete = aDaemonSet({ updateStrategy: { ...rollingDaemons(0, 1), type: "OnDelete" } });

test.each<{
  readonly name: string;
  readonly daemonSet?: WasmDaemonSet;
  readonly nodes?: readonly ClusterNode[];
  readonly instances: readonly Instance[];
  readonly expected: readonly string[];
}>([
  {
    name: "one node at a time",
    instances: [old("a", ready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: ["stop a"],
  },
  {
    name: "waits for the one that stops",
    instances: [on("a", stopping("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: [],
  },
  {
    name: "waits until the new one is available",
    instances: [on("a", unready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: [],
  },
  {
    name: "goes on with the next node",
    instances: [on("a", ready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: ["stop b"],
  },
  {
    name: "old ones that serve nobody go at once, and the others wait for them",
    instances: [old("a", unready("n1")), old("b", unready("n2")), old("c", ready("n3"))],
    expected: ["stop a", "stop b"],
  },
  {
    name: "a share of the nodes, rounded up",
    daemonSet: aDaemonSet({ updateStrategy: rollingDaemons(0, "34%") }),
    instances: [old("a", ready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: ["stop a", "stop b"],
  },
  {
    name: "an old one that waits for its node",
    instances: [waitingFor("a", "n1", "old"), on("b", ready("n2")), on("c", ready("n3"))],
    expected: ["stop a"],
  },
  {
    name: "a silent node is left alone, and counts only if it serves nobody",
    nodes: [aNode("n1", suspect), aNode("n2"), aNode("n3")],
    instances: [old("a", ready("n1")), old("b", ready("n2")), on("c", ready("n3"))],
    expected: ["stop b"],
  },
  {
    name: "a lost node does not hold up the others",
    nodes: [aNode("n1", lost), aNode("n2"), aNode("n3")],
    instances: [old("b", ready("n2")), on("c", ready("n3"))],
    expected: ["stop b"],
  },
  {
    name: "what is there against a taint keeps its template",
    nodes: [aNode("n1", { taints: [noSchedule] })],
    instances: [old("a", ready("n1"))],
    expected: [],
  },
  {
    name: "surge: a second one first",
    daemonSet: surge,
    instances: [old("a", ready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: ["create h1 on n1"],
  },
  {
    name: "surge: no more while it is not available",
    daemonSet: surge,
    instances: [old("a", ready("n1")), on("x", unready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: [],
  },
  {
    name: "surge: then the old one goes, and the next node follows",
    daemonSet: surge,
    instances: [old("a", ready("n1")), on("x", ready("n1")), old("b", ready("n2")), old("c", ready("n3"))],
    expected: ["stop a", "create h1 on n2"],
  },
  {
    name: "surge: an old one that serves nobody goes first",
    daemonSet: surge,
    instances: [old("a", unready("n1")), on("b", ready("n2")), on("c", ready("n3"))],
    expected: ["stop a"],
  },
  {
    name: "surge: of three, one of each template stays",
    daemonSet: surge,
    instances: [
      old("a", ready("n1")),
      on("x", unready("n1")),
      on("y", unready("n1"), { createdMs: startMs + 1 }),
      on("b", ready("n2")),
      on("c", ready("n3")),
    ],
    expected: ["stop y"],
  },
  {
    name: "OnDelete: nothing by itself",
    daemonSet: onDelete,
    instances: [old("a", ready("n1")), old("b", ready("n2"))],
    expected: ["create h1 on n3"],
  },
])("reconcileDaemonSet: update: $name", ({ daemonSet, nodes = three, instances, expected }) => {
  expect(texts(look(nodes, instances, daemonSet ? { daemonSet } : {}))).toEqual(expected);
});

test("reconcileDaemonSet: nothing is made or stopped for a template before that is kept", () => {
  const result = look(three.slice(0, 2), [old("a", ready("n1"))], { revisions: revisions.slice(0, 1) });
  expect(texts(result)).toEqual([]);
  expect(result.steps).toContainEqual({
    kind: "recordRevision",
    revision: { templateHash: "h1", number: 2 },
  });
});

test("reconcileDaemonSet: nothing is stopped for an update while nothing can be made, and the refusal is told", () => {
  const result = look(three, [old("a", ready("n1"))], { refusal: "no such class" });
  expect(texts(result)).toEqual([]);
  expect(result.steps).toMatchObject([{ kind: "recordEvent", reason: "FailedCreate" }]);
  expect(result.status.conditions).toMatchObject([
    { type: "Ready", status: "False", reason: "FailedCreate" },
    { type: "Stalled", status: "True", message: "Error creating: no such class" },
  ]);
});

test("reconcileDaemonSet: what fails again and again is replaced after ever longer rests", () => {
  const nodes = [aNode("n1")];
  const failed = [on("a", endedOn("n1", "Refused"))];
  const nowMs = startMs + 60_000;
  const first = look(nodes, failed, { nowMs });
  expect(texts(first)).toEqual(["forget a", "create h1 on n1"]);
  const tooSoon = look(nodes, failed, { nowMs: nowMs + 999, memory: first.memory });
  expect(texts(tooSoon)).toEqual([]);
  expect(tooSoon.wakeAtMs).toBe(nowMs + 1_000);
  const second = look(nodes, failed, { nowMs: nowMs + 1_000, memory: tooSoon.memory });
  expect(texts(second)).toEqual(["forget a", "create h1 on n1"]);
  expect(look(nodes, failed, { nowMs: nowMs + 1_001, memory: second.memory }).wakeAtMs).toBe(nowMs + 3_000);
});

test("reconcileDaemonSet: nobody rests until a time that is to come because the clock was set back", () => {
  const nodes = [aNode("n1")];
  const failed = [on("a", endedOn("n1", "Refused"))];
  const nowMs = startMs + 60_000;
  const { memory } = look(nodes, failed, { nowMs: nowMs + 3_600_000 });
  expect(texts(look(nodes, failed, { nowMs, memory }))).toEqual(["forget a", "create h1 on n1"]);
});

test("reconcileDaemonSet: what was ready before the clock was set back is available", () => {
  const { status, wakeAtMs } = look([aNode("n1")], [on("a", ready("n1"))], { nowMs: startMs - 3_600_000 });
  expect(status).toMatchObject({ numberReady: 1, numberAvailable: 1 });
  expect(wakeAtMs).toBeUndefined();
});

test("reconcileDaemonSet: a new template, or a long time without failure, begins anew", () => {
  const nodes = [aNode("n1")];
  const failed = [on("a", endedOn("n1", "Refused"))];
  const nowMs = startMs + 60_000;
  const { memory } = look(nodes, failed, { nowMs });
  const ofNew = on("b", endedOn("n1", "Refused"), { templateHash: "h2" });
  const other = { templateHash: "h2", revisions: [...revisions, { templateHash: "h2", number: 3 }] };
  expect(texts(look(nodes, [ofNew], { nowMs, memory, ...other }))).toEqual(["forget b", "create h2 on n1"]);
  const later = look(nodes, [], { nowMs: nowMs + 31 * 60_000, memory });
  expect(later.memory.failures.size).toBe(0);
});

test("reconcileDaemonSet: minReadySeconds makes it look again when the next one is available", () => {
  const nowMs = startMs + 4_000;
  const daemonSet = aDaemonSet({ minReadySeconds: 10 });
  const result = look([aNode("n1")], [on("a", ready("n1"))], { daemonSet, nowMs });
  expect(result.wakeAtMs).toBe(startMs + 10_000);
  expect(result.status).toMatchObject({ numberReady: 1, numberAvailable: 0, numberUnavailable: 1 });
});

test("reconcileDaemonSet: the status counts nodes, also those that are lost, and says what is waited for", () => {
  const nodes = [...three, aNode("n4", lost), aNode("n5", { labels: { no: "thanks" } })];
  const wants = requirements({
    nodeAffinity: {
      required: [{ matchExpressions: [{ key: "no", operator: "DoesNotExist" }] }],
      preferred: [],
    },
  });
  const instances = [
    on("a", ready("n1")),
    old("b", ready("n2")),
    waitingFor("c", "n3"),
    on("e", ready("n5")),
  ];
  expect(look(nodes, instances, { requirements: wants }).status).toMatchObject({
    observedGeneration: 1,
    desiredNumberScheduled: 4,
    currentNumberScheduled: 3,
    numberMisscheduled: 1,
    updatedNumberScheduled: 2,
    numberReady: 2,
    numberAvailable: 2,
    numberUnavailable: 2,
    revision: 2,
    selector: "wherry.dev/daemon-set=agent",
    conditions: [
      {
        type: "Ready",
        status: "False",
        reason: "InstancesUpdating",
        message:
          "2 of 4 nodes have an available instance; 2 have the current template; instance-c waits for node n3",
      },
      { type: "Reconciling", status: "True" },
    ],
  });
});

test("reconcileDaemonSet: a status that says the same is the same value", () => {
  const nodes = [aNode("n1")];
  const instances = [on("a", ready("n1"))];
  const { status } = look(nodes, instances);
  expect(look(nodes, instances, { daemonSet: aDaemonSet({}, status) }).status).toBe(status);
});

test("reconcileDaemonSet: one that is being deleted lets all go", () => {
  const daemonSet = aDaemonSet({}, undefined, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const result = look(three, [on("a", ready("n1")), on("b", endedOn("n2", "Refused"))], { daemonSet });
  expect(texts(result)).toEqual(["stop a", "forget b"]);
});
