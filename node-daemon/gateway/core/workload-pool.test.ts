import * as fc from "fast-check";
import { expect, test } from "vitest";
import { callable, LocalPlace, type Place, RemotePlace, WorkloadPool } from "./workload-pool.ts";

type Pool = WorkloadPool<null, null>;

function local(
  uid: string,
  more: { readonly hash?: string; readonly concurrency?: number } = {},
): LocalPlace<null> {
  return new LocalPlace({ uid, templateHash: more.hash ?? "t", concurrency: more.concurrency ?? 1 }, null);
}

function remote(node: string, ready: Readonly<Record<string, number>>): RemotePlace<null> {
  return new RemotePlace(node, new Map(Object.entries(ready)), null);
}

function poolOf(...places: readonly Place<null, null>[]): Pool {
  const pool: Pool = new WorkloadPool();
  for (const place of places) {
    if (place.kind === "local") pool.addLocal(place);
    else pool.addRemote(place);
  }
  return pool;
}

function take(pool: Pool, hash?: string, tried: readonly Place<null, null>[] = []): string {
  const choice = pool.choose(hash, tried, 0.5, "anywhere");
  if (choice.kind === "none") return "none";
  pool.begin(choice.place);
  const name = choice.place.kind === "local" ? choice.place.uid : choice.place.node;
  return `${name}${choice.isFree ? "" : " queue"}`;
}

test("WorkloadPool: goes to free instances here, then to other nodes with room, then to the queues here", () => {
  const pool = poolOf(local("a"), local("b"), remote("n", { t: 2 }));
  expect(Array.from({ length: 7 }, () => take(pool))).toEqual([
    "a",
    "b",
    "n",
    "n",
    "a queue",
    "b queue",
    "a queue",
  ]);
});

test("WorkloadPool: of several revisions goes to the one that is asked for", () => {
  const pool = poolOf(local("a", { hash: "1" }), local("b", { hash: "2" }), remote("n", { "3": 1 }));
  expect([take(pool, "2"), take(pool, "2"), take(pool, "3"), take(pool, "4")]).toEqual([
    "b",
    "b queue",
    "n",
    "none",
  ]);
});

test("WorkloadPool: calls go to those that take them, and requests to the others", () => {
  const [page, other] = [local("page", { hash: "1" }), local("other", { hash: "1", concurrency: 9 })];
  const facts = { templateHash: "2", concurrency: 1, functions: true };
  const pool = poolOf(page, other, new LocalPlace({ ...facts, uid: "price" }, null));
  const named = (wanted: Parameters<Pool["choose"]>[0]) => {
    const choice = pool.choose(wanted, [], 0.5, "here");
    return choice.kind === "place" && choice.place.kind === "local" ? choice.place.uid : "none";
  };
  expect([named(callable), named("1"), named("2")]).toEqual(["price", "page", "none"]);
  expect(["page", "other"]).toContain(named(undefined));
  pool.removeLocal("price");
  expect(named(callable)).toBe("none");
});

test("WorkloadPool: with no instance here goes to other nodes, however busy", () => {
  const pool = poolOf(remote("n", { t: 1 }));
  for (let i = 0; i < 16; i++) expect(take(pool)).toBe("n");
  expect(take(pool)).toBe("n queue");
});

test("WorkloadPool: of two nodes takes the one with fewer in flight for each instance", () => {
  const [m, n] = [remote("m", { t: 1 }), remote("n", { t: 4 })];
  const pool = poolOf(m, n);
  m.inFlight = 2;
  n.inFlight = 4;
  const counts = { m: 0, n: 0 };
  for (let i = 0; i < 100; i++) {
    const choice = pool.choose(undefined, [], i / 100, "anywhere");
    if (choice.kind === "place" && choice.place.kind === "remote") counts[choice.place.node as "m" | "n"]++;
  }
  // Drawing the same one twice leaves no choice: a quarter of the time.
  expect(counts).toEqual({ m: 25, n: 75 });
});

