import { noAmounts, noClaims } from "../model.ts";
import { expect, test } from "vitest";
import { nothingCommitted } from "../resources.ts";
import { aCapacity, aNode, anInstance, aStatus, bound, ended, startMs } from "../testing/builders.ts";
import type { Instance } from "../model.ts";
import { ClusterState } from "./cluster-state.ts";

function stateWith(instances: readonly Instance[] = [], nodeNames = ["n1", "n2"]): ClusterState {
  const state = new ClusterState();
  for (const name of nodeNames) state.upsertNode(aNode(name), { kind: "connected" });
  for (const instance of instances) state.addInstance(instance);
  return state;
}

function heldOn(nodeName: string, uid: string, sequence: number, phase: "Running" | "Failed" = "Running") {
  const observed = aStatus({ sequence, phase });
  const held =
    phase === "Failed"
      ? ({ kind: "ended", nodeName, observed } as const)
      : ({ kind: "bound", nodeName, observed } as const);
  return { ...anInstance(uid), state: held };
}

function endedOn(nodeName: string, uid: string) {
  const observed = aStatus({ phase: "Failed", reason: "Error", finishedMs: 7 });
  return { ...anInstance(uid), state: { kind: "ended", nodeName, observed } as const };
}

test("ClusterState.assume: commits, and forget undoes it exactly", () => {
  const state = stateWith([anInstance("a")]);
  expect(state.assume("a", "n1")).toMatchObject({ kind: "assumed" });
  expect(state.committedOn("n1")).toEqual({
    extended: noAmounts,
    cpuMillis: 100,
    memoryBytes: 64 * 2 ** 20,
    instances: 1,
    processes: 0,
  });
  expect([...state.pending()]).toEqual([]);
  expect(state.neighbours.ownedBy("owner").on("n1")).toBe(1);
  expect(state.forget("a")).toMatchObject({ kind: "updated", freedOn: "n1" });
  expect(state.committedOn("n1")).toEqual(nothingCommitted);
  expect([...state.pending()].map(({ uid }) => uid)).toEqual(["a"]);
  expect(state.neighbours.ownedBy("owner").on("n1")).toBe(0);
});

test.each([
  { name: "an unknown instance", uid: "x", nodeName: "n1", expected: { kind: "gone" } },
  { name: "a bound instance", uid: "b", nodeName: "n1", expected: { kind: "gone" } },
  {
    name: "an unknown node",
    uid: "a",
    nodeName: "n9",
    expected: { kind: "rejected", message: "node n9 is gone" },
  },
  {
    name: "a silent node",
    uid: "a",
    nodeName: "n2",
    expected: { kind: "rejected", message: "node n2 is suspect" },
  },
  {
    name: "a full node",
    uid: "big",
    nodeName: "n1",
    expected: { kind: "rejected", message: "node n1 has too little cpu left" },
  },
  {
    name: "a node whose processes are taken",
    uid: "own",
    nodeName: "n3",
    expected: { kind: "rejected", message: "node n3 has too little processes left" },
  },
])("ClusterState.assume: rejects $name", ({ uid, nodeName, expected }) => {
  const big = anInstance("big", { requests: { cpuMillis: 4_000, memoryBytes: 1 } });
  const own = anInstance("own", { isolation: "process" });
  const state = stateWith([anInstance("a"), anInstance("b", { state: bound("n1") }), big, own]);
  state.upsertNode(aNode("n3", { allocatable: aCapacity({ processes: 0 }) }), { kind: "connected" });
  state.setConnection("n2", { kind: "suspect", sinceMs: 1 });
  expect(state.assume(uid, nodeName)).toEqual(expected);
});

test.each([
  { name: "news", sequence: 3, nodeName: "n1", expected: "changed" },
  { name: "the same again", sequence: 2, nodeName: "n1", expected: "stale" },
  { name: "an older report", sequence: 1, nodeName: "n1", expected: "stale" },
  { name: "another node", sequence: 3, nodeName: "n2", expected: "unknown" },
])("ClusterState.observe: $name is $expected", ({ sequence, nodeName, expected }) => {
  const state = stateWith([anInstance("a", { state: bound("n1", { sequence: 2 }) })]);
  expect(state.observe(nodeName, "a", aStatus({ sequence })).kind).toBe(expected);
});

