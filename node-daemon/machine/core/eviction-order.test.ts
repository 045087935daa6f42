import { expect, test } from "vitest";
import { chooseVictims, type EvictionCandidate, evictionOrder } from "./eviction-order.ts";

function candidate(uid: string, given: Partial<EvictionCandidate> = {}): EvictionCandidate {
  return {
    uid,
    namespace: "default",
    name: uid,
    qos: "Burstable",
    priority: 0,
    request: 100,
    usage: 50,
    ...given,
  };
}

test.each([
  {
    name: "who uses more than asked for goes before who does not, whatever the priority",
    candidates: [candidate("within", { priority: -5 }), candidate("over", { usage: 101, priority: 9 })],
    order: ["over", "within"],
  },
  {
    name: "the lower priority goes first",
    candidates: [
      candidate("high", { usage: 900, priority: 2 }),
      candidate("low", { usage: 200, priority: 1 }),
    ],
    order: ["low", "high"],
  },
  {
    name: "of one priority the class decides",
    candidates: [
      candidate("guaranteed", { qos: "Guaranteed", usage: 100 }),
      candidate("burstable"),
      candidate("best effort", { qos: "BestEffort", request: 0, usage: 0 }),
    ],
    order: ["best effort", "burstable", "guaranteed"],
  },
  {
    name: "then by how much more it uses than asked for, not by how much it uses",
    candidates: [candidate("large", { request: 1000, usage: 1010 }), candidate("greedy", { usage: 200 })],
    order: ["greedy", "large"],
  },
  { name: "alike: always the same order", candidates: [candidate("b"), candidate("a")], order: ["a", "b"] },
])("evictionOrder: $name", ({ candidates, order }) => {
  expect(evictionOrder(candidates).map(({ uid }) => uid)).toEqual(order);
  expect(evictionOrder(candidates.toReversed()).map(({ uid }) => uid)).toEqual(order);
});

test.each([
  { name: "nothing is wanted", wanted: 0, most: 9, victims: [] },
  { name: "one is enough", wanted: 50, most: 9, victims: ["a"] },
  { name: "two are needed", wanted: 51, most: 9, victims: ["a", "b"] },
  { name: "no more than that at once", wanted: 1000, most: 2, victims: ["a", "b"] },
  { name: "all are not enough", wanted: 1000, most: 9, victims: ["a", "b", "c"] },
])("chooseVictims: $name", ({ wanted, most, victims }) => {
  const candidates = ["a", "b", "c"].map((uid) => candidate(uid));
  expect(chooseVictims(candidates, wanted, most).map(({ uid }) => uid)).toEqual(victims);
});
