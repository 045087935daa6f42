import { expect, test } from "vitest";
import { applyDefaults } from "./defaults.ts";
import type { ApiObject } from "./object-meta.ts";

function workload(kind: string, spec: unknown): ApiObject {
  const metadata = { name: "w", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  return { apiVersion: "wherry.dev/v1alpha1", kind, metadata, spec };
}

test.each([
  { kind: "WasmDeployment", expected: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" } },
  { kind: "WasmJob", expected: { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" } },
])("applyDefaults: $kind", ({ kind, expected }) => {
  const object = applyDefaults(workload(kind, { template: { spec: { runtime: null } } }));
  expect(object["spec"]).toMatchObject({ template: { spec: expected } });
});

test("applyDefaults: keeps what is given", () => {
  const given = { runtime: "wasmtime", restartPolicy: "OnFailure", onDisconnect: "continue" };
  expect(applyDefaults(workload("WasmJob", { template: { spec: given } }))["spec"]).toMatchObject({
    template: { spec: given },
  });
});

test.each([
  { name: "no spec", spec: undefined },
  { name: "a template that is a list", spec: { template: [] } },
  { name: "a template without a spec", spec: { template: {} } },
  { name: "a text for a spec", spec: { template: { spec: "x" } } },
])("applyDefaults: leaves $name to validation", ({ spec }) => {
  expect(applyDefaults(workload("WasmDeployment", spec))["spec"]).toEqual(spec);
});

test.each([
  { name: "nothing", given: {}, expected: { completions: 1, backoffLimit: 6 } },
  {
    name: "nulls",
    given: { completions: null, backoffLimit: null },
    expected: { completions: 1, backoffLimit: 6 },
  },
  { name: "a queue of work", given: { parallelism: 3 }, expected: { parallelism: 3, backoffLimit: 6 } },
  {
    name: "a limit for each index",
    given: { completions: 2, backoffLimitPerIndex: 0 },
    expected: { completions: 2, backoffLimitPerIndex: 0, backoffLimit: 2_147_483_647 },
  },
  {
    name: "both limits",
    given: { completions: 2, backoffLimitPerIndex: 0, backoffLimit: 3 },
    expected: { completions: 2, backoffLimitPerIndex: 0, backoffLimit: 3 },
  },
])("applyDefaults: of a job that says $name", ({ given, expected }) => {
  const object = applyDefaults(workload("WasmJob", { ...given, template: { spec: {} } }));
  const { template: _, ...spec } = object["spec"] as Record<string, unknown>;
  expect(spec).toEqual(expected);
});
