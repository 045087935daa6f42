import { expect, test } from "vitest";
import type { ApiObject } from "../object-meta.ts";
import { semanticChecks } from "./kinds.ts";

function workload(kind: string, template: object, spec: object = {}, labels?: object): ApiObject {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind,
    metadata: { name: "w", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      ...spec,
      template: {
        ...(labels ? { metadata: { labels } } : {}),
        spec: { module: { image: "file:///m.wasm" }, resources: {}, ...template },
      },
    },
  };
}

function problems(object: ApiObject, old?: ApiObject): readonly string[] {
  return (semanticChecks[object.kind]?.(object, old) ?? []).map(
    (error) => `${error.field}: ${error.message}`,
  );
}

const t = "spec.template.spec";

test.each([
  { name: "nothing wrong", template: {}, expected: [] },
  {
    name: "a quantity that is none",
    template: { resources: { requests: { cpu: "lots" } } },
    expected: [expect.stringContaining(`${t}.resources.requests.cpu: Invalid value: "lots"`)],
  },
  {
    name: "a negative quantity",
    template: { resources: { limits: { memory: "-1Mi" } } },
    expected: [`${t}.resources.limits.memory: Invalid value: "-1Mi": must be greater than or equal to 0`],
  },
  {
    name: "an emptyDir's size that is none",
    template: { volumes: [{ name: "a", emptyDir: { sizeLimit: "-1" } }] },
    expected: [`${t}.volumes[0].emptyDir.sizeLimit: Invalid value: "-1": must be greater than or equal to 0`],
  },
  {
    name: "hosts without a port, and an address in another disguise",
    template: { network: { allow: ["db:5432", "example.com", "127.1:80"] } },
    expected: [
      expect.stringContaining(`${t}.network.allow[1]: Invalid value: "example.com": must be host:port`),
      expect.stringContaining(`${t}.network.allow[2]: Invalid value: "127.1:80": must be host:port`),
    ],
  },
  {
    name: "listeners that want the same, and one at a name",
    template: {
      listeners: [
        { name: "a", address: "127.0.0.1", port: 80 },
        { name: "b", address: "127.0.0.1", port: 80 },
        { name: "c", address: "127.0.0.1", port: 0 },
        { name: "d", address: "127.0.0.1", port: 0 },
        { name: "e", address: "localhost", port: 81 },
      ],
    },
    expected: [
      expect.stringContaining(`${t}.listeners[4].address: Invalid value: "localhost": must be an IPv4 or`),
      `${t}.listeners[1].port: Invalid value: 80: the listener "a" has this port at 127.0.0.1:80, which leaves none for it`,
    ],
  },
  {
    name: "a request above its limit",
    template: { resources: { requests: { cpu: "2" }, limits: { cpu: "500m" } } },
    expected: [
      `${t}.resources.requests.cpu: Invalid value: "2": must be less than or equal to cpu limit of 500m`,
    ],
  },
  {
    name: "a request that is its limit in other words",
    template: { resources: { requests: { cpu: "0.5" }, limits: { cpu: "500m" } } },
    expected: [],
  },
  {
    name: "two volumes of a name",
    template: {
      volumes: [
        { name: "a", emptyDir: {} },
        { name: "a", emptyDir: {} },
      ],
    },
    expected: [`${t}.volumes[1].name: Duplicate value: "a"`],
  },
  {
    name: "a volume without a source",
    template: { volumes: [{ name: "a" }] },
    expected: [expect.stringContaining(`${t}.volumes[0]: Required value: must specify one volume source`)],
  },
  {
    name: "a volume with two sources",
    template: { volumes: [{ name: "a", emptyDir: {}, hostPath: { path: "/x" } }] },
    expected: [`${t}.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume source`],
  },
  {
    name: "a mount of no volume",
    template: { mounts: [{ volume: "a", path: "/x", readOnly: false }] },
    expected: [`${t}.mounts[0].volume: Not found: "a": there is no volume with this name`],
  },
  {
    name: "a mount with ..",
    template: { volumes: [{ name: "a", emptyDir: {} }], mounts: [{ volume: "a", path: "/x/../y" }] },
    expected: [`${t}.mounts[0].path: Invalid value: "/x/../y": must not contain '..'`],
  },
  {
    name: "a relative mount",
    template: { volumes: [{ name: "a", emptyDir: {} }], mounts: [{ volume: "a", path: "x" }] },
    expected: [`${t}.mounts[0].path: Invalid value: "x": must be an absolute path`],
  },
  {
    name: "two mounts at one place",
    template: {
      volumes: [{ name: "a", emptyDir: {} }],
      mounts: [
        { volume: "a", path: "/x" },
        { volume: "a", path: "/x//./" },
      ],
    },
    expected: [`${t}.mounts[1].path: Duplicate value: "/x"`],
  },
  {
    name: "env with value and valueFrom",
    template: { env: [{ name: "A", value: "1", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
    expected: [`${t}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`],
  },
  {
    name: "two env of a name",
    template: { env: [{ name: "A" }, { name: "A" }] },
    expected: [`${t}.env[1].name: Duplicate value: "A"`],
  },
  {
    name: "a toleration Exists with a value",
    template: { tolerations: [{ key: "a", operator: "Exists", value: "x" }] },
    expected: [
      `${t}.tolerations[0].value: Invalid value: "x": value must be empty when \`operator\` is 'Exists'`,
    ],
  },
  {
    name: "restartPolicy Never in a deployment",
    template: { restartPolicy: "Never" },
    expected: [`${t}.restartPolicy: Unsupported value: "Never": supported values: "Always"`],
  },
  {
    name: "an image of no known scheme",
    template: { module: { image: "ftp://x/y" } },
    expected: [expect.stringContaining(`${t}.module.image: Invalid value: "ftp://x/y"`)],
  },
  {
    name: "a deterministic run in a process of its own",
    template: {
      isolation: "process",
      fuel: 5,
      deterministic: { seed: "", startTime: "2000-01-01T00:00:00Z" },
    },
    expected: [],
  },
  {
    name: "a deterministic run that hears and reaches others, from a time that no guest can count",
    template: {
      deterministic: { seed: "", startTime: "2262-01-01T00:00:00+00:00" },
      listeners: [{ name: "a", address: "127.0.0.1", port: 80 }],
      network: { allow: ["db:5432"] },
    },
    expected: [
      `${t}.deterministic.startTime: Invalid value: "2262-01-01T00:00:00+00:00": must be from 1970-01-01T00:00:00Z to before 2262-01-01T00:00:00Z`,
      `${t}.listeners: Forbidden: may not be used with \`deterministic\`: what comes from outside differs from run to run`,
      `${t}.network.allow: Forbidden: may not be used with \`deterministic\`: what comes from outside differs from run to run`,
    ],
  },
  {
    name: "a deterministic run before 1970, without a network",
    template: {
      deterministic: { seed: "", startTime: "1969-12-31T23:59:59Z" },
      listeners: [],
      network: { allow: [] },
    },
    expected: [expect.stringContaining(`${t}.deterministic.startTime: Invalid value`)],
  },
  {
    name: "the name of a priority class that can be none",
    template: { priorityClassName: "Very High" },
    expected: [
      expect.stringContaining(`${t}.priorityClassName: Invalid value: "Very High": a lowercase RFC`),
    ],
  },
  {
    name: "a probe of nothing",
    template: { readinessProbe: { successThreshold: 1 } },
    expected: [
      `${t}.readinessProbe: Required value: must specify a handler type: one of exec, httpGet, tcpSocket`,
    ],
  },
])("validateWasmDeployment: $name", ({ template, expected }) => {
  expect(problems(workload("WasmDeployment", template))).toEqual(expected);
});

test.each([
  {
    name: "both bounds 0",
    rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" },
    expected: ['maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  },
  {
    name: "a negative surge",
    rollingUpdate: { maxSurge: -1, maxUnavailable: 1 },
    expected: ["maxSurge: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    name: "more than all unavailable",
    rollingUpdate: { maxSurge: 1, maxUnavailable: "101%" },
    expected: ['maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  },
  { name: "a number and a share", rollingUpdate: { maxSurge: 0, maxUnavailable: "1%" }, expected: [] },
])("validateWasmDeployment: rolling update with $name", ({ rollingUpdate, expected }) => {
  const object = workload("WasmDeployment", {}, { strategy: { type: "RollingUpdate", rollingUpdate } });
  expect(problems(object)).toEqual(expected.map((text) => `spec.strategy.rollingUpdate.${text}`));
});

test.each([
  { name: "equal labels", selector: { matchLabels: { a: "1" } }, labels: { a: "1", b: "2" }, count: 0 },
  { name: "another value", selector: { matchLabels: { a: "1" } }, labels: { a: "2" }, count: 1 },
  {
    name: "an expression that holds",
    selector: { matchExpressions: [{ key: "a", operator: "In", values: ["1", "2"] }] },
    labels: { a: "2" },
    count: 0,
  },
  {
    name: "In without values",
    selector: { matchExpressions: [{ key: "a", operator: "In" }] },
    labels: { a: "2" },
    count: 1,
  },
])("validateWasmDeployment: selector with $name", ({ selector, labels, count }) => {
  expect(problems(workload("WasmDeployment", {}, { selector }, labels))).toHaveLength(count);
});

test.each([
  { name: "Always", restartPolicy: "Always", count: 1 },
  { name: "OnFailure", restartPolicy: "OnFailure", count: 0 },
  { name: "Never", restartPolicy: "Never", count: 0 },
])("validateWasmJob: restartPolicy $name", ({ restartPolicy, count }) => {
  expect(problems(workload("WasmJob", { restartPolicy }))).toHaveLength(count);
});

test("validateWasmJob: template and completions do not change", () => {
  const old = workload("WasmJob", {}, { completions: 1, parallelism: 1 });
  const changed = workload("WasmJob", { args: ["x"] }, { completions: 2, parallelism: 1 });
  expect(problems(changed, old).map((text) => text.split(":")[0])).toEqual([
    "spec.completions",
    "spec.template",
  ]);
  expect(problems(workload("WasmJob", {}, { completions: 1, parallelism: 5 }), old)).toEqual([]);
});

test("validateWasmNode: taints have keys and come once", () => {
  const taints = [
    { key: "a", effect: "NoSchedule" },
    { key: "a", effect: "NoSchedule" },
    { key: "-", effect: "NoExecute" },
  ];
  const node = { ...workload("WasmNode", {}), spec: { unschedulable: false, taints } };
  expect(problems(node).map((text) => text.split(": ").slice(0, 2).join(": "))).toEqual([
    "spec.taints[1]: Duplicate value",
    "spec.taints[2].key: Invalid value",
  ]);
});

test.each([
  ["1", "1.25", []],
  ["100", "1", []],
  ["0.5", "0.1", []],
  ["0.05", "1", ["spec.overcommit.cpu"]],
  ["2", "100.5", ["spec.overcommit.memory"]],
  ["0", "999", ["spec.overcommit.cpu", "spec.overcommit.memory"]],
])("validateWasmNode: overcommit of cpu by %s and memory by %s", (cpu, memory, fields) => {
  const node = { ...workload("WasmNode", {}), spec: { unschedulable: false, overcommit: { cpu, memory } } };
  expect(problems(node).map((text) => text.split(":")[0])).toEqual(fields);
});
