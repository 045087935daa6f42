import { expect, test } from "vitest";
import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import { recreate, rolling } from "../../testing/builders.ts";
import { DeploymentLife } from "../../testing/deployment-life.ts";

/** A deployment whose v1 is rolled out. */
function rolledOut(spec: Partial<WasmDeploymentSpec> = {}): DeploymentLife {
  const life = new DeploymentLife({ replicas: 4, strategy: rolling(1, 1), ...spec });
  life.settle();
  return life;
}

test("reconcileDeployment: a failed update is rolled back, stays so, and a scale works meanwhile", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:2 v1:3");
  life.nowMs += 600_000;
  life.look();
  expect(life.phase).toBe("RollingBack");
  expect(life.reasonOf("RolledBack")).toBe("False RollingBack");
  expect(life.reasonOf("Stalled")).toBe("True ProgressDeadlineExceeded");
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:4"]);
  expect(life.reasonOf("RolledBack")).toBe("True ProgressDeadlineExceeded");
  expect(life.reasonOf("Progressing")).toBe("False ProgressDeadlineExceeded");
  expect(life.reasonOf("Available")).toBe("True MinimumReplicasAvailable");
  expect(life.reasonOf("Ready")).toBe("False RolledBack");
  expect(life.status).toMatchObject({ updatedReplicas: 0, revision: 2, stableTemplateHash: "v1" });
  const message = life.status.conditions?.find(({ type }) => type === "RolledBack")?.message;
  expect(message).toContain("revision 1 has taken over");
  expect(message).toContain("wherry rollout undo");

  life.edit({ replicas: 7 });
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:7"]);
  for (const instance of life.live) life.die(instance);
  life.changeLeader();
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:7"]);

  life.edit({}, "v2");
  life.settle();
  expect([life.phase, life.tally]).toEqual(["Complete", "v2:7"]);
  expect(life.reasonOf("RolledBack")).toBeUndefined();
});

test("reconcileDeployment: undoing a rolled back update by hand is complete at once", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({}, "broken");
  life.settle();
  const before = life.instances.map(({ uid }) => uid);
  life.edit({}, "v1");
  life.settle();
  expect([life.phase, life.status.revision]).toEqual(["Complete", 3]);
  expect(life.instances.map(({ uid }) => uid)).toEqual(before);
});

test.each([
  {
    name: "the first template never worked: there is nothing to go back to",
    first: "broken",
    lose: false,
    phase: "Failed",
  },
  { name: "the revision has been deleted", first: "v1", lose: true, phase: "Failed" },
])("reconcileDeployment: no rollback when $name", ({ first, lose, phase }) => {
  const life = new DeploymentLife({ replicas: 2, autoRollback: true });
  life.edit({}, first);
  life.settle();
  life.edit({}, "broken2");
  life.quiesce();
  if (lose) life.revisions = life.revisions.filter(({ templateHash }) => templateHash !== first);
  life.settle();
  expect(life.phase).toBe(phase);
  const progressing = life.status.conditions?.find(({ type }) => type === "Progressing");
  expect(progressing?.message).toContain("There is no other template that was complete");
});

test("reconcileDeployment: a rollback that fails, too, says so, goes on, and is over when it works after all", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({}, "broken");
  life.quiesce();
  life.works = () => false;
  for (const instance of life.live) life.fail(instance);
  life.settle();
  expect(life.phase).toBe("RollbackFailed");
  expect(life.reasonOf("RolledBack")).toBe("False RollbackFailed");
  expect(life.reasonOf("Stalled")).toBe("True ProgressDeadlineExceeded");
  life.works = (hash) => hash === "v1";
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:4"]);
});

test("reconcileDeployment: switching autoRollback on rolls back what has failed", () => {
  const life = rolledOut();
  life.edit({}, "broken");
  life.settle();
  expect(life.phase).toBe("Failed");
  life.edit({ autoRollback: true });
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:4"]);
});

