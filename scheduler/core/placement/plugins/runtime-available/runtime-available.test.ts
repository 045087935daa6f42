import { expect, test } from "vitest";
import type { PlacementRequirements } from "../../../model.ts";
import { aNode, requirements } from "../../../testing/builders.ts";
import { viewOf } from "../../framework.ts";
import { emptyNode } from "../../snapshot.ts";
import { runtimeAvailable } from "./runtime-available.ts";

const runtimes = [
  { name: "v8", version: "14.6.202.33-node.18", features: ["fuel", "isolation-process"] },
  { name: "wasmtime", version: "40.0.1", features: [] },
  { name: "wasmtime", version: "42.0.0", features: ["threads"] },
];

function judge(wanted: Partial<PlacementRequirements>): string {
  const verdict = runtimeAvailable.prepare(requirements(wanted))?.(
    viewOf({ node: aNode("n1", { runtimes }), ...emptyNode }, 0),
  );
  if (verdict === undefined || verdict.kind === "success") return "";
  return verdict.reasons.map(({ summary, detail }) => `${summary} | ${detail}`).join("; ");
}

test.each([
  { name: "its name alone", wanted: {}, expected: "" },
  { name: "a version that will do", wanted: { runtimeVersion: ">=14.6 <15" }, expected: "" },
  { name: "features that it has", wanted: { runtimeFeatures: ["fuel", "isolation-process"] }, expected: "" },
  {
    name: "the second of one name",
    wanted: { runtime: "wasmtime", runtimeVersion: ">=42", runtimeFeatures: ["threads"] },
    expected: "",
  },
  {
    name: "another runtime",
    wanted: { runtime: "wasmer", runtimeVersion: ">=4" },
    expected: "node(s) without runtime wasmer | no runtime wasmer; it has v8, wasmtime, wasmtime",
  },
  {
    name: "a newer version",
    wanted: { runtimeVersion: ">=15" },
    expected: "node(s) without runtime v8 >=15 | runtime v8 is 14.6.202.33-node.18, the template wants >=15",
  },
  {
    name: "one version with the feature of another",
    wanted: { runtime: "wasmtime", runtimeVersion: "40", runtimeFeatures: ["threads"] },
    expected: "node(s) whose runtime wasmtime lacks threads | runtime wasmtime lacks threads; it has none",
  },
  {
    name: "features of which it has one",
    wanted: { runtimeFeatures: ["gc", "fuel", "simd"] },
    expected:
      "node(s) whose runtime v8 lacks gc, simd | runtime v8 lacks gc, simd; it has fuel, isolation-process",
  },
  {
    name: "a version range that is none",
    wanted: { runtimeVersion: "newest" },
    expected:
      "node(s) without runtime v8 newest | runtime v8 is 14.6.202.33-node.18, the template wants newest",
  },
])("runtimeAvailable: asked for $name", ({ wanted, expected }) => {
  expect(judge(wanted)).toBe(expected);
});
