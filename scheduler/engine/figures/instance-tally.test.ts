import { expect, test } from "vitest";
import { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ObservedStatus } from "../../core/model.ts";
import { aNode, anInstance } from "../../core/testing/builders.ts";
import { seededRandom } from "../../../kit/random.ts";
import { running } from "../../testing/fake-node.ts";
import { InstanceTally, talliedPhase } from "./instance-tally.ts";

function setUp() {
  const state = new ClusterState();
  for (const name of ["n1", "n2"]) state.upsertNode(aNode(name), { kind: "connected" });
  const tally = new InstanceTally();
  let nowMs = 0;
  const take = (change: InstanceChange | undefined) => {
    if (change) tally.changed(change, nowMs);
  };
  let sequence = 0;
  return {
    state,
    tally,
    take,
    at: (ms: number) => void (nowMs = ms),
    assume: (uid: string, node: string) => {
      const outcome = state.assume(uid, node);
      if (outcome.kind === "assumed") take(outcome.change);
    },
    report: (uid: string, node: string, status: Partial<ObservedStatus>) => {
      const outcome = state.observe(node, uid, { ...running, ...status, sequence: ++sequence });
      if (outcome.kind === "changed") take(outcome.change);
    },
  };
}

function walk(state: ClusterState): Readonly<Record<string, Record<string, number>>> {
  const none = { Pending: 0, Starting: 0, Running: 0, Stopping: 0, Succeeded: 0, Failed: 0, ready: 0 };
  const counts = { WasmDeployment: { ...none }, WasmDaemonSet: { ...none }, WasmJob: { ...none } };
  for (const instance of state.instances()) {
    const own = counts[instance.owner.kind];
    own[talliedPhase(instance)]++;
    if (instance.state.kind === "bound" && instance.state.observed?.ready === true) own.ready++;
  }
  return counts;
}

test("InstanceTally: an instance from its making to its end", () => {
  const { state, tally, take, at, assume, report } = setUp();
  const { phases, ends } = tally.kinds.WasmDeployment;
  take(state.addInstance(anInstance("a", { createdMs: 1_000 })));
  expect(phases.Pending).toBe(1);
  at(1_200);
  assume("a", "n1");
  expect(phases).toMatchObject({ Pending: 0, Starting: 1 });
  at(1_700);
  report("a", "n1", { ready: false });
  expect(phases).toMatchObject({ Starting: 0, Running: 1 });
  expect(tally.kinds.WasmDeployment.ready).toBe(0);
  report("a", "n1", {});
  expect(tally.kinds.WasmDeployment.ready).toBe(1);
  report("a", "n1", { restarts: 3 });
  expect(tally.kinds.WasmDeployment.restarts).toBe(3);
  take(state.markStopping("a"));
  expect(phases).toMatchObject({ Running: 0, Stopping: 1 });
  expect(tally.kinds.WasmDeployment.ready).toBe(0);
  report("a", "n1", { phase: "Failed", ready: false, restarts: 3 });
  expect(phases).toMatchObject({ Stopping: 0, Failed: 1 });
  expect(ends).toEqual({ Succeeded: 0, Failed: 1, Lost: 0 });
  take(state.removeInstance("a"));
  expect(Object.values(phases)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(tally.placementSeconds.sum).toBeCloseTo(0.2);
  expect(tally.startSeconds.sum).toBeCloseTo(0.7);
});

test("InstanceTally: instances of a node that is lost", () => {
  const { state, tally, take, assume } = setUp();
  take(state.addInstance(anInstance("a")));
  assume("a", "n1");
  for (const change of state.loseNode("n1", 1)?.instances ?? []) take(change);
  expect(tally.kinds.WasmDeployment.ends).toEqual({ Succeeded: 0, Failed: 0, Lost: 1 });
});

test("InstanceTally: what a new leader finds is there, and did not begin or end now", () => {
  const { state, tally, take } = setUp();
  const bound = { kind: "bound", nodeName: "n1", observed: { ...running, restarts: 7 } } as const;
  take(state.addInstance({ ...anInstance("a"), state: bound }));
  const { phases, ready, restarts } = tally.kinds.WasmDeployment;
  expect({ running: phases.Running, ready, restarts }).toEqual({ running: 1, ready: 1, restarts: 0 });
  expect(tally.startSeconds.sum).toBe(0);
});

test("InstanceTally: whatever happens, it says what a walk over all instances says", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.fraction() * count);
    const { state, tally, take, at, assume, report } = setUp();
    for (let step = 0; step < 400; step++) {
      at(step * 100);
      const uid = `i${pick(20)}`;
      const node = `n${1 + pick(2)}`;
      const kind = (["WasmDeployment", "WasmDaemonSet", "WasmJob"] as const)[pick(3)] ?? "WasmJob";
      switch (pick(8)) {
        case 0:
        case 1:
          if (!state.instance(uid))
            take(state.addInstance(anInstance(uid, { owner: { kind, name: kind, uid: kind } })));
          break;
        case 2:
        case 3:
          assume(uid, node);
          break;
        case 4:
          report(uid, node, {
            ready: pick(2) === 0,
            phase: (["Pending", "Running"] as const)[pick(2)] ?? "Running",
          });
          break;
        case 5:
          report(uid, node, { ready: false, phase: (["Succeeded", "Failed"] as const)[pick(2)] ?? "Failed" });
          break;
        case 6:
          take(pick(2) === 0 ? state.markStopping(uid) : state.forget(uid));
          break;
        default:
          take(state.removeInstance(uid));
      }
      const counted = Object.fromEntries(
        Object.entries(tally.kinds).map(([name, { phases, ready }]) => [name, { ...phases, ready }]),
      );
      expect(counted).toEqual(walk(state));
    }
  }
});
