/** Several victims in one decision, each counted against the disruption budgets. */
import { expect, test } from "vitest";
import { ClusterState } from "../../cluster-state/cluster-state.ts";
import { aCapacity, aNode, anInstance, bound, requirements } from "../../testing/builders.ts";
import { defaultProfile } from "../default-profile.ts";
import { profilesOf } from "../framework.ts";
import { Placer } from "../placer.ts";
import { PreemptionDraft } from "./draft.ts";
import { preemptorOf, type Occupants } from "./preemptor.ts";
import { PreemptionSearch } from "./preemption-search.ts";

const whole = { cpuMillis: 4_000, memoryBytes: 0 };

/** Nodes that are each full with one instance of this priority, which has the node's name. */
function clusterOf(priorities: Readonly<Record<string, number>>): ClusterState {
  const state = new ClusterState();
  for (const [name, priority] of Object.entries(priorities)) {
    const node = aNode(name, { allocatable: aCapacity({ cpuMillis: 4_000 }) });
    state.upsertNode(node, node.connection);
    state.addInstance(anInstance(name, { priority, requests: whole, state: bound(name, {}) }));
  }
  return state;
}

test.each([
  { name: "a violated budget rather than none at all", priorities: { a: 1, b: 1 }, expected: ["a", "b"] },
  // Of a and b one may go; then c, which no budget protects, although its priority is higher.
  { name: "who is not protected comes first", priorities: { a: 1, b: 1, c: 50 }, expected: ["a", "c"] },
])(
  "PreemptionSearch: a plan takes of a budget what the next one would have had: $name",
  ({ priorities, expected }) => {
    const state = clusterOf(priorities);
    const guarded = new Set(["a", "b"]);
    let spare = 1;
    const occupants: Occupants = {
      freeableOn: (name) => state.freeableOn(name),
      instancesOn: (name) => state.instancesOn(name),
      nomineesOn: (name) => state.nomineesOn(name),
      tally: () => {
        let left = spare;
        return {
          isGuarded: ({ uid }) => guarded.has(uid),
          take: ({ uid }) => !guarded.has(uid) || left-- > 0,
        };
      },
    };
    const placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 4 });
    const request = {
      key: "high/h1",
      requirements: requirements({ requests: whole, ownerUid: "high" }),
      neighbours: state.neighbours,
    };
    const search = new PreemptionSearch(state.snapshot(), preemptorOf(placer, request, 100), occupants);
    const victims = [0, 1].flatMap((n) => {
      const waiting = anInstance(`high${n}`, { priority: 100, requests: whole });
      state.addInstance(waiting);
      const plan = search.next(state.snapshot());
      const draft = new PreemptionDraft(state, ({ uid }) => {
        if (guarded.has(uid)) spare--;
      });
      if (plan) draft.add(waiting, plan, "");
      return plan?.victims.map(({ uid }) => uid) ?? [];
    });
    expect(victims).toEqual(expected);
  },
);
