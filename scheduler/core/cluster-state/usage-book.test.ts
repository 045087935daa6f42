import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { aCapacity, aNode, anInstance } from "../testing/builders.ts";
import { ClusterState } from "./cluster-state.ts";
import { UsageBook } from "./usage-book.ts";

const mebibyte = 2 ** 20;
const requests = { cpuMillis: 100, memoryBytes: 64 * mebibyte };

/** A node of 4 cores and 8 GiB, with instances that each request 100m and 64 MiB. */
function setUp(uids: readonly string[], overcommit = { cpu: 1, memory: 1 }) {
  const state = new ClusterState();
  state.upsertNode(aNode("n1", { allocatable: aCapacity(), overcommit }), { kind: "connected" });
  const fell: string[] = [];
  const metered: string[] = [];
  const book = new UsageBook({ state, fell: (name) => fell.push(name), metered: (uid) => metered.push(uid) });
  for (const uid of uids) {
    state.addInstance(anInstance(uid, { requests }));
    state.assume(uid, "n1");
  }
  const sample = (uid: string, cpuUs: number, memoryMi: number) => ({
    uid,
    cpuUs,
    memoryBytes: memoryMi * mebibyte,
    fuel: 7,
    throttledUs: 3,
    ageMs: 0,
  });
  const excess = () => {
    const found = state.view("n1")?.usageExcess;
    return found && { cpu: found.cpuMillis, memoryMi: found.memoryBytes / mebibyte };
  };
  return { state, book, fell, metered, sample, excess };
}

test("UsageBook: memory counts from the first sample, cpu from the second", () => {
  const { book, sample, excess } = setUp(["a"]);
  expect(excess()).toBeUndefined();
  book.take("n1", [sample("a", 5_000_000, 300)], 0);
  expect(excess()).toEqual({ cpu: 0, memoryMi: 236 });
  book.take("n1", [sample("a", 8_000_000, 300)], 10_000);
  expect(book.figures("a")).toMatchObject({ cpuMillis: 300, memoryBytes: 300 * mebibyte, fuel: 7 });
  expect(excess()).toEqual({ cpu: 200, memoryMi: 236 });
});

test("UsageBook: two samples that come at once make no rate, and take none away", () => {
  const { book, sample } = setUp(["a"]);
  book.take("n1", [sample("a", 0, 10)], 0);
  book.take("n1", [sample("a", 3_000_000, 11)], 1);
  expect(book.figures("a")).toMatchObject({ hasRate: false, cpuMillis: 0, atMs: 1 });
  book.take("n1", [sample("a", 5_000_000, 12)], 10_000);
  expect(book.figures("a")).toMatchObject({ hasRate: true, cpuMillis: 500, atMs: 10_000 });
  book.take("n1", [sample("a", 9_000_000, 13)], 10_001);
  expect(book.figures("a")).toMatchObject({ cpuMillis: 500, memoryBytes: 13 * mebibyte, atMs: 10_001 });
  book.take("n1", [sample("a", 9_000_000, 13)], 20_000);
  expect(book.figures("a")?.cpuMillis).toBe(400);
});

test("UsageBook: a rate is of the time between the samples, not between their arrivals", () => {
  const { book, sample } = setUp(["a"]);
  book.take("n1", [{ ...sample("a", 0, 10), ageMs: 9_000 }], 10_000);
  book.take("n1", [{ ...sample("a", 10_000_000, 10), ageMs: 100 }], 11_100);
  expect(book.figures("a")).toMatchObject({ cpuMillis: 1_000, atMs: 11_000 });
  // What was before that is no rate.
  book.take("n1", [{ ...sample("a", 30_000_000, 10), ageMs: 60_000 }], 12_000);
  expect(book.figures("a")?.cpuMillis).toBe(1_000);
});

test("UsageBook: of what stands still nodes say nothing, and when it works again it has done so for a round", () => {
  const { book, sample } = setUp(["a"]);
  book.connected("n1", 0);
  book.take("n1", [sample("a", 5_000_000, 10)], 10_000);
  expect(book.figures("a")?.isIdle).toBe(false);
  book.take("n1", [sample("a", 5_000_000, 10)], 30_000);
  expect(book.figures("a")).toMatchObject({ isIdle: true, cpuMillis: 0, hasRate: true });
  book.take("n1", [sample("a", 15_000_000, 10)], 630_000);
  expect(book.figures("a")).toMatchObject({ isIdle: false, cpuMillis: 1_000 });
});

