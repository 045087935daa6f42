/**
 * What Kubernetes' documentation says of its Deployment, with its numbers.
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
import { expect, test } from "vitest";
import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import { recreate, rolling } from "../../testing/builders.ts";
import { DeploymentLife } from "../../testing/deployment-life.ts";

/** A deployment of v1 that is rolled out. */
function nginx(spec: Partial<WasmDeploymentSpec> = {}): DeploymentLife {
  const life = new DeploymentLife({ replicas: 3, ...spec });
  life.settle();
  return life;
}

function numbersOf(life: DeploymentLife): string {
  return life.revisions
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, templateHash }) => `${number}=${templateHash}`)
    .join(" ");
}

test("Creating a Deployment: ready, up to date and available grow to the wanted number", () => {
  const life = new DeploymentLife({ replicas: 3 });
  life.look();
  life.look();
  expect(life.status).toMatchObject({ updatedReplicas: 0, availableReplicas: 0, ready: "0/3" });
  life.settle();
  expect(life.status).toMatchObject({ updatedReplicas: 3, availableReplicas: 3, ready: "3/3", revision: 1 });
});

test.each([
  { name: "3: at least 3 available and at most 4 in total", replicas: 3, least: 3, most: 4 },
  { name: "4: between 3 and 5", replicas: 4, least: 3, most: 5 },
])("Updating a Deployment of $name", ({ replicas, least, most }) => {
  const life = nginx({ replicas });
  life.edit({}, "v2");
  const totals: number[] = [];
  const availables: number[] = [];
  for (let look = 0; look < 60; look++) {
    const instance = life.instances[look % life.instances.length];
    if (instance) life.advance(instance);
    life.look();
    totals.push(life.live.length);
    availables.push(life.available.length);
  }
  life.settle();
  expect(life.tally).toBe(`v2:${replicas}`);
  expect([Math.min(...availables), Math.max(...totals)]).toEqual([least, most]);
});

test("Rollover: an update when 3 of 5 have been made does not wait for the others", () => {
  const life = new DeploymentLife({ replicas: 5 });
  life.look();
  life.look();
  // Two never came to be.
  for (const { uid } of life.live.slice(3)) life.change(uid, undefined);
  for (let round = 0; round < 2; round++) for (const instance of life.live) life.advance(instance);
  // At most 7 there may be, and 4 of 5 should be available.
  life.edit({}, "v2");
  life.look();
  life.look();
  expect(life.tally).toBe("v1:3 v2:4");
  life.settle();
  expect(life.tally).toBe("v2:5");
  expect(life.live.filter(({ templateHash }) => templateHash === "v1")).toEqual([]);
});

test("Rolling Back a Deployment: a bad image stops the rollout by itself, and undo is a new revision", () => {
  const life = nginx();
  life.edit({}, "v2");
  life.settle();
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:1 v2:3");
  expect(life.reasonOf("Available")).toBe("True MinimumReplicasAvailable");
  expect(numbersOf(life)).toBe("1=v1 2=v2 3=broken");

  life.edit({}, "v2");
  life.settle();
  expect([life.tally, life.status.revision]).toEqual(["v2:3", 4]);
  expect(numbersOf(life)).toBe("1=v1 3=broken 4=v2");
  expect(life.reasonOf("Progressing")).toBe("True NewInstancesAvailable");
});

