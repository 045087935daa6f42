import { expect, test } from "vitest";
import { silentLog } from "../../kit/log.ts";
import type { SourceEvent } from "../apiserver/storage/object-source.ts";
import { ClusterState } from "../core/cluster-state/cluster-state.ts";
import { anInstance } from "../core/testing/builders.ts";
import { LiveInstances } from "./live-instances.ts";

/** Counts the objects that are made: each asks for the usage once. */
function aView() {
  const state = new ClusterState();
  let made = 0;
  const live = new LiveInstances(
    {
      instances: () => state.instances(),
      hasInstances: (uid) => state.countOwnedBy(uid) > 0,
      instanceNamed: (namespace, name) => state.instanceNamed(namespace, name),
      isReachable: () => true,
      usageOf: () => {
        made++;
        return undefined;
      },
      requestStop: () => {},
      requestEviction: () => ({ kind: "evicted" }),
      hasAllReports: () => true,
      explain: () => {
        throw new Error("nobody asks");
      },
      openLog: () => {
        throw new Error("no logs here");
      },
    },
    1_000,
    silentLog,
  );
  const add = (uid: string, namespace = "default") => {
    const change = state.addInstance(anInstance(uid, { namespace }));
    live.changed(change.instance, change.before);
  };
  const explain = (uid: string, message: string) => {
    const change = state.explainPending(uid, "Unschedulable", message);
    if (change) live.changed(change.instance, change.before);
  };
  const remove = (uid: string) => {
    const change = state.removeInstance(uid);
    if (change) live.removed(change.instance);
  };
  return { live, add, explain, remove, made: () => made };
}

const nameOf = (object: { metadata: { name: string } } | undefined) => object?.metadata.name;

test("LiveInstances: nothing is made for changes that nobody looks at", () => {
  const { live, add, explain, remove, made } = aView();
  live.subscribe(() => {});
  add("a");
  explain("a", "no node");
  remove("a");
  expect(made()).toBe(0);
});

test("LiveInstances: an event tells what was and what is, also when it is looked at later", () => {
  const { live, add, explain, remove } = aView();
  const events: SourceEvent[] = [];
  live.subscribe((event) => events.push(event));
  add("a");
  explain("a", "no node");
  remove("a");
  expect(events.map(({ kind, revision }) => [kind, revision])).toEqual([
    ["put", 1_001],
    ["put", 1_002],
    ["delete", 1_003],
  ]);
  const [added, changed, removed] = events;
  expect(added?.previous).toBeUndefined();
  expect(changed?.previous).toEqual(added?.object);
  expect(changed?.object["status"]).toMatchObject({ message: "no node" });
  expect(removed?.previous).toEqual(changed?.object);
  expect(removed?.object.metadata.resourceVersion).toBe("1003");
  expect(added?.object).toBe(added?.object);
});

test("LiveInstances: lists are in order, and of one namespace if asked for", () => {
  const { live, add, remove } = aView();
  add("c");
  add("z", "a-b");
  add("b", "a");
  expect(live.list(undefined).map(nameOf)).toEqual(["instance-b", "instance-z", "instance-c"]);
  add("a");
  remove("c");
  expect(live.list("default").map(nameOf)).toEqual(["instance-a"]);
  expect(live.list("a").map(nameOf)).toEqual(["instance-b"]);
  expect(live.list("none")).toEqual([]);
});

test("LiveInstances: tells of an owner when its last instance goes, and not before", () => {
  const { live, add, remove } = aView();
  const emptied: string[] = [];
  live.subscribeEmptied((uid) => emptied.push(uid));
  add("a");
  add("b");
  remove("a");
  expect([live.hasOwned("owner"), emptied]).toEqual([true, []]);
  remove("b");
  expect([live.hasOwned("owner"), emptied]).toEqual([false, ["owner"]]);
});