test("UsageBook: in a new session what stood still is not known to do so, before it is said again", () => {
  const { book, sample } = setUp(["a"]);
  for (const atMs of [0, 20_000]) book.take("n1", [sample("a", 5_000_000, 10)], atMs);
  book.connected("n1", 90_000);
  expect(book.figures("a")).toMatchObject({ isIdle: false, atMs: 20_000 });
  book.take("n1", [sample("a", 5_000_000, 10)], 95_000);
  expect(book.figures("a")?.isIdle).toBe(true);
  book.removeNode("n1");
});

test("UsageBook: says whose instances it has heard of", () => {
  const { state, book, metered, sample } = setUp(["a"]);
  book.take("n1", [sample("a", 0, 10), sample("none", 0, 10)], 0);
  expect(metered).toEqual([state.instance("a")?.owner.uid]);
});

test("UsageBook: a new run counts from its own start", () => {
  const { book, sample } = setUp(["a"]);
  book.take("n1", [sample("a", 50_000_000, 10)], 0);
  book.take("n1", [sample("a", 4_000_000, 10)], 10_000);
  expect(book.figures("a")?.cpuMillis).toBe(400);
});

test("UsageBook: what moves by less than 2 % of the node is kept back until it is more", () => {
  const { book, sample, excess } = setUp(["a", "b"]);
  book.take("n1", [sample("a", 0, 64)], 0);
  expect(excess()).toEqual({ cpu: 0, memoryMi: 0 });
  book.take("n1", [sample("b", 0, 64 + 160)], 0);
  expect(excess()).toEqual({ cpu: 0, memoryMi: 0 });
  book.take("n1", [sample("a", 0, 64 + 10)], 10_000);
  expect(excess()).toEqual({ cpu: -100, memoryMi: 170 });
});

test("UsageBook: what an instance used over its requests goes with it, at its end or its removal", () => {
  const { state, book, sample, excess } = setUp(["a", "b"]);
  book.take("n1", [sample("a", 0, 1_064), sample("b", 0, 2_064)], 0);
  expect(excess()?.memoryMi).toBe(3_000);
  const ended = state.markEnded("a", { reason: "Evicted", message: "", nowMs: 1 });
  book.instanceChanged(ended!);
  expect(excess()?.memoryMi).toBe(2_000);
  expect(book.figures("a")).toBeDefined();
  // Late news of it count no more.
  book.take("n1", [sample("a", 0, 4_000)], 1);
  expect(excess()?.memoryMi).toBe(2_000);
  book.instanceChanged(state.removeInstance("a")!);
  book.instanceChanged(state.removeInstance("b")!);
  expect(excess()).toEqual({ cpu: 0, memoryMi: 0 });
  expect(book.figures("b")).toBeUndefined();
});

test("UsageBook: an instance that is placed anew begins anew", () => {
  const { state, book, sample, excess } = setUp(["a"]);
  state.upsertNode(aNode("n2"), { kind: "connected" });
  book.take("n1", [sample("a", 0, 1_064)], 0);
  book.instanceChanged(state.forget("a")!);
  expect(excess()?.memoryMi).toBe(0);
  const assumed = state.assume("a", "n2");
  if (assumed.kind === "assumed") book.instanceChanged(assumed.change);
  book.take("n2", [sample("a", 9_000_000, 564)], 10_000);
  expect(state.view("n2")?.usageExcess).toEqual({ cpuMillis: 0, memoryBytes: 500 * mebibyte });
  expect(excess()?.memoryMi).toBe(0);
});

test("UsageBook: whoever waits for a node to be used less is told when it is", () => {
  const { book, sample, fell } = setUp(["a"]);
  book.take("n1", [sample("a", 0, 2_000)], 0);
  expect(fell).toEqual([]);
  book.take("n1", [sample("a", 0, 1_990)], 10_000);
  expect(fell).toEqual(["n1"]);
  book.take("n1", [sample("a", 0, 1_000)], 20_000);
  expect(fell).toEqual(["n1", "n1"]);
});

