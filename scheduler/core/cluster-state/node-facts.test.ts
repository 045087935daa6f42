import { expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { ClusterState } from "./cluster-state.ts";

function aState() {
  const state = new ClusterState();
  state.upsertNode(aNode("n1"), { kind: "connected" });
  const modules = () => [...(state.view("n1")?.modules ?? [])].map(([image, known]) => `${image} ${known}`);
  return { state, modules };
}

test("ClusterState.updateModules: changes are laid over what is known, all of them take its place", () => {
  const { state, modules } = aState();
  state.updateModules("n1", [{ image: "a", state: "fetched" }], true);
  state.updateModules("n1", [{ image: "b", state: "prepared" }], false);
  expect(modules()).toEqual(["a fetched", "b prepared"]);
  state.updateModules("n1", [{ image: "a", state: "gone" }], false);
  expect(modules()).toEqual(["b prepared"]);
  state.updateModules("n1", [{ image: "c", state: "fetched" }], true);
  expect(modules()).toEqual(["c fetched"]);
  state.updateModules("nobody", [{ image: "c", state: "fetched" }], true);
});

test("ClusterState.updateModules: of a node that tells without end the last thousand names are kept", () => {
  const { state, modules } = aState();
  for (let round = 0; round < 5; round++) {
    const names = Array.from({ length: 700 }, (_, at) => ({
      image: `${round}-${at}`,
      state: "fetched" as const,
    }));
    state.updateModules("n1", names, false);
  }
  expect(modules().length).toBe(1_000);
  expect(modules().at(-1)).toBe("4-699 fetched");
  expect(modules()[0]).toBe("3-400 fetched");
});

test("ClusterState.snapshot: a node's modules and use are seen by the next one, and outlive its declaration", () => {
  const { state } = aState();
  const before = state.snapshot();
  state.setUsageExcess("n1", { cpuMillis: -5, memoryBytes: 7 });
  state.updateModules("n1", [{ image: "a", state: "fetched" }], true);
  state.upsertNode(aNode("n1", { labels: { zone: "x" } }), { kind: "connected" });
  expect(before.at(0)).toMatchObject({ usageExcess: undefined });
  const { usageExcess, modules, node } = state.snapshot().at(0);
  expect(usageExcess).toEqual({ cpuMillis: -5, memoryBytes: 7 });
  expect([...modules]).toEqual([["a", "fetched"]]);
  expect(node.labels).toEqual({ zone: "x" });
});
