import { expect, test } from "vitest";
import type { WasmDisruptionBudget, WasmDisruptionBudgetSpec } from "../gen/kinds.gen.ts";
import { validateWasmDisruptionBudget, wasmDisruptionBudgetWarnings } from "./wasm-disruption-budget.ts";

function budget(spec: Partial<WasmDisruptionBudgetSpec>): WasmDisruptionBudget {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name: "b", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    spec: { selector: {}, unhealthyInstanceEvictionPolicy: "IfHealthyBudget", ...spec },
  };
}

test.each<{
  readonly name: string;
  readonly spec: Partial<WasmDisruptionBudgetSpec>;
  readonly wrong?: string;
}>([
  { name: "a number that must stay", spec: { minAvailable: 2 } },
  { name: "a share that may be missing", spec: { maxUnavailable: "25%" } },
  { name: "everything must stay", spec: { minAvailable: "100%" } },
  { name: "a number in quotes", spec: { minAvailable: "3" } },
  { name: "both", spec: { minAvailable: 1, maxUnavailable: 1 }, wrong: "spec" },
  { name: "neither", spec: {}, wrong: "spec.maxUnavailable" },
  { name: "more than all", spec: { minAvailable: "101%" }, wrong: "spec.minAvailable" },
  { name: "less than nothing", spec: { maxUnavailable: -1 }, wrong: "spec.maxUnavailable" },
  { name: "half an instance", spec: { minAvailable: 1.5 }, wrong: "spec.minAvailable" },
  { name: "a share of half a percent", spec: { maxUnavailable: "0.5%" }, wrong: "spec.maxUnavailable" },
  { name: "a word", spec: { maxUnavailable: "one" }, wrong: "spec.maxUnavailable" },
  { name: "nothing in quotes", spec: { maxUnavailable: "" }, wrong: "spec.maxUnavailable" },
  { name: "more than an int32", spec: { minAvailable: 2 ** 31 }, wrong: "spec.minAvailable" },
  {
    name: "a selector without values",
    spec: { maxUnavailable: 1, selector: { matchExpressions: [{ key: "a", operator: "In" }] } },
    wrong: "spec.selector.matchExpressions[0].values",
  },
])("validateWasmDisruptionBudget: $name", ({ spec, wrong }) => {
  const fields = validateWasmDisruptionBudget(budget(spec)).map(({ field }) => field);
  expect(fields).toEqual(wrong === undefined ? [] : [wrong]);
});

test.each<{
  readonly name: string;
  readonly spec: Partial<WasmDisruptionBudgetSpec>;
  readonly warns: boolean;
}>([
  { name: "none may be missing", spec: { maxUnavailable: 0 }, warns: true },
  { name: "no share may be missing", spec: { maxUnavailable: "0%" }, warns: true },
  { name: "all must stay", spec: { minAvailable: "100%" }, warns: true },
  { name: "one may be missing", spec: { maxUnavailable: 1 }, warns: false },
  { name: "one must stay", spec: { minAvailable: 1 }, warns: false },
])("wasmDisruptionBudgetWarnings: $name", ({ spec, warns }) => {
  expect(wasmDisruptionBudgetWarnings(budget(spec)).join()).toMatch(warns ? /drains .* blocked/ : /^$/);
});
