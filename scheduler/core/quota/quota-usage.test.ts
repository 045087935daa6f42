import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ClusterState } from "../cluster-state/cluster-state.ts";
import { type Instance, noClaims } from "../model.ts";
import { aCapacity, aNode, anInstance, aStatus, startMs } from "../testing/builders.ts";
import { amountsWith, chargeOf, nothingUsed, traitsOf, type QuotaTraits } from "./compute-resources.ts";
import { isPlaced } from "./quota-usage.ts";

const namespaces = ["default", "other", "__proto__"];
const nodeNames = ["n1", "n2"];
const allocatable = aCapacity({ extended: new Map([["example.com/camera", 1_000]]) });
const picks: readonly ((traits: QuotaTraits) => boolean)[] = [
  () => true,
  ({ bestEffort }) => bestEffort,
  ({ terminating }) => !terminating,
  ({ priorityClass }) => priorityClass === "low",
];

function newInstance(uid: string, size: number, namespace: string): Instance {
  return anInstance(uid, {
    namespace,
    requests: { cpuMillis: size * 10, memoryBytes: size * 2 ** 20 },
    // Beyond what a number holds exactly when added up.
    limits: { cpuMillis: 0, memoryBytes: size === 3 ? 2 ** 62 : 0 },
    hasDeadline: size % 2 === 1,
    claims: size === 3 ? { ...noClaims, extended: new Map([["example.com/camera", size]]) } : noClaims,
    isolation: size === 2 ? "process" : "shared",
    priorityClass: size === 1 ? "low" : "",
  });
}

function recount(state: ClusterState, namespace: string, pick: (traits: QuotaTraits) => boolean) {
  let total = nothingUsed;
  for (const instance of state.instances())
    if (instance.namespace === namespace && isPlaced(instance) && pick(traitsOf(instance)))
      total = amountsWith(total, chargeOf(instance), 1n);
  return total;
}

function act(state: ClusterState, operation: number, uid: string, made: Instance): void {
  const nodeName = nodeNames[made.createdMs % 2] ?? "";
  const final = aStatus({ phase: "Succeeded", sequence: 9 });
  switch (operation) {
    case 0:
      if (!state.instance(uid)) state.addInstance(made);
      return;
    case 1:
      return void state.assume(uid, nodeName);
    case 2:
      return void state.forget(uid);
    case 3:
      return void state.markStopping(uid);
    case 4:
      return void state.observe(nodeName, uid, final);
    case 5:
      return void state.removeInstance(uid);
    case 6:
      if (state.node(nodeName))
        state.adopt({ ...made, uid, state: { kind: "bound", nodeName, observed: aStatus() } });
      return;
    case 7:
      return void state.loseNode(nodeName, startMs);
    case 8:
      return void state.removeNode(nodeName, startMs);
    default:
      state.upsertNode(aNode(nodeName, { allocatable }), { kind: "connected" });
      state.setConnection(nodeName, { kind: "connected" });
  }
}

test("QuotaUsage: equals a recount of the placed instances after whatever happens to them", () => {
  const step = fc.tuple(
    fc.nat({ max: 10 }),
    fc.nat({ max: 5 }),
    fc.nat({ max: 3 }),
    fc.nat({ max: 2 }),
    fc.nat({ max: 1 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const state = new ClusterState();
      for (const name of nodeNames) state.upsertNode(aNode(name, { allocatable }), { kind: "connected" });
      for (const [operation, who, size, where, node] of steps) {
        const made = newInstance(`u${who}`, size, namespaces[where] ?? "");
        act(state, operation, `u${who}`, { ...made, createdMs: node });
        for (const namespace of namespaces)
          for (const pick of picks)
            expect(state.quotaUsage.used(namespace, pick)).toEqual(recount(state, namespace, pick));
      }
      for (const instance of Array.from(state.instances())) state.removeInstance(instance.uid);
      expect(state.quotaUsage.namespaceCount).toBe(0);
    }),
  );
});
