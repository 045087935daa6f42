import { expect, test } from "vitest";
import type { Choice } from "../core/placement/choice.ts";
import { emptyNode } from "../core/placement/snapshot.ts";
import { aNode, requirements } from "../core/testing/builders.ts";
import { DecisionLog } from "./decision-log.ts";

const choice: Choice = {
  base: { ...emptyNode, node: aNode("n1") },
  committed: emptyNode.committed,
  ports: [],
  ownerInstances: 0,
  requested: { cpuMillis: 0, memoryBytes: 0 },
  score: 1,
  topologyScores: [],
  feasibleCount: 1,
  nodeCount: 1,
  runnerUp: "",
  runnerUpScore: 0,
};

function note(log: DecisionLog, uid: string, decidedMs: number): void {
  log.note(uid, choice, { requirements: requirements(), decidedMs });
}

test("DecisionLog: the latest are kept, and no more", () => {
  const log = new DecisionLog(3);
  for (let at = 0; at < 10; at++) note(log, `i${at}`, at);
  expect(log.size).toBe(3);
  expect(log.of("i6")).toBeUndefined();
  expect(["i7", "i8", "i9"].map((uid) => log.of(uid)?.decidedMs)).toEqual([7, 8, 9]);
});

test("DecisionLog: a newer decision about an instance outlives the place of the older one", () => {
  const log = new DecisionLog(3);
  note(log, "a", 1);
  note(log, "b", 2);
  note(log, "a", 3);
  // Gives way where a was noted first.
  note(log, "c", 4);
  expect(log.of("a")?.decidedMs).toBe(3);
  log.drop("a");
  expect(log.of("a")).toBeUndefined();
  expect(log.size).toBe(2);
});

test("DecisionLog: after the last one is gone it begins anew", () => {
  const log = new DecisionLog(3);
  note(log, "a", 1);
  note(log, "b", 2);
  log.drop("a");
  log.drop("b");
  log.drop("b");
  expect(log.size).toBe(0);
  for (let at = 0; at < 4; at++) note(log, `i${at}`, at);
  expect(["i0", "i1", "i3"].map((uid) => log.of(uid)?.decidedMs)).toEqual([undefined, 1, 3]);
});
