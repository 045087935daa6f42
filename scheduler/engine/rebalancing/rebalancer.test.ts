import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import type { Instance } from "../../core/model.ts";
import type { NodeReport } from "../../core/placement/explanation.ts";
import { aNode, anInstance, ready, startMs } from "../../core/testing/builders.ts";
import { rebalancingLimits as limits } from "./limits.ts";
import { Rebalancer, type RebalancerOptions } from "./rebalancer.ts";

function scored(nodeName: string, score: number): NodeReport {
  const scores = [{ plugin: "owner-spread", weight: 1, score }];
  return { nodeName, kind: "feasible", total: score, scores };
}

/** Two nodes, and instances on `a`, for which `b` is better. */
function aCluster(names: readonly string[] = ["x"], options: Partial<RebalancerOptions> = {}) {
  const clock = new FakeClock();
  const state = new ClusterState();
  for (const name of ["a", "b"]) state.upsertNode(aNode(name), { kind: "connected" });
  const owner = (name: string) => ({ kind: "WasmDeployment", name, uid: `owner-${name}` }) as const;
  for (const name of names)
    state.addInstance(
      anInstance(name, {
        owner: owner(name),
        createdMs: clock.now() - limits.ageMinMs - 1,
        state: ready("a"),
      }),
    );
  const events: string[] = [];
  const looks: string[] = [];
  const rebalancer: Rebalancer = new Rebalancer({
    state,
    clock,
    events: { record: ({ message }) => void events.push(message) },
    movable: () => names.map((name) => `owner-${name}`),
    mayDisrupt: () => true,
    reports: (instance) => {
      looks.push(instance.uid);
      return [scored("a", 10), scored("b", 90)];
    },
    makeOn: (instance, nodeName) => {
      const made = anInstance(`${instance.uid}-new`, {
        owner: instance.owner,
        createdMs: clock.now(),
        state: ready(nodeName),
      });
      state.addInstance(made);
      return made;
    },
    setLeaving: (uid, why) => {
      const change = state.setLeaving(uid, why);
      if (change) rebalancer.instanceChanged(change);
    },
    ...options,
  });
  const remove = (uid: string) => {
    const change = state.removeInstance(uid);
    if (change) rebalancer.instanceChanged(change);
  };
  const leaving = () =>
    [...state.instances()].filter((one: Instance) => one.leaving !== undefined).map(({ uid }) => uid);
  const settle = () => clock.advance(limits.settleMs);
  return { clock, state, rebalancer, events, looks, remove, leaving, settle };
}

test("Rebalancer: an instance moves once the cluster has come to rest, and it is said why", () => {
  const { rebalancer, settle, leaving, state, events, clock } = aCluster();
  rebalancer.wake();
  clock.advance(limits.settleMs - 1);
  expect(leaving()).toEqual([]);
  settle();
  expect(leaving()).toEqual(["x"]);
  expect(state.instance("x-new")?.state).toMatchObject({ kind: "bound", nodeName: "b" });
  expect(events).toEqual([
    "instance instance-x moves, instance-x-new takes its place: b scores 90, a 10: owner-spread 90 instead of 10",
  ]);
});

test("Rebalancer: nothing is looked at after it was closed, whoever comes and goes", () => {
  const { rebalancer, settle, looks } = aCluster();
  rebalancer.close();
  rebalancer.wake();
  settle();
  expect(looks).toEqual([]);
});

test("Rebalancer: nothing is looked at while nothing changes", () => {
  const { clock, looks, remove, rebalancer, settle } = aCluster();
  clock.advance(3_600_000);
  expect(looks).toEqual([]);
  rebalancer.wake();
  settle();
  remove("x");
  clock.advance(limits.ageMinMs + 2 * limits.settleMs);
  const after = looks.length;
  clock.advance(3_600_000);
  expect(looks).toHaveLength(after);
});

test("Rebalancer: no more than so many moves at once, the others when one is over", () => {
  const names = Array.from({ length: limits.movesMax + 5 }, (_, number) => `i${number}`);
  const { rebalancer, settle, leaving, remove, clock } = aCluster(names);
  rebalancer.wake();
  settle();
  expect(leaving()).toHaveLength(limits.movesMax);
  for (const uid of leaving()) remove(uid);
  clock.advance(limits.pauseMs);
  expect(leaving()).toHaveLength(5);
});

test("Rebalancer: when the new instance ends the old one stays, and that node is not tried for it again", () => {
  const { rebalancer, settle, leaving, remove, clock } = aCluster();
  rebalancer.wake();
  settle();
  remove("x-new");
  expect(leaving()).toEqual([]);
  clock.advance(60_000);
  rebalancer.wake();
  clock.advance(60_000);
  expect(leaving()).toEqual([]);
});

test("Rebalancer: a new instance that takes too long ends the move", () => {
  const { rebalancer, settle, leaving, clock } = aCluster();
  rebalancer.wake();
  settle();
  clock.advance(limits.moveMsMax - 1);
  expect(leaving()).toEqual(["x"]);
  clock.advance(1);
  expect(leaving()).toEqual([]);
});

test.for<{ name: string; options: Partial<RebalancerOptions> }>([
  { name: "a budget does not allow", options: { mayDisrupt: () => false } },
  { name: "no node or quota takes", options: { makeOn: () => undefined } },
  {
    name: "the better node refuses while it is where it is",
    options: {
      reports: (_, staying) => (staying ? [scored("a", 10)] : [scored("a", 10), scored("b", 90)]),
    },
  },
])("Rebalancer: an instance stays that $name", ({ options }) => {
  const { rebalancer, settle, leaving } = aCluster(["x"], options);
  rebalancer.wake();
  settle();
  expect(leaving()).toEqual([]);
});

test("Rebalancer: an instance stays that has only just been placed, or whose node is silent", () => {
  const young = aCluster();
  young.state.removeInstance("x");
  young.state.addInstance(
    anInstance("y", {
      owner: { kind: "WasmDeployment", name: "x", uid: "owner-x" },
      createdMs: young.clock.now(),
      state: ready("a"),
    }),
  );
  young.rebalancer.wake();
  young.settle();
  expect(young.looks).toEqual([]);
  young.clock.advance(limits.ageMinMs + limits.settleMs);
  expect(young.leaving()).toEqual(["y"]);

  const silent = aCluster();
  silent.state.setConnection("a", { kind: "suspect", sinceMs: startMs });
  silent.rebalancer.wake();
  silent.settle();
  expect(silent.looks).toEqual([]);
});
