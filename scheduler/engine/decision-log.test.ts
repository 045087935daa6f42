import { expect, test } from "vitest";
import { noAmounts } from "../core/model.ts";
import { emptyNode } from "../core/placement/snapshot.ts";
import { aNode, requirements } from "../core/testing/builders.ts";
import { DecisionLog, type Decision } from "./decision-log.ts";

function decision(decidedMs: number): Decision {
  return {
    choice: {
      base: { ...emptyNode, node: aNode("n1") },
      committed: { cpuMillis: 0, memoryBytes: 0, instances: 0, processes: 0, extended: noAmounts },
      ports: [],
      ownerInstances: 0,
      requested: { cpuMillis: 0, memoryBytes: 0 },
      score: 1,
      topologyScores: [],
      feasibleCount: 1,
      nodeCount: 1,
      runnerUp: "",
      runnerUpScore: 0,
    },
    requirements: requirements(),
    decidedMs,
  };
}

test("DecisionLog: the latest are kept, and no more", () => {
  const log = new DecisionLog(3);
  for (let at = 0; at < 10; at++) log.note(`i${at}`, decision(at));
  expect(log.size).toBe(3);
  expect(log.of("i6")).toBeUndefined();
  expect(["i7", "i8", "i9"].map((uid) => log.of(uid)?.decidedMs)).toEqual([7, 8, 9]);
});

test("DecisionLog: a newer decision about an instance outlives the place of the older one", () => {
  const log = new DecisionLog(3);
  log.note("a", decision(1));
  log.note("b", decision(2));
  log.note("a", decision(3));
  // Gives way where a was noted first.
  log.note("c", decision(4));
  expect(log.of("a")?.decidedMs).toBe(3);
  log.drop("a");
  expect(log.of("a")).toBeUndefined();
  expect(log.size).toBe(2);
});
