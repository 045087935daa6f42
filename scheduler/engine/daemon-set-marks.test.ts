import { expect, test } from "vitest";
import type { ClusterNode } from "../core/model.ts";
import { aCapacity, aDaemonSet, aDeployment, aNode } from "../core/testing/builders.ts";
import { DaemonSetMarks } from "./daemon-set-marks.ts";

function marked() {
  const marks = new DaemonSetMarks();
  marks.put({ kind: "WasmDaemonSet", object: aDaemonSet() });
  marks.put({ kind: "WasmDeployment", object: aDeployment() });
  return marks;
}

test("DaemonSetMarks: however many nodes come, each daemon set is named once, and no other workload", () => {
  const marks = marked();
  for (let i = 0; i < 1_000; i++) marks.nodeChanged(`n${i}`, aNode(`n${i}`));
  expect([...marks.take()]).toEqual(["uid-agent"]);
  expect([...marks.take()]).toEqual([]);
});

test.each<{ readonly name: string; readonly now: ClusterNode | undefined; readonly matters: boolean }>([
  { name: "the same said again", now: aNode("n"), matters: false },
  { name: "its capacity", now: aNode("n", { allocatable: aCapacity({ cpuMillis: 1 }) }), matters: false },
  { name: "a label", now: aNode("n", { labels: { a: "b" } }), matters: true },
  {
    name: "a taint",
    now: aNode("n", { taints: [{ key: "k", value: "", effect: "NoSchedule" }] }),
    matters: true,
  },
  { name: "cordoned", now: aNode("n", { unschedulable: true }), matters: true },
  { name: "silent", now: aNode("n", { connection: { kind: "suspect", sinceMs: 1 } }), matters: true },
  { name: "another runtime", now: aNode("n", { runtimes: [] }), matters: true },
  { name: "gone", now: undefined, matters: true },
])("DaemonSetMarks: what of a node matters: $name", ({ now, matters }) => {
  const marks = marked();
  marks.nodeChanged("n", aNode("n"));
  marks.take();
  marks.nodeChanged("n", now);
  expect([...marks.take()]).toEqual(matters ? ["uid-agent"] : []);
});

test("DaemonSetMarks: a daemon set that is gone is not named, and a look at one counts its nodes", () => {
  const marks = marked();
  marks.nodeChanged("n", aNode("n"));
  expect(marks.sizeOf("uid-agent", 10)).toBe(14);
  expect(marks.sizeOf("uid-web", 10)).toBe(10);
  marks.delete("uid-agent");
  expect([...marks.take()]).toEqual([]);
});
