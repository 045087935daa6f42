import { expect, test } from "vitest";
import { type Claim, TargetArbiter, targetKey } from "./target-arbiter.ts";

function claim(name: string, createdMs = 1_000, target = "t"): Claim {
  return { uid: `uid-${name}`, name, createdMs, target };
}

const rivals = (arbiter: TargetArbiter, ...names: readonly string[]) =>
  names.map((name) => arbiter.rival(`uid-${name}`)?.name);

test("TargetArbiter: the oldest is first, and of the same age the lesser name, whatever the order in which they come", () => {
  const claims = [claim("c", 1_000), claim("b", 2_000), claim("a", 2_000)];
  for (const order of [claims, claims.toReversed(), [claims[1]!, claims[2]!, claims[0]!]]) {
    const arbiter = new TargetArbiter();
    for (const one of order) arbiter.put(one);
    expect(rivals(arbiter, "a", "b", "c")).toEqual(["c", "c", undefined]);
    arbiter.delete("uid-c");
    expect(rivals(arbiter, "a", "b")).toEqual([undefined, "a"]);
  }
});

test("TargetArbiter: tells those for whom something has changed, the next one first", () => {
  const arbiter = new TargetArbiter();
  expect(arbiter.put(claim("b"))).toEqual([]);
  expect(arbiter.put(claim("c"))).toEqual([]);
  expect(arbiter.put(claim("a"))).toEqual(["uid-b", "uid-c"]);
  expect(arbiter.put(claim("a"))).toEqual([]);
  expect(arbiter.delete("uid-c")).toEqual([]);
  expect(arbiter.delete("uid-a")).toEqual(["uid-b"]);
  expect(arbiter.delete("uid-a")).toEqual([]);
});

test("TargetArbiter: one that scales something else leaves its place to the next", () => {
  const arbiter = new TargetArbiter();
  arbiter.put(claim("a"));
  arbiter.put(claim("b"));
  expect(arbiter.put(claim("a", 1_000, "other"))).toEqual(["uid-b"]);
  expect(rivals(arbiter, "a", "b")).toEqual([undefined, undefined]);
});

test("TargetArbiter: of ten thousand on one target no more than a hundred are told", () => {
  const arbiter = new TargetArbiter();
  for (let i = 0; i < 10_000; i++) arbiter.put(claim(`n${String(i).padStart(5, "0")}`, 2_000));
  expect(arbiter.put(claim("oldest", 1_000))).toHaveLength(100);
  expect(arbiter.delete("uid-oldest")).toHaveLength(101);
});

test.each([
  { name: "versions of a group are one", a: "wherry.dev/v1", b: "wherry.dev/v2", same: true },
  { name: "groups are different", a: "wherry.dev/v1", b: "example.com/v1", same: false },
  { name: "the core group is a group", a: "v1", b: "v2", same: true },
])("targetKey: $name", ({ a, b, same }) => {
  const key = (apiVersion: string) => targetKey("default", { apiVersion, kind: "Boat", name: "tub" });
  expect(key(a) === key(b)).toBe(same);
});