test("UsageBook: of a node that is away nothing is known, and all again from its first word", () => {
  const { state, book, sample, excess } = setUp(["a"]);
  book.take("n1", [sample("a", 0, 564)], 0);
  state.setConnection("n1", { kind: "suspect", sinceMs: 0 });
  book.away("n1");
  expect(excess()).toBeUndefined();
  state.setConnection("n1", { kind: "connected" });
  book.take("n1", [], 1);
  expect(excess()?.memoryMi).toBe(500);
});

test("UsageBook: a node is not heard of instances that are elsewhere or nowhere", () => {
  const { state, book, sample, excess } = setUp(["a"]);
  state.upsertNode(aNode("n2"), { kind: "connected" });
  state.addInstance(anInstance("waits"));
  book.take("n2", [sample("a", 0, 5_000), sample("waits", 0, 5_000), sample("none", 0, 5_000)], 0);
  expect(excess()).toBeUndefined();
  expect(state.view("n2")?.usageExcess).toEqual({ cpuMillis: 0, memoryBytes: 0 });
  book.take("gone", [sample("a", 0, 1)], 0);
});

test("UsageBook: no instance uses more than its node really has, and sums stay exact", () => {
  const { state, book, sample, excess } = setUp(["a", "b"], { cpu: 4, memory: 2 });
  const absurd = { ...sample("a", Number.MAX_SAFE_INTEGER, 0), memoryBytes: 2 ** 63 };
  book.take("n1", [sample("a", 0, 64), sample("b", 0, 65)], 0);
  book.take("n1", [absurd], 1_000);
  expect(excess()).toEqual({ cpu: 1_000 - 100, memoryMi: 4_096 - 64 + 1 });
  book.instanceChanged(state.removeInstance("a")!);
  expect(excess()).toEqual({ cpu: 0, memoryMi: 1 });
});

test("UsageBook: whatever happens, the state is never off by more than 2 % of a node, and by nothing at the end", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.fraction() * count);
    const { state, book } = setUp([]);
    state.upsertNode(aNode("n2"), { kind: "connected" });
    const cpuUs = new Map<string, number>();
    const seen = new Set<string>();
    let nowMs = 0;
    for (let step = 0; step < 400; step++) {
      const uid = `i${pick(30)}`;
      const nodeName = `n${1 + pick(2)}`;
      nowMs += 1_000;
      switch (pick(5)) {
        case 0: {
          if (state.instance(uid)) break;
          state.addInstance(anInstance(uid, { requests }));
          state.assume(uid, nodeName);
          cpuUs.set(uid, 0);
          break;
        }
        case 1: {
          const ended = state.markEnded(uid, { reason: "Error", message: "", nowMs });
          if (ended) book.instanceChanged(ended);
          break;
        }
        case 2: {
          const removed = state.removeInstance(uid);
          if (removed) book.instanceChanged(removed);
          seen.delete(uid);
          break;
        }
        default: {
          const usages = Array.from(state.instancesOn(nodeName), (instance) => {
            const spentUs = (cpuUs.get(instance.uid) ?? 0) + pick(3_000_000);
            cpuUs.set(instance.uid, spentUs);
            seen.add(instance.uid);
            const memoryBytes = pick(500) * mebibyte;
            return { uid: instance.uid, cpuUs: spentUs, memoryBytes, fuel: 0, throttledUs: 0, ageMs: 0 };
          });
          book.take(nodeName, usages, nowMs);
        }
      }
      for (const name of ["n1", "n2"]) {
        const known = state.view(name)?.usageExcess;
        if (known === undefined) continue;
        const live = Array.from(state.instancesOn(name)).filter(
          (instance) => instance.state.kind === "bound" && seen.has(instance.uid),
        );
        const expected = live.reduce(
          (sum, { uid }) => sum + (book.figures(uid)?.memoryBytes ?? 0) - requests.memoryBytes,
          0,
        );
        expect(Math.abs(known.memoryBytes - expected)).toBeLessThanOrEqual(0.02 * aCapacity().memoryBytes);
      }
    }
    for (const { uid } of Array.from(state.instances())) book.instanceChanged(state.removeInstance(uid)!);
    for (const name of ["n1", "n2"]) {
      book.away(name);
      book.take(name, [], nowMs);
      expect(state.view(name)?.usageExcess).toEqual({ cpuMillis: 0, memoryBytes: 0 });
    }
  }
});
