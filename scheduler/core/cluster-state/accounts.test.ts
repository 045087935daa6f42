import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Isolation, isolationTiers } from "../../../api/isolation.ts";
import type { ObservedStatus } from "../model.ts";
import { aNode, anInstance, aStatus, startMs } from "../testing/builders.ts";
import { committedWith, footprintOf, isolationOn, nothingCommitted } from "../resources.ts";
import { ClusterState } from "./cluster-state.ts";

const nodeNames = ["n1", "n2"];
interface Happening {
  readonly uid: string;
  readonly nodeName: string;
  readonly asked: Isolation;
  readonly observed: ObservedStatus;
}

const operations: Readonly<Record<string, (state: ClusterState, given: Happening) => unknown>> = {
  add: (state, { uid, asked }) =>
    state.instance(uid) ?? state.addInstance(anInstance(uid, { isolation: asked })),
  assume: (state, { uid, nodeName }) => state.assume(uid, nodeName),
  forget: (state, { uid }) => state.forget(uid),
  markStopping: (state, { uid }) => state.markStopping(uid),
  report: (state, { uid, nodeName, observed }) => state.observe(nodeName, uid, observed),
  end: (state, { uid, nodeName, observed }) =>
    state.observe(nodeName, uid, { ...observed, phase: "Failed", reason: "Evicted" }),
  adopt: (state, { uid, nodeName, asked, observed }) =>
    state.adopt({ ...anInstance(uid, { isolation: asked }), state: { kind: "bound", nodeName, observed } }),
  remove: (state, { uid }) => state.removeInstance(uid),
  loseNode: (state, { nodeName }) => {
    state.loseNode(nodeName, startMs);
    state.setConnection(nodeName, { kind: "connected" });
  },
  removeNode: (state, { nodeName }) => {
    state.removeNode(nodeName, startMs);
    state.upsertNode(aNode(nodeName), { kind: "connected" });
  },
};

const step = fc.record({
  operation: fc.constantFrom(...Object.keys(operations)),
  uid: fc.constantFrom("a", "b", "c", "d"),
  nodeName: fc.constantFrom(...nodeNames),
  asked: fc.constantFrom(...isolationTiers),
  reported: fc.constantFrom(undefined, ...isolationTiers),
});

function recount(state: ClusterState, nodeName: string) {
  let total = nothingCommitted;
  for (const instance of state.instances()) {
    const { state: now, requests, claims } = instance;
    if ((now.kind !== "bound" && now.kind !== "stopping") || now.nodeName !== nodeName) continue;
    total = committedWith(total, footprintOf({ requests, claims, isolation: isolationOn(instance) }), 1);
  }
  return total;
}

test("ClusterState: whatever happens, a node's accounts are those of the instances that it has", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const state = new ClusterState();
      for (const name of nodeNames) state.upsertNode(aNode(name), { kind: "connected" });
      for (const [at, one] of steps.entries()) {
        const observed = aStatus({ sequence: at + 1, isolation: one.reported });
        operations[one.operation]?.(state, { ...one, observed });
        for (const name of nodeNames) expect(state.committedOn(name)).toEqual(recount(state, name));
      }
    }),
  );
});
