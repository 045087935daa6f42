import { expect, test } from "vitest";
import { deployment, eventsIn, startEngine, statusOf } from "../../testing/test-engine.ts";
import { rebalancingLimits as limits } from "./limits.ts";

function moving(replicas: number, spec: Record<string, unknown> = {}) {
  const object = deployment(replicas);
  return { ...object, spec: { ...object.spec, rebalancePolicy: "WhenBetter", ...spec } };
}

test("Engine: instances are moved to a node that comes, one after the other, until it is no better any more", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", moving(6));
  await pass(200);
  a.runAll();
  await pass(limits.ageMinMs);
  const b = node("b");
  let least = 6;
  for (let second = 0; second < 60; second++) {
    await pass(1_000);
    for (const one of [a, b]) {
      one.runAll();
      one.endStopped();
    }
    const ready = instances().filter(({ state }) => state.kind === "bound" && state.observed?.ready === true);
    least = Math.min(least, ready.length);
  }
  const nodes = instances().map(({ state }) => (state.kind === "bound" ? state.nodeName : state.kind));
  expect(nodes.toSorted((x, y) => (x < y ? -1 : 1))).toEqual(["a", "a", "a", "b", "b", "b"]);
  expect(least).toBe(6);
  expect(instances().filter(({ leaving }) => leaving !== undefined)).toEqual([]);
  expect(statusOf(backend, "wasmdeployments", "app")).toMatchObject({ readyReplicas: 6, replicas: 6 });
  const moves = eventsIn(backend).filter((event) => event["reason"] === "Rebalanced");
  expect(moves.length).toBeGreaterThan(0);
});