test("ClusterState.observe: an end frees the node once and is final", () => {
  const state = stateWith([anInstance("a", { state: bound("n1", { sequence: 1 }) })]);
  const end = state.observe("n1", "a", aStatus({ phase: "Failed", sequence: 2 }));
  expect(end).toMatchObject({
    kind: "changed",
    change: { freedOn: "n1", instance: { state: { kind: "ended" } } },
  });
  expect(state.observe("n1", "a", aStatus({ sequence: 3 })).kind).toBe("stale");
  expect(state.committedOn("n1").instances).toBe(0);
  expect(state.removeInstance("a")).toMatchObject({ kind: "removed", freedOn: undefined });
  expect(state.committedOn("n1").instances).toBe(0);
});

test("ClusterState.markStopping: a pending instance is gone at once, a bound one waits for its end", () => {
  const state = stateWith([anInstance("p"), anInstance("b", { state: bound("n1", { sequence: 1 }) })]);
  expect(state.markStopping("p")).toMatchObject({ kind: "removed" });
  expect(state.markStopping("b")).toMatchObject({ kind: "updated", freedOn: undefined });
  expect(state.markStopping("b")).toBeUndefined();
  expect(state.committedOn("n1").instances).toBe(1);
  expect(state.neighbours.ownedBy("owner").on("n1")).toBe(0);
  expect(state.observe("n1", "b", aStatus({ phase: "Succeeded", sequence: 2 }))).toMatchObject({
    change: { freedOn: "n1" },
  });
});

test.each([
  { name: "an unknown one is added", held: heldOn("n1", "new", 1), expected: { kind: "changed" } },
  { name: "a pending one is bound", held: heldOn("n1", "p", 1), expected: { kind: "changed" } },
  { name: "known news are taken in", held: heldOn("n1", "b", 6), expected: { kind: "changed" } },
  { name: "nothing new", held: heldOn("n1", "b", 5), expected: { kind: "unchanged" } },
  {
    name: "what a node says that counts from before again",
    held: heldOn("n1", "b", 3, "Failed"),
    expected: { kind: "changed", change: { freedOn: "n1", instance: { state: { kind: "ended" } } } },
  },
  {
    name: "bound elsewhere is refused",
    held: heldOn("n2", "b", 9),
    expected: { kind: "refused", why: "elsewhere" },
  },
  {
    name: "given up is refused",
    held: heldOn("n1", "e", 9),
    expected: { kind: "refused", why: "ended" },
  },
  {
    name: "another end than that which it was given up with is refused",
    held: endedOn("n1", "e"),
    expected: { kind: "refused", why: "ended" },
  },
  {
    name: "the same end again stays with the node",
    held: endedOn("n1", "f"),
    expected: { kind: "unchanged" },
  },
])("ClusterState.adopt: $name", ({ held, expected }) => {
  const state = stateWith([
    anInstance("p"),
    anInstance("b", { state: bound("n1", { sequence: 5 }) }),
    anInstance("e", { state: ended("Failed", "NodeLost") }),
    endedOn("n1", "f"),
  ]);
  expect(state.adopt(held)).toMatchObject(expected);
});

test("ClusterState.loseNode: ends what was there, and the node keeps nothing committed", () => {
  const state = stateWith([
    anInstance("a", { state: bound("n1", { restarts: 2 }) }),
    anInstance("b", { state: bound("n2") }),
  ]);
  const loss = state.loseNode("n1", startMs);
  expect(loss?.node.node.connection).toEqual({ kind: "lost" });
  expect(loss?.instances.map(({ instance }) => instance.state)).toMatchObject([
    { kind: "ended", observed: { phase: "Failed", reason: "NodeLost", restarts: 2, finishedMs: startMs } },
  ]);
  expect(state.loseNode("n1", startMs)).toBeUndefined();
  expect(state.committedOn("n1").instances).toBe(0);
});

