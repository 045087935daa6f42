import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { anInstance, aNode, bound, ended, pending, ready, stopping } from "../core/testing/builders.ts";
import { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { InstanceState, NodeConnection } from "../core/model.ts";
import { SelectedInstances } from "./selected-instances.ts";
import { targetInstances } from "./target-instances.ts";

const clock = new FakeClock(1_000_000);
clock.advance(50_000);

function seen(state: InstanceState, connection: NodeConnection = { kind: "connected" }) {
  const cluster = { node: () => aNode("n1", { connection }) };
  return targetInstances([anInstance("a", { state })], cluster, clock);
}

test.each([
  { name: "pending", state: pending, is: { phase: "pending", isReady: false, isHeardOf: true } },
  {
    name: "just placed",
    state: bound("n1"),
    is: { phase: "starting", isReady: false, startedMs: undefined },
  },
  { name: "ready", state: ready(), is: { phase: "running", isReady: true, isHeardOf: true } },
  { name: "stopping", state: stopping(), is: { phase: "stopping", isReady: false } },
])("targetInstances: one that is $name", ({ state, is }) => {
  expect(seen(state)).toMatchObject([{ uid: "a", ...is }]);
});

test("targetInstances: what is over is none of them", () => {
  expect(seen(ended("Succeeded", ""))).toEqual([]);
});

test.each<NodeConnection>([{ kind: "suspect", sinceMs: 0 }, { kind: "lost" }])(
  "targetInstances: one on a node that is $kind is not heard of",
  (connection) => {
    expect(seen(ready(), connection)).toMatchObject([{ isHeardOf: false }]);
  },
);

test.each([
  { name: "as long ago as its node says", startedMs: 1_050_000 - 7_000, monotonicMs: 43_000 },
  { name: "not in the future, whatever its node says", startedMs: 9_000_000, monotonicMs: 50_000 },
])("targetInstances: it started $name", ({ startedMs, monotonicMs }) => {
  expect(seen(bound("n1", { phase: "Running", startedMs }))).toMatchObject([{ startedMs: monotonicMs }]);
});

test("SelectedInstances: follows what comes and goes, and forgets a selector that nobody uses", () => {
  const state = new ClusterState();
  const selected = new SelectedInstances(state);
  const add = (uid: string, app: string, namespace = "default") =>
    selected.instanceChanged(state.addInstance(anInstance(uid, { name: uid, labels: { app }, namespace })));
  add("early", "a");
  const selection = selected.open("default", "app=a");
  const twin = selected.open("default", "app=a");
  const uids = () => [...selection.instances()].map(({ uid }) => uid);
  expect(uids()).toEqual(["early"]);
  add("late", "a");
  add("other", "b");
  add("elsewhere", "a", "other");
  expect(uids()).toEqual(["early", "late"]);
  const gone = state.removeInstance("early");
  if (gone) selected.instanceChanged(gone);
  expect(uids()).toEqual(["late"]);
  twin[Symbol.dispose]();
  twin[Symbol.dispose]();
  add("later", "a");
  expect(uids()).toEqual(["late", "later"]);
  selection[Symbol.dispose]();
  add("last", "a");
  expect([...selected.open("default", "app=a").instances()].map(({ uid }) => uid)).toEqual([
    "late",
    "later",
    "last",
  ]);
});

test.each(["", "  ", "app=(", "a b c"])("SelectedInstances: %j selects nobody", (selector) => {
  const state = new ClusterState();
  state.addInstance(anInstance("a", { labels: { app: "a" } }));
  expect([...new SelectedInstances(state).open("default", selector).instances()]).toEqual([]);
});