test("WorkloadPool: asked for places here does not look elsewhere", () => {
  const pool = poolOf(remote("n", { t: 1 }));
  expect(pool.choose(undefined, [], 0, "here").kind).toBe("none");
});

test("WorkloadPool: leaves out what was tried", () => {
  const [a, b, n] = [local("a"), local("b"), remote("n", { t: 1 })];
  const pool = poolOf(a, b, n);
  expect(take(pool, undefined, [a])).toBe("b");
  expect(take(pool, undefined, [a, b])).toBe("n");
  expect(take(pool, undefined, [a, b, n])).toBe("none");
});

test("WorkloadPool: sets aside half of those that fail at most, and all that refuse", () => {
  const [a, b, c] = [local("a"), local("b"), local("c")];
  const pool = poolOf(a, b, c);
  expect([pool.setAside(a, "failed"), pool.setAside(b, "failed")]).toEqual([true, false]);
  expect([pool.setAside(b, "refused"), pool.setAside(c, "refused")]).toEqual([true, true]);
  expect([take(pool), pool.hasPlaces]).toEqual(["none", true]);
  pool.takeBack(b);
  expect(take(pool)).toBe("b");
  expect(poolOf(local("only")).setAside(local("only"), "failed")).toBe(false);
});

test("WorkloadPool: sets the only instance here aside where another node has some", () => {
  const [a, n] = [local("a"), remote("n", { t: 1 })];
  const pool = poolOf(a, n);
  expect([pool.setAside(a, "failed"), take(pool), pool.setAside(n, "failed")]).toEqual([true, "n", false]);
});

test("WorkloadPool: what is gone does not come back", () => {
  const a = local("a");
  const pool = poolOf(a);
  pool.begin(a);
  pool.setAside(a, "refused");
  pool.removeLocal("a");
  pool.takeBack(a);
  pool.finish(a);
  expect([take(pool), a.inFlight]).toEqual(["none", 0]);
});

test("WorkloadPool: whatever happens, a free instance is taken as long as there is one, and the least busy", () => {
  const step = fc.record({
    place: fc.nat(4),
    kind: fc.constantFrom("begin", "finish", "aside", "back", "gone", "add"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const places = Array.from({ length: 5 }, (_, i) =>
        local(`${i}`, { hash: `${i % 2}`, concurrency: 1 + i }),
      );
      const pool = poolOf(...places);
      for (const { place: index, kind } of steps) {
        const place = places[index];
        if (place === undefined) continue;
        if (kind === "begin" && !place.isGone) pool.begin(place);
        if (kind === "finish" && place.inFlight > 0) pool.finish(place);
        if (kind === "aside") pool.setAside(place, "refused");
        if (kind === "back") pool.takeBack(place);
        if (kind === "gone") pool.removeLocal(place.uid);
      }
      expect(new Set(pool.busy())).toEqual(new Set(places.filter(({ inFlight }) => inFlight > 0)));
      const inside = places.filter((place) => !place.isGone && !place.isAside);
      const free = inside.filter((place) => place.inFlight < place.concurrency);
      const choice = pool.choose(undefined, [], 0.3, "anywhere");
      const eligible = free.length > 0 ? free : inside;
      if (eligible.length === 0) expect(choice.kind).toBe("none");
      else {
        const least = Math.min(...eligible.map((place) => place.inFlight));
        expect(choice).toMatchObject({ kind: "place", isFree: free.length > 0, place: { inFlight: least } });
      }
    }),
  );
});

test("WorkloadPool: which instances here have requests, those included that are gone", () => {
  const [a, b, n] = [local("a"), local("b"), remote("n", { t: 1 })];
  const pool = poolOf(a, b, n);
  const busy = () => [...pool.busy()].map(({ uid, inFlight }) => `${uid} ${inFlight}`);
  expect(busy()).toEqual([]);
  for (const place of [a, a, n, b]) pool.begin(place);
  expect(busy()).toEqual(["a 2", "b 1"]);
  pool.removeLocal("a");
  for (const place of [a, b]) pool.finish(place);
  expect(busy()).toEqual(["a 1"]);
  pool.finish(a);
  expect(busy()).toEqual([]);
});
