import { expect, test } from "vitest";
import { NamedWorkloads, OtherTotals } from "./named-workloads.ts";

const namedOf = (names: NamedWorkloads, ...uids: readonly string[]) => {
  names.begin();
  return uids.filter((uid) => names.has(uid));
};

test("NamedWorkloads: as many as there may be, and they stay the same", () => {
  const names = new NamedWorkloads(2);
  expect(namedOf(names, "a", "b", "c")).toEqual(["a", "b"]);
  expect(namedOf(names, "d", "c", "b", "a")).toEqual(["b", "a"]);
  // What becomes free is for those that come, not for those that are counted together already.
  expect(namedOf(names, "c", "b")).toEqual(["b"]);
  expect(namedOf(names, "c", "b", "e")).toEqual(["b", "e"]);
  expect(namedOf(names, "c", "b", "e", "a")).toEqual(["b", "e"]);
});

test("NamedWorkloads: whoever is asked for twice on a page has the same", () => {
  const names = new NamedWorkloads(1);
  expect(namedOf(names, "a", "b", "a", "b")).toEqual(["a", "a"]);
});

test("OtherTotals: grow by what each of them grows, whoever comes and goes", () => {
  const totals = new OtherTotals();
  totals.add("a", [10, 1]);
  totals.add("b", [5, 0]);
  expect(totals.take()).toEqual([15, 1]);
  totals.add("a", [12, 1]);
  expect(totals.take()).toEqual([17, 1]);
  // b has begun anew, and a, too.
  totals.add("a", [1, 1]);
  totals.add("b", [2, 3]);
  expect(totals.take()).toEqual([20, 4]);
  expect(totals.take()).toEqual([20, 4]);
});
