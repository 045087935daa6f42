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
  expect(object["spec"]).toEqual({ template: { spec: expected } });
});

test("applyDefaults: keeps what is given", () => {
  const given = { runtime: "wasmtime", restartPolicy: "OnFailure", onDisconnect: "continue" };
  expect(applyDefaults(workload("WasmJob", { template: { spec: given } }))["spec"]).toEqual({
    template: { spec: given },
  });
});

test.each([
  { name: "no spec", spec: undefined },
  { name: "a template that is a list", spec: { template: [] } },
  { name: "a template without a spec", spec: { template: {} } },
  { name: "a text for a spec", spec: { template: { spec: "x" } } },
])("applyDefaults: leaves $name to validation", ({ spec }) => {
  expect(applyDefaults(workload("WasmJob", spec))["spec"]).toEqual(spec);
});