test("ClusterState.removeNode: ended instances outlive it until they are forgotten", () => {
  const state = stateWith([anInstance("a", { state: bound("n1") })]);
  expect(state.removeNode("n1", startMs)?.instances).toHaveLength(1);
  expect(state.node("n1")).toBeUndefined();
  expect(state.instance("a")?.state.kind).toBe("ended");
  expect(state.removeInstance("a")?.kind).toBe("removed");
  expect(state.instanceCount).toBe(0);
});

test("ClusterState.upsertNode: a declaration does not touch the connection or what is committed", () => {
  const state = stateWith([anInstance("a", { state: bound("n1") })]);
  const change = state.upsertNode(aNode("n1", { unschedulable: true }), { kind: "suspect", sinceMs: 1 });
  expect(change).toMatchObject({
    kind: "updated",
    node: { unschedulable: true, connection: { kind: "connected" } },
  });
  expect(state.committedOn("n1").instances).toBe(1);
});

test("ClusterState: finds by owner, node and name, and forgets all of it", () => {
  const state = stateWith([anInstance("a", { state: bound("n1") }), anInstance("b")]);
  expect([...state.instancesOwnedBy("owner")].map(({ uid }) => uid)).toEqual(["a", "b"]);
  expect([...state.instancesOn("n1")].map(({ uid }) => uid)).toEqual(["a"]);
  expect(state.instanceNamed("default", "instance-b")?.uid).toBe("b");
  for (const uid of ["a", "b"]) state.removeInstance(uid);
  expect([...state.owners()]).toEqual([]);
  expect([...state.instancesOn("n1")]).toEqual([]);
  expect(state.instanceNamed("default", "instance-b")).toBeUndefined();
});

test("ClusterState.explainPending: changes only what is new", () => {
  const state = stateWith([anInstance("a")]);
  expect(state.explainPending("a", "Unschedulable", "no room")).toMatchObject({ kind: "updated" });
  expect(state.explainPending("a", "Unschedulable", "no room")).toBeUndefined();
});

test("ClusterState.snapshot: replaces only what changed, and earlier ones stay as they were", () => {
  const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
  const state = stateWith([anInstance("a")], names);
  const before = state.snapshot();
  expect(state.snapshot()).toBe(before);
  state.assume("a", "n70");
  const after = state.snapshot();
  const changed = names.flatMap((_, position) =>
    before.at(position) === after.at(position) ? [] : [position],
  );
  expect(changed).toEqual([70]);
  expect(after.changedAt(before.journalEnd)).toBe(70);
  expect(before.at(70).committed.instances).toBe(0);
  expect(after.at(70).committed.instances).toBe(1);
});

test("ClusterState.snapshot: a node that goes leaves no hole, and earlier snapshots keep it", () => {
  const state = stateWith([], ["n0", "n1", "n2"]);
  const before = state.snapshot();
  state.removeNode("n0", startMs);
  const after = state.snapshot();
  const namesIn = (snapshot: typeof before) =>
    Array.from({ length: snapshot.size }, (_, position) => snapshot.at(position).node.name);
  expect(namesIn(after).sort()).toEqual(["n1", "n2"]);
  expect(namesIn(before)).toEqual(["n0", "n1", "n2"]);
  expect(after.layout).not.toBe(before.layout);
});

test("ClusterState.adopt: may fill a node over its allocatable, after which nothing is assumed there", () => {
  const state = stateWith([anInstance("a")], []);
  state.upsertNode(aNode("n1", { allocatable: aCapacity({ cpuMillis: 50 }) }), { kind: "connected" });
  expect(state.adopt(heldOn("n1", "x", 1)).kind).toBe("changed");
  expect(state.assume("a", "n1").kind).toBe("rejected");
});

test("ClusterState.observe: a module that turns out to need a process takes one, until it has ended", () => {
  const state = stateWith([anInstance("a", { state: bound("n1", { sequence: 1, isolation: undefined }) })]);
  expect(state.committedOn("n1")).toMatchObject({ processes: 0, memoryBytes: 64 * 2 ** 20 });
  state.observe("n1", "a", aStatus({ sequence: 2, isolation: "process" }));
  expect(state.committedOn("n1")).toMatchObject({ processes: 1, memoryBytes: 96 * 2 ** 20, instances: 1 });
  expect(state.quotaUsage.used("default", () => true)["requests.memory"]).toBe(64_000n * 2n ** 20n);
  state.observe("n1", "a", aStatus({ sequence: 3, isolation: "process", phase: "Failed" }));
  expect(state.committedOn("n1")).toEqual(nothingCommitted);
});

