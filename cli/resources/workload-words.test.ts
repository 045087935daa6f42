import { expect, test } from "vitest";
import type { Resource } from "./resource.ts";
import { selectWorkload } from "./workload-words.ts";

const deployments: Resource = {
  group: "wherry.dev",
  version: "v1alpha1",
  plural: "wasmdeployments",
  singular: "wasmdeployment",
  kind: "WasmDeployment",
  shortNames: ["wd"],
  categories: [],
  namespaced: true,
  verbs: ["list"],
};

test.each(["deployment/price", "Deploy/price", "wd/price"])("selectWorkload: %s is a workload", (text) => {
  expect(selectWorkload([deployments], text)).toEqual({ resource: deployments, name: "price" });
});

test.each(["price", "deployment"])("selectWorkload: %s alone is told how to be written", (text) => {
  expect(() => selectWorkload([deployments], text)).toThrow(
    `"${text}" names no workload; write it as deployment/NAME`,
  );
});