test("reconcileDeployment: Recreate is rolled back, too", () => {
  const life = rolledOut({ autoRollback: true, strategy: recreate });
  life.edit({}, "broken");
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:4"]);
});

test("reconcileDeployment: the deadline counts on under the next leader", () => {
  const life = rolledOut();
  life.edit({}, "broken");
  life.quiesce();
  const deadlineMs = life.nowMs + 600_000;
  life.nowMs += 400_000;
  life.changeLeader();
  life.quiesce();
  expect(life.wakeAtMs).toBe(deadlineMs);
});

test("reconcileDeployment: instances that come and go make no progress", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "shaky");
  life.works = (hash) => hash === "v1";
  life.quiesce();
  for (let round = 0; round < 8; round++) {
    const shaky = life.live.filter(({ templateHash }) => templateHash === "shaky");
    life.works = () => true;
    for (const instance of shaky.slice(0, 2)) life.advance(instance);
    life.look();
    life.nowMs += 100_000;
    for (const instance of shaky) life.fail(instance);
    life.works = (hash) => hash === "v1";
    life.quiesce();
  }
  expect(life.phase).toBe("Failed");
});

test.each([
  { name: "never", seconds: 2_147_483_647, wakes: false },
  { name: "of ten minutes", seconds: 600, wakes: true },
])("reconcileDeployment: a deadline $name", ({ seconds, wakes }) => {
  const life = rolledOut({ progressDeadlineSeconds: seconds });
  life.edit({}, "broken");
  life.quiesce();
  expect(life.wakeAtMs !== undefined).toBe(wakes);
});

test("reconcileDeployment: in an update that is stuck, old instances that are lost are made again", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:5 v1:8");
  for (let round = 0; round < 20; round++) {
    const old = life.live.find(({ templateHash }) => templateHash === "v1");
    if (old) life.die(old);
    life.quiesce();
    expect([life.tally, life.available.length]).toEqual(["broken:5 v1:8", 8]);
  }
});

test("reconcileDeployment: of several old templates those that never worked make room for the one that does", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "broken1");
  life.quiesce();
  life.edit({}, "broken2");
  life.quiesce();
  for (let round = 0; round < 12; round++) {
    const old = life.live.find(({ templateHash }) => templateHash === "v1");
    if (old) life.die(old);
    life.quiesce();
    expect(life.available).toHaveLength(8);
  }
});

test("reconcileDeployment: new instances that are lost bring no old ones back", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "v2");
  const hasOld = () => life.live.some(({ templateHash }) => templateHash === "v1");
  life.works = (hash) => hash === "v1" || life.live.filter((one) => one.templateHash === "v2").length < 9;
  life.quiesce();
  expect(hasOld()).toBe(true);
  const fresh = life.live.filter(({ templateHash }) => templateHash === "v2");
  for (const instance of fresh.slice(0, 5)) life.die(instance);
  const made = life.look().filter((step) => step.kind === "createInstances");
  expect(made.map(({ templateHash }) => templateHash)).toEqual(["v2"]);
});

test("reconcileDeployment: more replicas and another template at once make new instances only", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({ replicas: 20 }, "v2");
  life.look();
  const made = life.look().filter((step) => step.kind === "createInstances");
  expect(made).toMatchObject([{ templateHash: "v2", count: 13 }]);
});

test("reconcileDeployment: what has a template that is not kept is stopped and never made again", () => {
  const life = rolledOut({ replicas: 3 });
  life.revisions = [];
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:2 v1:2");
  for (const instance of life.live.filter(({ templateHash }) => templateHash === "v1")) life.die(instance);
  life.quiesce();
  expect(life.tally).toBe("broken:3");
});

test("reconcileDeployment: for what cannot be made again no place is kept free", () => {
  const life = rolledOut({ autoRollback: true, strategy: rolling(1, 0) });
  life.edit({}, "v2");
  life.look();
  life.look();
  for (const instance of life.live.slice(0, 3)) life.die(instance);
  life.refused.add("v1");
  life.settle();
  expect([life.phase, life.tally]).toEqual(["Complete", "v2:4"]);
});