const short = (status: boolean, message = "") => [
  { type: "MemoryPressure", status, reason: "R", message, transitionMs: 1 },
];

test("ClusterState.setConditions: changes the node once, and a declaration leaves them alone", () => {
  const state = stateWith();
  expect(state.setConditions("n1", short(true))).toMatchObject({ before: { conditions: [] } });
  expect(state.setConditions("n1", short(true))).toBeUndefined();
  expect(state.setConditions("n9", short(true))).toBeUndefined();
  state.upsertNode(aNode("n1", { unschedulable: true }), { kind: "connected" });
  expect(state.node("n1")).toMatchObject({ unschedulable: true, conditions: short(true) });
});

test("ClusterState: remembers whom a node evicted until its pressure is over", () => {
  const state = stateWith([
    anInstance("a", { state: bound("n1", { sequence: 1 }) }),
    anInstance("b", { state: bound("n1", { sequence: 1 }), owner: { kind: "WasmJob", name: "j", uid: "j" } }),
  ]);
  const evicted = () => [...(state.node("n1")?.evictedOwners ?? [])];
  state.setConditions("n1", short(true));
  state.observe("n1", "a", aStatus({ sequence: 2, phase: "Failed", reason: "Evicted" }));
  state.observe("n1", "b", aStatus({ sequence: 2, phase: "Failed", reason: "Error" }));
  expect(evicted()).toEqual(["owner"]);
  const observed = aStatus({ phase: "Failed", reason: "Evicted" });
  const owner = { kind: "WasmJob", name: "k", uid: "k" } as const;
  const held = { ...anInstance("c", { owner }), state: { kind: "ended", nodeName: "n1", observed } } as const;
  state.adopt(held);
  expect(evicted()).toEqual(["owner", "k"]);
  state.setConditions("n1", short(true, "still"));
  expect(evicted()).toEqual(["owner", "k"]);
  state.setConditions("n1", short(false));
  expect(evicted()).toEqual([]);
  // A later inventory may still hold that end.
  state.adopt(held);
  expect(evicted()).toEqual([]);
});

test("ClusterState.assume: a port is held until its instance has stopped", () => {
  const holding = (uid: string, address: string) =>
    anInstance(uid, { claims: { ...noClaims, ports: [{ address, port: 80 }] } });
  const state = stateWith([holding("a", "127.0.0.1"), holding("b", "0.0.0.0"), holding("c", "::")]);
  expect(state.assume("a", "n1").kind).toBe("assumed");
  const refusal = { kind: "rejected", message: "port 0.0.0.0:80 of node n1 is held by another instance" };
  expect(state.assume("b", "n1")).toEqual(refusal);
  expect(state.assume("c", "n1").kind).toBe("assumed");
  state.markStopping("a");
  expect(state.assume("b", "n1")).toEqual(refusal);
  state.observe("n1", "a", aStatus({ phase: "Failed", sequence: 2 }));
  expect(state.assume("b", "n1").kind).toBe("assumed");
});

test("ClusterState.assume: a port that one workload shares is not another's, whose room there is reserved, before it is free", () => {
  const sharing = (uid: string, sharer: string) =>
    anInstance(uid, { claims: { ...noClaims, ports: [{ address: "0.0.0.0", port: 80, sharer }] } });
  const state = stateWith([sharing("a", "shop"), sharing("b", "cart"), sharing("c", "cart")]);
  expect(state.assume("a", "n1").kind).toBe("assumed");
  state.markStopping("a");
  state.nominate("b", "n1");
  expect(state.assume("b", "n1").kind).toBe("rejected");
  state.withdraw("b");
  expect(state.assume("c", "n1").kind).toBe("rejected");
  state.observe("n1", "a", aStatus({ phase: "Failed", sequence: 2 }));
  expect([state.assume("b", "n1").kind, state.assume("c", "n1").kind]).toEqual(["assumed", "assumed"]);
});
