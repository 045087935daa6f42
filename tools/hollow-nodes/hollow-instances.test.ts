import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { buildAssignment, buildTemplate } from "../../node-daemon/testing/builders.ts";
import type { NodeAssignment } from "../../node-daemon/core/assignment.ts";
import type { Fate } from "./fate.ts";
import { HollowInstances } from "./hollow-instances.ts";
import { sleepingLoad } from "./hollow-load.ts";

const stays: Fate = { kind: "stays" };
const jobOwner = { kind: "WasmJob", name: "work", uid: "owner-2" };

function hollow({ startDelayMs = 0, fate = stays }: { startDelayMs?: number; fate?: Fate } = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const instances = new HollowInstances({
    startDelay: { fromMs: startDelayMs, toMs: startDelayMs },
    reportsUsage: true,
    load: sleepingLoad,
    fateOf: () => fate,
    fraction: () => 0.5,
    clock,
  });
  instances.onStatus((uid) => told.push(uid));
  const assign = (given: Partial<NodeAssignment> = {}, spec: Parameters<typeof buildTemplate>[0] = {}) =>
    instances.assign([buildTemplate(spec)], [buildAssignment(given)]);
  const shown = () => {
    const { phase, ready, reason, restarts } = instances.statusOf("uid-1") ?? {};
    return { phase, ready, reason, restarts };
  };
  return { clock, told, instances, assign, shown };
}

const running = { phase: "Running", ready: true, reason: "", restarts: 0 };

test("HollowInstances: without a delay an instance runs and is ready at once", () => {
  const { assign, shown, told, instances } = hollow();
  assign();
  expect(shown()).toEqual(running);
  expect(new Set(told)).toEqual(new Set(["uid-1"]));
  expect(instances.aliveCount).toBe(1);
});

test("HollowInstances: until the start delay is over, an instance is Pending", () => {
  const { assign, shown, clock } = hollow({ startDelayMs: 250 });
  assign();
  clock.advance(200);
  expect(shown()).toMatchObject({ phase: "Pending", ready: false, reason: "Starting" });
  clock.advance(51);
  expect(shown()).toEqual(running);
});

test("HollowInstances: what probes hold back is ready right after its start", () => {
  const { assign, shown, instances } = hollow();
  const reasons: string[] = [];
  instances.onStatus((uid) => reasons.push(instances.statusOf(uid)?.reason ?? ""));
  const readiness = {
    tcpSocket: { port: 8080 },
    initialDelaySeconds: 0,
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  };
  const listeners = [{ name: "http", port: 8080, address: "127.0.0.1" }];
  assign({}, { listeners, readinessProbe: readiness });
  expect(reasons.at(-2)).toBe("NotReady");
  expect(shown()).toEqual(running);
});

test("HollowInstances: a second assignment of the same uid changes nothing", () => {
  const { assign, instances } = hollow();
  assign();
  const before = instances.statusOf("uid-1");
  assign();
  expect(instances.statusOf("uid-1")).toEqual(before);
  expect(instances.aliveCount).toBe(1);
});

test("HollowInstances: a stop ends it, and it stays until that is acknowledged", () => {
  const { assign, instances, shown } = hollow();
  assign();
  instances.acknowledge(["uid-1"]);
  expect(instances.uids()).toEqual(["uid-1"]);
  const { sequence = 0 } = instances.statusOf("uid-1") ?? {};
  expect(instances.stop("uid-1", undefined)).toBe(true);
  expect(shown()).toMatchObject({ phase: "Failed", reason: "Stopped" });
  expect(instances.statusOf("uid-1")?.sequence).toBeGreaterThan(sequence);
  expect(instances.aliveCount).toBe(0);
  instances.acknowledge(["uid-1"]);
  expect(instances.uids()).toEqual([]);
  expect(instances.stop("uid-1", 0)).toBe(false);
});

test("HollowInstances: a stop before the start ends it for good", () => {
  const { assign, instances, shown, clock } = hollow({ startDelayMs: 250 });
  assign();
  instances.stop("uid-1", undefined);
  clock.advance(1_000);
  expect(shown()).toMatchObject({ phase: "Failed", reason: "Stopped" });
});

test.each([
  ["Succeeded", 0],
  ["Failed", 3],
] as const)("HollowInstances: a job's run ends as its fate says: %s", (phase, exitCode) => {
  const { assign, instances, clock } = hollow({ fate: { kind: "ends", afterMs: 1_000, exitCode } });
  assign({ owner: jobOwner });
  clock.advance(999);
  expect(instances.statusOf("uid-1")).toMatchObject({ phase: "Running" });
  clock.advance(2);
  expect(instances.statusOf("uid-1")).toMatchObject({ phase, exitCode });
});

test("HollowInstances: a deployment's run that fails begins anew after the daemon's own backoff", () => {
  const { assign, shown, clock } = hollow({ fate: { kind: "ends", afterMs: 100, exitCode: 1 } });
  assign();
  clock.advance(101);
  expect(shown()).toMatchObject({ phase: "Running", ready: false, reason: "CrashLoopBackOff", restarts: 1 });
  clock.advance(1_001);
  expect(shown()).toEqual({ ...running, restarts: 1 });
});

test("HollowInstances: what is cut off ends if its template says so", () => {
  const { assign, instances, shown } = hollow();
  assign({}, { onDisconnect: "continue" });
  instances.cutOff(1_000);
  expect(shown()).toEqual(running);
  instances.assign(
    [buildTemplate({}, { id: "job" })],
    [buildAssignment({ uid: "uid-2", owner: jobOwner, templateId: "job" })],
  );
  instances.cutOff(1_000);
  expect(instances.statusOf("uid-2")).toMatchObject({ phase: "Failed", reason: "Disconnected" });
});

test("HollowInstances: a drain ends everything, also what comes after", () => {
  const { assign, instances, shown } = hollow();
  assign();
  instances.drain();
  expect(shown()).toMatchObject({ phase: "Failed", reason: "NodeShutdown" });
  instances.assign([], [buildAssignment({ uid: "uid-2" })]);
  expect(instances.statusOf("uid-2")).toMatchObject({ phase: "Failed", reason: "NodeShutdown" });
});

test("HollowInstances: usage grows with the time that a run lasts", () => {
  const { assign, instances, clock } = hollow();
  assign();
  clock.advance(2_000);
  const [first] = instances.takeUsage();
  clock.advance(2_000);
  const [second] = instances.takeUsage();
  expect(first?.cpuUs).toBeGreaterThan(0);
  expect(second?.cpuUs).toBe((first?.cpuUs ?? 0) * 2);
});
