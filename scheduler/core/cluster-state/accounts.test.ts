import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Isolation, isolationTiers } from "../../../api/isolation.ts";
import { type Instance, noClaims, type NodeCapacity, type ObservedStatus } from "../model.ts";
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

const priorities: Readonly<Record<string, number>> = { a: -5, b: 0, c: 0, d: 1_000 };

/** Each with a priority and a port of its own, some with a device. */
function made(uid: string, isolation: Isolation): Instance {
  const ports = [{ address: "0.0.0.0", port: 1_000 + uid.charCodeAt(0) }];
  const extended = new Map(uid < "c" ? [["example.com/camera", 1]] : []);
  return anInstance(uid, {
    isolation,
    priority: priorities[uid] ?? 0,
    claims: { ...noClaims, ports, extended },
  });
}

const operations: Readonly<Record<string, (state: ClusterState, given: Happening) => unknown>> = {
  add: (state, { uid, asked }) => state.instance(uid) ?? state.addInstance(made(uid, asked)),
  assume: (state, { uid, nodeName }) => state.assume(uid, nodeName),
  forget: (state, { uid }) => state.forget(uid),
  nominate: (state, { uid, nodeName }) => state.nominate(uid, nodeName),
  withdraw: (state, { uid }) => state.withdraw(uid),
  explain: (state, { uid, nodeName }) => state.explainPending(uid, "Preempting", nodeName),
  keep: (state, { uid }) => state.keep(uid),
  markStopping: (state, { uid }) => state.markStopping(uid),
  report: (state, { uid, nodeName, observed }) => state.observe(nodeName, uid, observed),
  end: (state, { uid, nodeName, observed }) =>
    state.observe(nodeName, uid, { ...observed, phase: "Failed", reason: "Evicted" }),
  adopt: (state, { uid, nodeName, asked, observed }) =>
    state.adopt({ ...made(uid, asked), state: { kind: "bound", nodeName, observed } }),
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

/** Those that take room of a node: bound, stopping and nominated ones. */
function takersOn(state: ClusterState, nodeName: string): readonly Instance[] {
  return [...state.instances()].filter(
    ({ state: now }) =>
      now.kind !== "ended" && (now.kind === "pending" ? now.nominatedNode : now.nodeName) === nodeName,
  );
}

function sumOf(instances: readonly Instance[]): NodeCapacity {
  let total = nothingCommitted;
  for (const { requests, claims, ...instance } of instances)
    total = committedWith(total, footprintOf({ requests, claims, isolation: isolationOn(instance) }), 1);
  return total;
}

function levelsOf(instances: readonly Instance[]) {
  const levels = [...new Set(instances.map(({ priority }) => priority))].sort((a, b) => a - b);
  return levels.map((priority) => {
    const { extended: _, ...room } = sumOf(instances.filter((one) => one.priority === priority));
    return { priority, ...room };
  });
}

function expectAccounts(state: ClusterState, nodeName: string): void {
  const takers = takersOn(state, nodeName);
  const inState = (kind: string) => takers.filter(({ state: now }) => now.kind === kind);
  expect(state.committedOn(nodeName)).toEqual(sumOf(takers));
  const { extended: _, ...stopping } = sumOf(inState("stopping"));
  expect(state.freeableOn(nodeName)).toEqual({
    stopping,
    bound: levelsOf(inState("bound")),
    nominated: levelsOf(inState("pending")),
  });
  const ports = takers.flatMap(({ claims }) => claims.ports);
  const byPort = (a: { readonly port: number }, b: { readonly port: number }) => a.port - b.port;
  expect(state.view(nodeName)?.ports.toSorted(byPort)).toEqual(ports.toSorted(byPort));
  expect(new Set(state.nomineesOn(nodeName))).toEqual(new Set(inState("pending")));
}

test("ClusterState: whatever happens, a node's accounts are those of the instances that it has", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const state = new ClusterState();
      for (const name of nodeNames) state.upsertNode(aNode(name), { kind: "connected" });
      for (const [at, one] of steps.entries()) {
        const observed = aStatus({ sequence: at + 1, isolation: one.reported });
        operations[one.operation]?.(state, { ...one, observed });
        for (const name of nodeNames) expectAccounts(state, name);
        const yielding = nodeNames
          .flatMap((name) => takersOn(state, name))
          .filter(({ state: now }) => now.kind !== "stopping");
        for (const priority of Object.values(priorities))
          expect(state.hasLowerThan(priority)).toBe(yielding.some((other) => other.priority < priority));
      }
    }),
  );
});
