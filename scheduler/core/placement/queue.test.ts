import { expect, test } from "vitest";
import { emptyNode } from "./snapshot.ts";
import { aNode, aQuotaSubject, requirements } from "../testing/builders.ts";
import type { Explanation } from "./explanation.ts";
import type { NodeEvent } from "./framework.ts";
import { PlacementQueue, type Batch } from "./queue.ts";

const web = {
  key: "web",
  requirements: requirements(),
  targetNode: undefined,
  priority: 0,
  preempts: true,
  isGang: false,
  quota: aQuotaSubject(),
};
const api = {
  key: "api",
  requirements: requirements(),
  targetNode: undefined,
  priority: 0,
  preempts: true,
  isGang: false,
  quota: aQuotaSubject(),
};

const full: Explanation = {
  message: "0/1 nodes are available: 1 insufficient cpu.",
  nodeCount: 1,
  reasons: [],
  nodes: [],
  rejectedBy: new Set(["resources-fit"]),
  target: undefined,
};

const freed: NodeEvent = {
  kind: "capacityFreed",
  view: { node: aNode("n1"), ...emptyNode },
};

function aQueue(mayHelp: (event: NodeEvent) => boolean = () => true): PlacementQueue {
  return new PlacementQueue({ backoff: { initialMs: 1_000, factor: 2, maxMs: 10_000 }, mayHelp });
}

function take(queue: PlacementQueue, nowMs = 0, limit = 100): Batch {
  const batch = queue.take(limit, nowMs);
  if (batch === undefined) throw new Error("nothing to take");
  return batch;
}

const allPlaced = { unplaceable: [], explanation: undefined, rejected: [] };

function parkAll(queue: PlacementQueue, nowMs = 0): void {
  const batch = take(queue, nowMs);
  queue.close(batch, { unplaceable: batch.uids, explanation: full, rejected: [] }, nowMs);
}

test("PlacementQueue.take: serves groups in turn, each up to the limit", () => {
  const queue = aQueue();
  for (const uid of ["a", "b", "c"]) queue.add(uid, web);
  queue.add("x", api);
  const taken = [take(queue, 0, 2), take(queue, 0, 2), take(queue, 0, 2)];
  expect(taken.map(({ uids }) => uids)).toEqual([["a", "b"], ["x"], ["c"]]);
  expect(queue.take(2, 0)).toBeUndefined();
  for (const batch of taken) queue.close(batch, allPlaced, 0);
  expect(queue.size).toBe(0);
});

test("PlacementQueue.add: twice is once", () => {
  const queue = aQueue();
  queue.add("a", web);
  queue.add("a", web);
  expect(take(queue).uids).toEqual(["a"]);
});

test("PlacementQueue.add: joins the verdict of its group at no cost", () => {
  const queue = aQueue();
  queue.add("a", web);
  parkAll(queue);
  expect(queue.add("b", web)).toBe(full);
  expect(queue.explanation("b")).toBe(full);
  expect(queue.hasActive).toBe(false);
  expect(queue.counts()).toEqual({ active: 0, backoff: 0, unschedulable: 2 });
});

test("PlacementQueue.remove: what is gone is neither handed out nor taken back", () => {
  const queue = aQueue();
  for (const uid of ["a", "b", "c"]) queue.add(uid, web);
  queue.remove("a");
  const batch = take(queue);
  expect(batch.uids).toEqual(["b", "c"]);
  queue.remove("b");
  queue.close(batch, { unplaceable: ["b", "c"], explanation: full, rejected: [] }, 0);
  expect(queue.size).toBe(1);
  queue.remove("c");
  expect(queue.size).toBe(0);
  expect(queue.wake(freed, 0)).toBe(0);
});

test.each([
  { name: "before its backoff is over: rests until then", nowMs: 400, wakeAtMs: 1_000, active: false },
  { name: "after it: is active at once", nowMs: 1_000, wakeAtMs: undefined, active: true },
])("PlacementQueue.wake: a group woken $name", ({ nowMs, wakeAtMs, active }) => {
  const queue = aQueue();
  queue.add("a", web);
  parkAll(queue);
  expect(queue.wakeAtMs()).toBeUndefined();
  expect(queue.wake(freed, nowMs)).toBe(1);
  expect(queue.wakeAtMs()).toBe(wakeAtMs);
  expect(queue.hasActive).toBe(active);
});