test("reconcileDeployment: a rollback to what cannot be made any more says why", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({}, "broken");
  life.quiesce();
  life.refused.add("v1");
  life.settle();
  expect(life.phase).toBe("RollbackFailed");
  expect(life.reasonOf("ReplicaFailure")).toBe("True FailedCreate");
});

test.each([
  { name: "after a rollback", autoRollback: true, paused: false },
  { name: "while paused", autoRollback: false, paused: true },
])("reconcileDeployment: $name a deleted revision is told of when instances are missing", (spec) => {
  const life = rolledOut({ autoRollback: spec.autoRollback });
  life.edit({ paused: spec.paused }, "broken");
  life.settle();
  life.revisions = life.revisions.filter(({ templateHash }) => templateHash !== "v1");
  life.look();
  expect(life.reasonOf("ReplicaFailure")).toBeUndefined();
  for (const instance of life.live.slice(0, 1)) life.die(instance);
  life.settle();
  expect(life.reasonOf("ReplicaFailure")).toBe("True FailedCreate");
  const failure = life.status.conditions?.find(({ type }) => type === "ReplicaFailure");
  expect(failure?.message).toContain("template v1, which the instances have, was deleted");
});

test("reconcileDeployment: the template that worked is kept, whatever the limit", () => {
  const life = rolledOut({ revisionHistoryLimit: 0 });
  for (const template of ["broken1", "broken2", "broken3"]) {
    life.edit({}, template);
    life.quiesce();
  }
  expect(life.revisions.map(({ templateHash }) => templateHash)).toContain("v1");
});

test("reconcileDeployment: what was complete with no instances has to prove itself with some", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({ replicas: 0 });
  life.settle();
  life.edit({}, "broken");
  life.settle();
  expect([life.phase, life.status.stableTemplateHash]).toEqual(["Complete", "v1"]);
  life.edit({ replicas: 4 });
  life.settle();
  expect([life.phase, life.tally]).toEqual(["RolledBack", "v1:4"]);
});

test("reconcileDeployment: a status that is not stored yet does no harm", () => {
  const life = rolledOut({ replicas: 10, strategy: rolling(3, 2) });
  life.storesAtOnce = false;
  life.edit({}, "v2");
  for (let round = 0; round < 60; round++) {
    const instance = life.instances[(round * 5) % life.instances.length];
    if (instance) life.advance(instance);
    const made = life.look().filter((step) => step.kind === "createInstances");
    expect(made.every(({ templateHash }) => templateHash === "v2")).toBe(true);
    if (round % 10 === 0) life.store();
  }
});

test("reconcileDeployment: a failed update is told once as an event for each time that it is stored", () => {
  const life = rolledOut({ autoRollback: true });
  life.edit({}, "broken");
  life.quiesce();
  life.nowMs += 600_000;
  life.settle();
  expect(life.events.filter((reason) => reason !== "InstancesCreated")).toEqual([
    "RollingBack",
    "RolledBack",
  ]);
});

test.each([
  { name: "the first revision is not to be undone, there is nothing before it", number: 1, undo: false },
  { name: "a later one may be", number: 2, undo: true },
])("reconcileDeployment: what to do about a failed update: $name", ({ number, undo }) => {
  const life = number === 1 ? new DeploymentLife({ replicas: 1 }) : rolledOut();
  life.edit({}, "broken");
  life.quiesce();
  life.nowMs += 600_000;
  life.look();
  expect([life.phase, life.status.revision]).toEqual(["Failed", number]);
  const message = life.status.conditions?.find(({ type }) => type === "Stalled")?.message ?? "";
  expect(message).toContain("Change the template");
  expect(message.includes("wherry rollout undo")).toBe(undo);
});
