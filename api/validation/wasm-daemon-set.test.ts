import { expect, test } from "vitest";
import type { ApiObject } from "../object-meta.ts";
import { semanticChecks, semanticWarnings } from "./kinds.ts";

function daemonSet(spec: object = {}, template: object = {}, labels: object = { app: "agent" }): ApiObject {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    metadata: { name: "agent", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      updateStrategy: rolling(0, 1),
      ...spec,
      template: {
        metadata: { labels },
        spec: { module: { image: "file:///m.wasm" }, resources: {}, ...template },
      },
    },
  };
}

function rolling(maxSurge: number | string, maxUnavailable: number | string, type = "RollingUpdate") {
  return { type, rollingUpdate: { maxSurge, maxUnavailable } };
}

function problems(object: ApiObject, old?: ApiObject): readonly string[] {
  return (semanticChecks["WasmDaemonSet"]?.(object, old) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const field = "spec.updateStrategy.rollingUpdate";
const selector = { matchLabels: { app: "agent" } };

test.each([
  { name: "nothing wrong", spec: {}, expected: [] },
  { name: "surge alone", spec: { updateStrategy: rolling("10%", 0) }, expected: [] },
  {
    name: "both nothing, and nothing is updated by itself",
    spec: { updateStrategy: rolling(0, 0, "OnDelete") },
    expected: [],
  },
  {
    name: "neither may be",
    spec: { updateStrategy: rolling(0, "0%") },
    expected: [`${field}.maxUnavailable: Invalid value: "0%": may not be 0 when \`maxSurge\` is 0`],
  },
  {
    name: "both",
    spec: { updateStrategy: rolling(1, 1) },
    expected: [
      expect.stringContaining(`${field}.maxSurge: Invalid value: 1: may not be set when maxUnavailable`),
    ],
  },
  {
    name: "more than all",
    spec: { updateStrategy: rolling("101%", 0) },
    expected: [`${field}.maxSurge: Invalid value: "101%": must not be greater than 100%`],
  },
  {
    name: "negative",
    spec: { updateStrategy: rolling(0, -1) },
    expected: [`${field}.maxUnavailable: Invalid value: -1: must be greater than or equal to 0`],
  },
  {
    name: "no number",
    spec: { updateStrategy: rolling("some", 1) },
    expected: [expect.stringContaining(`${field}.maxSurge: Invalid value: "some": must be a number`)],
  },
  {
    name: "a selector that selects others",
    spec: { selector: { matchLabels: { app: "other" } } },
    expected: [expect.stringContaining("spec.template.metadata.labels")],
  },
  {
    name: "instances that are not started again",
    spec: {},
    template: { restartPolicy: "Never" },
    expected: [expect.stringContaining("spec.template.spec.restartPolicy: Unsupported value")],
  },
])("validateWasmDaemonSet: $name", ({ spec, template, expected }) => {
  expect(problems(daemonSet(spec, template))).toEqual(expected);
});

test.each([
  { name: "kept", now: { selector }, before: { selector }, isRefused: false },
  { name: "taken away", now: {}, before: { selector }, isRefused: true },
  { name: "added", now: { selector }, before: {}, isRefused: true },
])("validateWasmDaemonSet: the selector stays as it was: $name", ({ now, before, isRefused }) => {
  const refusal = expect.stringContaining("spec.selector: Invalid value");
  expect(problems(daemonSet(now), daemonSet(before))).toEqual(isRefused ? [refusal] : []);
});

const pinned = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
  },
};
const listening = { listeners: [{ name: "web", address: "127.0.0.1", port: 8080 }] };

test.each([
  { name: "nothing odd", spec: {}, template: listening, expected: [] },
  {
    name: "two instances that want one port",
    spec: { updateStrategy: rolling(1, 0) },
    template: listening,
    expected: [expect.stringContaining("spec.template.spec.listeners[0].port: a node has a port once")],
  },
  {
    name: "nodes by name",
    spec: {},
    template: { affinity: { nodeAffinity: pinned } },
    expected: [expect.stringContaining("spec.template.spec.affinity.nodeAffinity: it names nodes")],
  },
  {
    name: "a node by its host name",
    spec: {},
    template: { nodeSelector: { "kubernetes.io/hostname": "n1" } },
    expected: [expect.stringContaining("spec.template.spec.nodeSelector[kubernetes.io/hostname]")],
  },
])("wasmDaemonSetWarnings: $name", ({ spec, template, expected }) => {
  expect(semanticWarnings["WasmDaemonSet"]?.(daemonSet(spec, template))).toEqual(expected);
});