test("PlacementQueue.wake: an event that cannot help wakes nobody", () => {
  const queue = aQueue(() => false);
  queue.add("a", web);
  parkAll(queue);
  expect(queue.wake(freed, 5_000)).toBe(0);
  expect(queue.take(1, 99_999)).toBeUndefined();
});

test("PlacementQueue.take: a group returns when its backoff is over, and rests longer each time", () => {
  const queue = aQueue();
  queue.add("a", web);
  const rests: number[] = [];
  let nowMs = 0;
  for (let attempt = 0; attempt < 6; attempt++) {
    parkAll(queue, nowMs);
    queue.wake(freed, nowMs);
    const next = queue.wakeAtMs() ?? nowMs;
    expect(queue.take(1, next - 1)).toBeUndefined();
    rests.push(next - nowMs);
    nowMs = next;
  }
  expect(rests).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("PlacementQueue.close: an event during the attempt is not missed", () => {
  const queue = aQueue();
  queue.add("a", web);
  const batch = take(queue);
  queue.wake(freed, 0);
  queue.close(batch, { unplaceable: ["a"], explanation: full, rejected: [] }, 0);
  expect(queue.wakeAtMs()).toBe(1_000);
});

test.each([
  { name: "with success elsewhere: again at once", rejected: ["b"], wakeAtMs: undefined },
  { name: "all of them: after a rest", rejected: ["a", "b"], wakeAtMs: 1_000 },
])("PlacementQueue.close: rejected commits, $name", ({ rejected, wakeAtMs }) => {
  const queue = aQueue();
  for (const uid of ["a", "b"]) queue.add(uid, web);
  queue.close(take(queue), { unplaceable: [], explanation: undefined, rejected }, 0);
  expect(queue.wakeAtMs()).toBe(wakeAtMs);
  expect(queue.hasActive).toBe(wakeAtMs === undefined);
});

test("PlacementQueue.close: those that came during the attempt stay active", () => {
  const queue = aQueue();
  queue.add("a", web);
  const batch = take(queue);
  queue.add("b", web);
  queue.close(batch, allPlaced, 0);
  expect(take(queue).uids).toEqual(["b"]);
});

test("PlacementQueue.take: what has the higher priority goes first, whenever it came", () => {
  const queue = aQueue();
  queue.add("a", web);
  queue.add("x", { ...api, key: "urgent", priority: 1_000 });
  queue.add("b", { ...api, key: "later", priority: -1 });
  queue.add("c", api);
  const order = [take(queue), take(queue), take(queue), take(queue)].flatMap(({ uids }) => uids);
  expect(order).toEqual(["x", "a", "c", "b"]);
});

test("PlacementQueue.take: what has the higher priority and no place holds up nobody", () => {
  const queue = aQueue();
  queue.add("x", { ...web, priority: 1_000 });
  queue.add("a", api);
  parkAll(queue);
  expect(take(queue).uids).toEqual(["a"]);
});

const gang = { ...web, key: "gang", isGang: true };

test("PlacementQueue.take: a gang is handed out whole, and its verdict is for all of it", () => {
  const queue = aQueue();
  for (const uid of ["a", "b", "c"]) queue.add(uid, gang);
  const batch = take(queue, 0, 2);
  expect(batch.uids).toEqual(["a", "b", "c"]);
  queue.close(batch, { unplaceable: batch.uids, explanation: full, rejected: [] }, 0);
  expect(queue.add("d", gang)).toBe(full);
});

test("PlacementQueue.remove: a gang without a place that becomes smaller is active again, another group is not", () => {
  const queue = aQueue();
  for (const request of [gang, web]) for (const n of [1, 2]) queue.add(`${request.key}${n}`, request);
  for (let n = 0; n < 2; n++) parkAll(queue);
  queue.remove("web1");
  expect(queue.hasActive).toBe(false);
  queue.remove("gang1");
  expect(take(queue).uids).toEqual(["gang2"]);
});

test("PlacementQueue.addNominated: waits for events apart from those of its request that have no node", () => {
  const queue = aQueue();
  queue.addNominated("a", web, full, 0);
  queue.add("b", web);
  expect(take(queue)).toMatchObject({ uids: ["b"], isNominated: false });
  expect(queue.take(1, 99_999)).toBeUndefined();
  expect(queue.explanation("a")).toBe(full);
  queue.wake(freed, 99_999);
  const batch = take(queue, 99_999);
  expect(batch).toMatchObject({ request: { key: "web" }, uids: ["a"], isNominated: true });
  queue.close(batch, allPlaced, 99_999);
  expect(queue.size).toBe(1);
});

test("PlacementQueue.addAgain: rests first, and the rest of its group with it", () => {
  const queue = aQueue();
  queue.addAgain("a", web, 0);
  queue.addAgain("b", web, 0);
  expect([queue.hasActive, queue.wakeAtMs()]).toEqual([false, 1_000]);
  expect(take(queue, 1_000).uids).toEqual(["a", "b"]);
});

test("PlacementQueue.putBack: what is not decided goes to the end of the line, without a rest", () => {
  const queue = aQueue();
  for (const uid of ["a", "b"]) queue.add(uid, web);
  queue.add("x", api);
  const batch = take(queue);
  queue.putBack(batch, ["b"]);
  queue.close(batch, allPlaced, 0);
  expect([take(queue).uids, take(queue).uids]).toEqual([["x"], ["b"]]);
});

test("PlacementQueue.prefer: one group goes first of its priority and does not rest, but not before a higher one", () => {
  const queue = aQueue();
  queue.add("a", gang);
  parkAll(queue);
  queue.add("x", { ...api, key: "urgent", priority: 1 });
  queue.add("b", api);
  queue.prefer("gang");
  queue.wake(freed, 1);
  expect([take(queue, 1), take(queue, 1), take(queue, 1)].map(({ uids }) => uids)).toEqual([
    ["x"],
    ["a"],
    ["b"],
  ]);
});

test("PlacementQueue.wakeGroup: makes a group active whatever it waits for", () => {
  const queue = aQueue(() => false);
  queue.add("a", gang);
  parkAll(queue);
  expect(queue.wakeGroup("gang")).toBe(true);
  expect(take(queue).uids).toEqual(["a"]);
  expect([queue.wakeGroup("web"), queue.hasGroup("web")]).toEqual([false, false]);
});

test("PlacementQueue: instances that may have one node only fail one by one, and events of that node alone are asked for them", () => {
  const asked: string[] = [];
  const queue = new PlacementQueue({
    backoff: { initialMs: 1_000, factor: 2, maxMs: 10_000 },
    mayHelp: (_, { targetNode }) => asked.push(String(targetNode)) > 0,
  });
  for (const node of ["n1", "n2", "n3"]) queue.add(node, { ...web, targetNode: node });
  for (let taken = 0; taken < 3; taken++) {
    const batch = take(queue);
    const { targetNode = "" } = batch.request;
    expect(batch.uids).toEqual([targetNode]);
    const explanation = { ...full, target: { nodeName: targetNode, isAlone: targetNode !== "n3" } };
    const unplaceable = targetNode === "n2" ? [] : batch.uids;
    queue.close(batch, { unplaceable, explanation, rejected: [] }, 0);
  }
  expect(queue.size).toBe(2);
  expect(queue.wake({ ...freed, view: { node: aNode("n2"), ...emptyNode } }, 2_000)).toBe(1);
  expect(asked).toEqual(["n3"]);
  expect(queue.wake(freed, 2_000)).toBe(1);
  expect(asked).toEqual(["n3", "n1"]);
  expect([take(queue, 2_000).uids, take(queue, 2_000).uids]).toEqual([["n3"], ["n1"]]);
});