test("Proportional scaling: of 5 more, 3 are added to the old ReplicaSet and 2 to the new one", () => {
  const life = nginx({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "broken");
  life.quiesce();
  expect(life.tally).toBe("broken:5 v1:8");
  life.edit({ replicas: 15 });
  life.quiesce();
  expect(life.tally).toBe("broken:7 v1:11");
  // And what is lost comes back as it was.
  for (const [place, instance] of life.live.entries()) if (place % 3 === 0) life.die(instance);
  life.quiesce();
  expect(life.tally).toBe("broken:7 v1:11");
  life.edit({ replicas: 10 });
  life.quiesce();
  expect(life.tally).toBe("broken:5 v1:8");

  life.edit({}, "v2");
  life.settle();
  expect(life.tally).toBe("v2:10");
});

test("Proportional scaling: replicas that become healthy are rolled out in the end", () => {
  const life = nginx({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "late");
  life.works = (hash) => hash !== "late";
  life.quiesce();
  life.edit({ replicas: 15 });
  life.quiesce();
  expect(life.tally).toBe("late:7 v1:11");
  life.works = () => true;
  life.settle();
  expect(life.tally).toBe("late:15");
});

test("Pausing and Resuming: changes have no effect while paused, and one rollout makes them all", () => {
  const life = nginx();
  life.edit({ paused: true });
  life.settle();
  const before = life.instances;
  life.edit({}, "v2");
  life.settle();
  life.edit({}, "v3");
  life.settle();
  expect(life.instances).toBe(before);
  expect(numbersOf(life)).toBe("1=v1");
  expect(life.reasonOf("Progressing")).toBe("Unknown DeploymentPaused");
  expect(life.reasonOf("Ready")).toBe("False Paused");
  life.edit({ replicas: 5 });
  life.settle();
  expect(life.tally).toBe("v1:5");

  life.edit({ paused: false });
  life.settle();
  expect(life.tally).toBe("v3:5");
  expect(numbersOf(life)).toBe("1=v1 2=v3");
});

test("Pausing: a deployment that is made paused has no instances until it is resumed", () => {
  const life = new DeploymentLife({ replicas: 2, paused: true });
  life.settle();
  expect([life.tally, numbersOf(life)]).toEqual(["", ""]);
  expect(life.reasonOf("Progressing")).toBe("Unknown DeploymentPaused");
  life.edit({ paused: false });
  life.settle();
  expect(life.tally).toBe("v1:2");
});

test("Pausing in the middle: each template keeps its part, and scaling is proportional", () => {
  const life = nginx({ replicas: 10, strategy: rolling(3, 2) });
  life.edit({}, "broken");
  life.quiesce();
  life.edit({ paused: true });
  life.quiesce();
  for (const instance of life.live.slice(0, 2)) life.die(instance);
  for (const instance of life.live.slice(-2)) life.die(instance);
  life.quiesce();
  expect(life.tally).toBe("broken:5 v1:8");
  life.edit({ replicas: 15 });
  life.quiesce();
  expect(life.tally).toBe("broken:7 v1:11");
  life.edit({ replicas: 0 });
  life.quiesce();
  expect(life.tally).toBe("");
});

test("Complete Deployment: Progressing says so, and holds although availability changes", () => {
  const life = nginx();
  expect(life.reasonOf("Progressing")).toBe("True NewInstancesAvailable");
  for (const instance of life.live) life.fail(instance);
  life.look();
  expect(life.reasonOf("Progressing")).toBe("True NewInstancesAvailable");
  expect(life.reasonOf("Available")).toBe("False MinimumReplicasUnavailable");
  expect(life.reasonOf("Ready")).toBe("False InstancesUnavailable");
});

test("Failed Deployment: the deadline makes it fail, nothing else happens, and it may succeed later", () => {
  const life = nginx();
  life.edit({}, "late");
  life.works = (hash) => hash !== "late";
  life.quiesce();
  const { tally } = life;
  const beganMs = life.nowMs;
  expect(life.wakeAtMs).toBe(beganMs + 600_000);
  life.nowMs = beganMs + 599_000;
  life.look();
  expect(life.reasonOf("Progressing")).toBe("True InstancesUpdating");
  life.nowMs = beganMs + 600_000;
  life.quiesce();
  expect(life.reasonOf("Progressing")).toBe("False ProgressDeadlineExceeded");
  expect(life.reasonOf("Available")).toBe("True MinimumReplicasAvailable");
  expect(life.reasonOf("Stalled")).toBe("True ProgressDeadlineExceeded");
  expect(life.tally).toBe(tally);
  life.works = () => true;
  life.settle();
  expect([life.tally, life.phase]).toEqual(["late:3", "Complete"]);
});

test("Failed Deployment: while paused, progress is not checked; afterwards the time begins anew", () => {
  const life = nginx();
  life.edit({}, "broken");
  life.quiesce();
  life.nowMs += 500_000;
  life.edit({ paused: true });
  life.quiesce();
  life.nowMs += 3_600_000;
  life.quiesce();
  expect(life.reasonOf("Progressing")).toBe("Unknown DeploymentPaused");
  life.edit({ paused: false });
  life.quiesce();
  expect(life.wakeAtMs).toBe(life.nowMs + 600_000);
});

test("Failed Deployment: a quota or a class that is missing fails it, and it completes once that is there", () => {
  const life = nginx();
  life.edit({}, "v2");
  life.refusal = "no PriorityClass with name high was found";
  life.settle();
  expect(life.reasonOf("ReplicaFailure")).toBe("True FailedCreate");
  expect(life.reasonOf("Progressing")).toBe("False ProgressDeadlineExceeded");
  life.refusal = undefined;
  life.settle();
  expect(life.reasonOf("ReplicaFailure")).toBeUndefined();
  expect(life.reasonOf("Available")).toBe("True MinimumReplicasAvailable");
  expect(life.reasonOf("Progressing")).toBe("True NewInstancesAvailable");
});

test("Clean up Policy: of what has no instances, as many revisions stay as the limit says", () => {
  const life = nginx({ revisionHistoryLimit: 2 });
  for (const template of ["v2", "v3", "v4", "v5"]) {
    life.edit({}, template);
    life.settle();
  }
  expect(numbersOf(life)).toBe("3=v3 4=v4 5=v5");
});

test("Recreate: all existing ones are killed, and their removal is awaited", () => {
  const life = nginx({ strategy: recreate });
  life.edit({}, "v2");
  life.look();
  life.look();
  expect(life.tally).toBe("");
  const stopping = life.instances.filter(({ state }) => state.kind === "stopping");
  expect(stopping).toHaveLength(3);
  for (const instance of stopping.slice(1)) life.advance(instance);
  life.look();
  expect(life.tally).toBe("");
  for (const instance of stopping) life.advance(instance);
  life.look();
  expect(life.tally).toBe("v2:3");
});

test("Max Unavailable and Max Surge: 30 % may be gone and 30 % may be added at once", () => {
  const down = nginx({ replicas: 10, strategy: rolling(0, "30%") });
  down.edit({}, "v2");
  down.look();
  expect(down.tally).toBe("v1:7");
  const up = nginx({ replicas: 10, strategy: rolling("30%", 0) });
  up.edit({}, "v2");
  up.look();
  up.look();
  expect(up.tally).toBe("v1:10 v2:3");
});

test("Min Ready Seconds: ready is not available until then", () => {
  const life = new DeploymentLife({ replicas: 2, minReadySeconds: 10 });
  life.quiesce();
  expect(life.status).toMatchObject({ readyReplicas: 2, availableReplicas: 0, ready: "2/2" });
  expect(life.wakeAtMs).toBe(life.nowMs + 10_000);
  life.nowMs += 10_000;
  life.look();
  expect(life.status).toMatchObject({ readyReplicas: 2, availableReplicas: 2 });
  expect(life.phase).toBe("Complete");
});
