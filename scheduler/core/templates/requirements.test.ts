import { expect, test } from "vitest";
import type { InstanceSpec } from "../../../api/gen/kinds.gen.ts";
import { noClaims } from "../model.ts";
import { aDeployment } from "../testing/builders.ts";
import { requirementsOf } from "./requirements.ts";

function requirementsFrom(given: Partial<InstanceSpec>) {
  const spec = { ...aDeployment().spec.template.spec, ...given };
  return requirementsOf({
    ownerUid: "o",
    namespace: "team",
    labels: { app: "web", tier: "a" },
    spec,
    tolerations: [],
  });
}

test("requirementsOf: a template without claims shares the one value for it", () => {
  expect(requirementsFrom({}).claims).toBe(noClaims);
});

test.each([
  {
    name: "a request",
    resources: { requests: { "example.com/camera": 2 } },
    expected: [["example.com/camera", 2]],
  },
  {
    name: "a limit alone",
    resources: { limits: { "example.com/camera": "1" } },
    expected: [["example.com/camera", 1]],
  },
  { name: "none of it", resources: { limits: { "example.com/camera": 0 } }, expected: [] },
  {
    name: "cpu and memory, which are no extended resources",
    resources: { requests: { cpu: 1, memory: "1Gi" }, limits: { cpu: 1, memory: "1Gi" } },
    expected: [],
  },
  {
    name: "more than can be counted",
    resources: { requests: { "example.com/camera": "1E" } },
    expected: [["example.com/camera", Number.MAX_SAFE_INTEGER]],
  },
])("requirementsOf: extended resources: $name", ({ resources, expected }) => {
  expect([...requirementsFrom({ resources }).claims.extended]).toEqual(expected);
});

test("requirementsOf: instances of a workload hold the port together at which their process takes requests", () => {
  const http = { handler: "wagi", concurrency: 1, queueLength: 1, requestsPerInstance: 1 } as const;
  const { claims, ownerUid } = requirementsFrom({
    http: { ...http, listener: "a", requestTimeoutSeconds: 1, maxRequestBodyBytes: 1 },
    listeners: [{ name: "a", address: "127.0.0.1", port: 80 }],
  });
  expect(claims.ports).toEqual([{ address: "127.0.0.1", port: 80, sharer: ownerUid }]);
});

test("requirementsOf: only fixed ports are claimed, with addresses in their shortest form", () => {
  const { claims, listeners } = requirementsFrom({
    listeners: [
      { name: "a", address: "0:0:0:0:0:0:0:0", port: 80 },
      { name: "b", address: "127.0.0.1", port: 0 },
    ],
  });
  expect(claims.ports).toEqual([{ address: "::", port: 80 }]);
  expect(listeners).toEqual([
    { address: "::", port: 80 },
    { address: "127.0.0.1", port: 0 },
  ]);
});

test("requirementsOf: tolerations of NoExecute go with the instance, within what numbers can hold", () => {
  const { claims, tolerations } = requirementsFrom({
    tolerations: [
      { key: "a", operator: "Equal", value: "1", effect: "NoSchedule" },
      { key: "b", operator: "Exists", effect: "NoExecute", tolerationSeconds: -5 },
      { operator: "Exists", tolerationSeconds: 2 ** 62 },
      { key: "c", operator: "Exists", effect: "NoExecute" },
    ],
  });
  expect(claims.tolerations).toEqual([
    { key: "b", operator: "Exists", value: "", effect: "NoExecute", seconds: 0 },
    { key: "", operator: "Exists", value: "", effect: "", seconds: Number.MAX_SAFE_INTEGER },
    { key: "c", operator: "Exists", value: "", effect: "NoExecute" },
  ]);
  expect(tolerations).toHaveLength(4);
});

test("requirementsOf: affinity terms name their namespaces and have their label keys resolved", () => {
  const term = { topologyKey: "zone", labelSelector: { matchLabels: { app: "web" } } };
  const { claims } = requirementsFrom({
    affinity: {
      instanceAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { ...term, matchLabelKeys: ["tier", "none"], mismatchLabelKeys: ["app"] },
        ],
      },
      instanceAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 7, instanceAffinityTerm: { ...term, namespaces: ["other"] } },
        ],
      },
    },
  });
  expect(claims.affinity).toEqual({
    near: [
      {
        topologyKey: "zone",
        namespaces: ["team"],
        labelSelector: {
          matchLabels: { app: "web" },
          matchExpressions: [
            { key: "tier", operator: "In", values: ["a"] },
            { key: "app", operator: "NotIn", values: ["web"] },
          ],
        },
      },
    ],
    apart: [],
    preferred: [{ weight: -7, term: { ...term, namespaces: ["other"] } }],
  });
});
