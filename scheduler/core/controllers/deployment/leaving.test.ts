import { expect, test } from "vitest";
import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import { recreate, rolling } from "../../testing/builders.ts";
import { DeploymentLife } from "../../testing/deployment-life.ts";

function rolledOut(spec: Partial<WasmDeploymentSpec>): DeploymentLife {
  const life = new DeploymentLife(spec);
  life.settle();
  return life;
}

/** Answers the uids of those that should go. */
function leave(life: DeploymentLife, count: number): readonly string[] {
  const leaving = life.live.slice(0, count);
  for (const { uid } of leaving) life.change(uid, { leaving: "node n1 is drained" });
  return leaving.map(({ uid }) => uid);
}

function remaining(life: DeploymentLife, uids: readonly string[]): number {
  return life.live.filter(({ uid }) => uids.includes(uid)).length;
}

/** One thing at a time, and what was the least that was available. */
function goOn(life: DeploymentLife, rounds = 80): number {
  let least = life.available.length;
  for (let round = 0; round < rounds; round++) {
    life.look();
    least = Math.min(least, life.available.length);
    const instance = life.instances[(round * 3) % Math.max(1, life.instances.length)];
    if (instance) life.advance(instance);
    least = Math.min(least, life.available.length);
  }
  return least;
}

test.each([
  {
    name: "the only copy moves with no gap",
    replicas: 1,
    leaving: 1,
    strategy: rolling("25%", "25%"),
    least: 1,
  },
  { name: "all of four move with no gap", replicas: 4, leaving: 4, strategy: rolling(1, 1), least: 4 },
  { name: "half of ten", replicas: 10, leaving: 5, strategy: rolling("25%", 0), least: 10 },
  { name: "without surge, one at a time", replicas: 4, leaving: 2, strategy: rolling(0, 1), least: 3 },
  { name: "Recreate, one at a time", replicas: 3, leaving: 3, strategy: recreate, least: 2 },
])("releaseLeaving: $name", ({ replicas, leaving, strategy, least }) => {
  const life = rolledOut({ replicas, strategy });
  const uids = leave(life, leaving);
  expect(goOn(life, 400)).toBe(least);
  life.settle();
  expect(remaining(life, uids)).toBe(0);
  expect(life.available).toHaveLength(replicas);
  expect(life.phase).toBe("Complete");
});

test("releaseLeaving: what serves nobody goes at once", () => {
  const life = rolledOut({ replicas: 3, strategy: rolling(1, 0) });
  const uids = leave(life, 2);
  for (const instance of life.live.filter(({ uid }) => uids.includes(uid))) life.fail(instance);
  const steps = life.look();
  const evicted = steps.flatMap((step) => (step.kind === "evictInstance" ? [step.uid] : []));
  expect(evicted.toSorted()).toEqual([...uids].toSorted());
});

test("releaseLeaving: where there is no room for another one, its own absence makes it", () => {
  const life = rolledOut({ replicas: 2, strategy: rolling(1, 0) });
  const uids = leave(life, 1);
  life.look();
  const [waiting] = life.live.filter(({ state }) => state.kind === "pending");
  life.look();
  expect(remaining(life, uids)).toBe(1);
  const message = "0/1 nodes are available";
  const unschedulable = {
    kind: "pending",
    reason: "Unschedulable",
    message,
    nominatedNode: undefined,
  } as const;
  life.change(waiting?.uid ?? "", { state: unschedulable });
  life.look();
  expect(remaining(life, uids)).toBe(0);
});

test("releaseLeaving: others are waited for only as long as an update may take", () => {
  const life = rolledOut({ replicas: 2, strategy: rolling(1, 0), progressDeadlineSeconds: 60 });
  life.works = () => false;
  const uids = leave(life, 1);
  life.quiesce();
  expect([remaining(life, uids), life.wakeAtMs]).toEqual([1, life.nowMs + 60_000]);
  life.nowMs += 60_000;
  life.look();
  expect(remaining(life, uids)).toBe(0);
});

test("releaseLeaving: budgets have the last word, and nothing is made twice meanwhile", () => {
  const life = rolledOut({ replicas: 2, strategy: rolling(1, 0) });
  const uids = leave(life, 2);
  life.mayDisrupt = () => false;
  for (let round = 0; round < 10; round++) {
    for (const instance of life.instances) life.advance(instance);
    life.look();
  }
  expect([remaining(life, uids), life.live.length]).toEqual([2, 3]);
  life.mayDisrupt = () => true;
  life.settle();
  expect([remaining(life, uids), life.live.length]).toEqual([0, 2]);
});

test("releaseLeaving: one that may stay after all makes the other one superfluous", () => {
  const life = rolledOut({ replicas: 2, strategy: rolling(1, 0) });
  const [uid = ""] = leave(life, 1);
  life.look();
  life.change(uid, { leaving: undefined });
  life.settle();
  expect(life.live.map((instance) => instance.uid)).toContain(uid);
  expect(life.live).toHaveLength(2);
});

test("releaseLeaving: scaling down takes those that should go first", () => {
  const life = rolledOut({ replicas: 6, strategy: rolling(0, 1) });
  const uids = leave(life, 2);
  life.edit({ replicas: 4 });
  life.settle();
  expect(remaining(life, uids)).toBe(0);
});

test("releaseLeaving: in an update that is stuck, old ones that should go are replaced by their own template", () => {
  const life = rolledOut({ replicas: 4, strategy: rolling(1, 1) });
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:2 v1:3");
  const old = life.live.filter(({ templateHash }) => templateHash === "v1").slice(0, 2);
  for (const { uid } of old) life.change(uid, { leaving: "drained" });
  for (let round = 0; round < 40; round++) {
    life.nowMs += 20_000;
    life.quiesce();
  }
  const left = life.live.filter(({ templateHash }) => templateHash === "v1");
  expect(left.filter(({ leaving }) => leaving !== undefined)).toEqual([]);
  expect(left).toHaveLength(3);
});

test("releaseLeaving: those above the surge after scaling down go only as far as enough others are available", () => {
  const life = rolledOut({ replicas: 6, strategy: rolling(1, 0) });
  leave(life, 6);
  life.edit({ replicas: 20 });
  life.look();
  life.edit({ replicas: 5 });
  life.look();
  expect(life.available.length).toBeGreaterThanOrEqual(5);
  expect(goOn(life, 400)).toBeGreaterThanOrEqual(5);
});
