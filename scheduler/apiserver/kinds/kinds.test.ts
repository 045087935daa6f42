import { describe, expect, test } from "vitest";
import type { JsonObject, ResourceDefinition } from "../resource.ts";
import { errorsOf, object, rowOf, shaped } from "../testing/kinds.ts";
import { canonicalQuantity } from "./canonical-quantity.ts";
import { configMapDefinition } from "./config-map.ts";
import { leaseDefinition } from "./lease.ts";
import { namespaceDefinition } from "./namespace.ts";
import { namespaceConditions } from "./namespace-conditions.ts";
import { priorityClassDefinition } from "./priority-class.ts";
import { resourceQuotaDefinition } from "./resource-quota.ts";
import { secretDefinition } from "./secret.ts";
import { serviceAccountDefinition } from "./service-account.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("Secret: types have the keys that programs look for", () => {
  test.each<readonly [type: string, data: JsonObject, errors: readonly string[]]>([
    ["Opaque", {}, []],
    ["example.com/own", {}, []],
    ["kubernetes.io/tls", { "tls.crt": "" }, ["data[tls.key]: Required value"]],
    ["kubernetes.io/tls", { "tls.crt": "", "tls.key": "" }, []],
    [
      "kubernetes.io/basic-auth",
      {},
      ["data[%s][username]: Required value", "data[%s][password]: Required value"],
    ],
    ["kubernetes.io/basic-auth", { password: "" }, []],
    ["kubernetes.io/ssh-auth", { "ssh-privatekey": "" }, ["data[%s][ssh-privatekey]: Required value"]],
    ["kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]: Required value"]],
    ["kubernetes.io/dockerconfigjson", { ".dockerconfigjson": base64("{}") }, []],
    [
      "kubernetes.io/dockerconfigjson",
      { ".dockerconfigjson": base64("hush") },
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": the value is no valid JSON'],
    ],
    [
      "kubernetes.io/dockercfg",
      { ".dockercfg": base64("[]") },
      ['data[.dockercfg]: Invalid value: "<secret contents redacted>": the value must be a JSON object'],
    ],
    [
      "kubernetes.io/service-account-token",
      {},
      ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ],
  ])("%s %j", (type, data, errors) => {
    expect(errorsOf(secretDefinition, { type, data })).toEqual(errors);
  });
});

describe("ConfigMap and Secret", () => {
  test.each<
    readonly [
      name: string,
      kind: ResourceDefinition,
      fields: JsonObject,
      old: JsonObject | undefined,
      errors: readonly string[],
    ]
  >([
    [
      "a key twice",
      configMapDefinition,
      { data: { a: "" }, binaryData: { a: "" } },
      undefined,
      ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ],
    ["keys of prototypes", configMapDefinition, { data: { constructor: "", toString: "" } }, undefined, []],
    [
      "too large",
      configMapDefinition,
      { data: { a: "x".repeat(1024 * 1024 + 1) } },
      undefined,
      ["[]: Too long: may not be more than 1048576 bytes"],
    ],
    [
      "immutable",
      configMapDefinition,
      { data: { a: "2" }, immutable: true },
      { data: { a: "1" }, immutable: true },
      ["data: Forbidden: field is immutable when `immutable` is set"],
    ],
    [
      "immutable no more",
      configMapDefinition,
      { data: { a: "1" } },
      { data: { a: "1" }, immutable: true },
      ["immutable: Forbidden: field is immutable when `immutable` is set"],
    ],
    [
      "another type",
      secretDefinition,
      { type: "a" },
      { type: "b" },
      ['type: Invalid value: "a": field is immutable'],
    ],
  ])("%s", (_name, kind, fields, old, errors) => {
    expect(errorsOf(kind, fields, {}, old)).toEqual(errors);
  });
});

describe("ResourceQuota", () => {
  const wrongScope = (scopes: readonly string[], why: string) => [
    `spec.scopes: Invalid value: ${JSON.stringify(scopes)}: ${why}`,
  ];
  test.each<readonly [name: string, spec: JsonObject, errors: readonly string[]]>([
    [
      "limits",
      {
        hard: {
          cpu: "1",
          "requests.memory": "1Gi",
          pods: 2,
          "count/wasmjobs.wherry.dev": "5",
          "hugepages-2Mi": "4Mi",
        },
      },
      [],
    ],
    [
      "an unknown resource",
      { hard: { bananas: "1" } },
      [
        'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource type or fully qualified',
        'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota',
      ],
    ],
    [
      "a resource of a prototype",
      { hard: { constructor: "1" } },
      [
        'spec.hard[constructor]: Invalid value: "constructor": must be a standard resource type or fully qualified',
        'spec.hard[constructor]: Invalid value: "constructor": must be a standard resource for quota',
      ],
    ],
    [
      "a negative limit",
      { hard: { cpu: "-1" } },
      ['spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ],
    [
      "half a pod",
      { hard: { pods: "500m" } },
      ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
    ],
    ["half a cpu", { hard: { cpu: "500m" } }, []],
    ["an unknown scope", { scopes: ["Sunny"] }, wrongScope(["Sunny"], "unsupported scope")],
    [
      "opposite scopes",
      { scopes: ["BestEffort", "NotBestEffort"] },
      wrongScope(["BestEffort", "NotBestEffort"], "conflicting scopes"),
    ],
    [
      "a scope without that resource",
      { hard: { cpu: 1 }, scopes: ["BestEffort"] },
      wrongScope(["BestEffort"], "unsupported scope applied to resource"),
    ],
    [
      "a selector",
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }],
        },
      },
      [],
    ],
    [
      "a selector without values",
      { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] } },
      [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ],
    ],
    [
      "a selector with an unknown operator",
      { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "Is" }] } },
      ['spec.scopeSelector.matchExpressions.operator: Invalid value: "Is": not a valid selector operator'],
    ],
  ])("%s", (_name, spec, errors) => {
    expect(errorsOf(resourceQuotaDefinition, { spec })).toEqual(errors);
  });

  test("scopes cannot be changed; their order can", () => {
    const old = { spec: { scopes: ["Terminating", "NotBestEffort"] } };
    expect(
      errorsOf(resourceQuotaDefinition, { spec: { scopes: ["NotBestEffort", "Terminating"] } }, {}, old),
    ).toEqual([]);
    expect(errorsOf(resourceQuotaDefinition, { spec: {} }, {}, old)).toEqual([
      "spec.scopes: Invalid value: []: field is immutable",
    ]);
  });

  test("quantities are stored as Kubernetes writes them", () => {
    const given = object(resourceQuotaDefinition, { spec: { hard: { cpu: 0.5, memory: "1024Mi" } } });
    expect(shaped(resourceQuotaDefinition, given)["spec"]).toEqual({ hard: { cpu: "500m", memory: "1Gi" } });
  });

  test("columns: requests and limits, used of hard", () => {
    const status = { hard: { pods: "10", cpu: "2", "limits.cpu": "4" }, used: { cpu: "500m" } };
    expect(rowOf(resourceQuotaDefinition, object(resourceQuotaDefinition, { status }))).toEqual({
      Name: "x",
      Request: "cpu: 500m/2, pods: 0/10",
      Limit: "limits.cpu: 0/4",
      Age: "60m",
    });
  });
});

test.each([
  ["0.5", "500m"],
  ["1000", "1k"],
  ["1024", "1024"],
  ["1024Mi", "1Gi"],
  ["1536Mi", "1536Mi"],
  ["1.5Gi", "1536Mi"],
  ["0.5Ki", "512"],
  ["1e3", "1e3"],
  ["100m", "100m"],
  ["1000m", "1"],
  ["0", "0"],
  [-2000, "-2k"],
  ["many", "many"],
  [true, true],
])("canonicalQuantity: %s is %s", (given, expected) => {
  expect(canonicalQuantity(given)).toBe(expected);
});

describe("PriorityClass", () => {
  test.each<
    readonly [
      name: string,
      metadata: JsonObject,
      fields: JsonObject,
      old: JsonObject | undefined,
      errors: readonly string[],
    ]
  >([
    ["a class", { name: "high" }, { value: 1000, globalDefault: true }, undefined, []],
    [
      "too high",
      { name: "high" },
      { value: 1_000_000_001 },
      undefined,
      ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ],
    [
      "an unknown policy",
      { name: "high" },
      { value: 1, preemptionPolicy: "Sometimes" },
      undefined,
      ['preemptionPolicy: Unsupported value: "Sometimes": supported values: "Never", "PreemptLowerPriority"'],
    ],
    [
      "a system's name",
      { name: "system-mine" },
      { value: 1 },
      undefined,
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
      ],
    ],
    ["the system's own", { name: "system-node-critical" }, { value: 2_000_001_000 }, undefined, []],
    [
      "the system's own with another value",
      { name: "system-node-critical" },
      { value: 5 },
      undefined,
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
      ],
    ],
    [
      "another value",
      { name: "high" },
      { value: 2 },
      { value: 1 },
      ["value: Forbidden: may not be changed in an update."],
    ],
    [
      "another policy",
      { name: "high" },
      { value: 1, preemptionPolicy: "Never" },
      { value: 1 },
      ['preemptionPolicy: Invalid value: "Never": field is immutable'],
    ],
    [
      "another description",
      { name: "high" },
      { value: 1, description: "b" },
      { value: 1, description: "a" },
      [],
    ],
  ])("%s", (_name, metadata, fields, old, errors) => {
    expect(errorsOf(priorityClassDefinition, fields, metadata, old)).toEqual(errors);
  });

  test("columns and defaults", () => {
    expect(
      rowOf(
        priorityClassDefinition,
        shaped(priorityClassDefinition, object(priorityClassDefinition, { value: 7 })),
      ),
    ).toEqual({
      Name: "x",
      Value: 7,
      "Global-Default": false,
      Age: "60m",
      PreemptionPolicy: "PreemptLowerPriority",
    });
  });
});

test.each<readonly [name: string, spec: JsonObject, errors: readonly string[]]>([
  [
    "a lease",
    {
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      renewTime: "2026-01-01T00:00:00.000000Z",
      leaseTransitions: 0,
    },
    [],
  ],
  [
    "no duration",
    { leaseDurationSeconds: 0 },
    ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
  ],
  [
    "transitions below zero",
    { leaseTransitions: -1 },
    ["spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"],
  ],
  [
    "a preferred holder alone",
    { preferredHolder: "b" },
    ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"],
  ],
  [
    "an unknown strategy",
    { strategy: "Luck" },
    ['spec.strategy.strategy: Unsupported value: "Luck": supported values: "OldestEmulationVersion"'],
  ],
])("Lease: %s", (_name, spec, errors) => {
  expect(errorsOf(leaseDefinition, { spec })).toEqual(errors);
});

test("ServiceAccount: how many secrets", () => {
  const given = object(serviceAccountDefinition, { secrets: [{ name: "a" }] });
  expect(rowOf(serviceAccountDefinition, given)).toEqual({ Name: "x", Secrets: 1, Age: "60m" });
});

describe("Namespace", () => {
  test("has its name as a label, and the server's finalizer", () => {
    const given = object(namespaceDefinition, {}, { name: "prod", labels: { a: "b" } });
    expect(shaped(namespaceDefinition, given)).toMatchObject({
      metadata: { labels: { a: "b", "kubernetes.io/metadata.name": "prod" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  });

  test("labels that are none are left for the schema", () => {
    const given = object(namespaceDefinition, {}, { labels: "x" });
    expect(namespaceDefinition.normalize(given).metadata.labels).toBe("x");
  });

  test("finalizers are qualified names", () => {
    expect(errorsOf(namespaceDefinition, { spec: { finalizers: ["mine"] } })).toEqual([
      'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ]);
    expect(errorsOf(namespaceDefinition, { spec: { finalizers: ["example.com/mine"] } })).toEqual([]);
  });

  test("conditions say what is left", () => {
    const now = "2026-01-02T00:00:00Z";
    const before = [
      {
        type: "NamespaceContentRemaining",
        status: "True" as const,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ];
    const remaining = [
      { resource: "configmaps", finalizersOf: [["example.com/a"], []] },
      { resource: "secrets", finalizersOf: [] },
    ];
    expect(namespaceConditions(remaining, before, now).slice(3)).toEqual([
      {
        type: "NamespaceContentRemaining",
        status: "True",
        lastTransitionTime: "2026-01-01T00:00:00Z",
        reason: "SomeResourcesRemain",
        message: "Some resources are remaining: configmaps has 2 resource instances",
      },
      {
        type: "NamespaceFinalizersRemaining",
        status: "True",
        lastTransitionTime: now,
        reason: "SomeFinalizersRemain",
        message:
          "Some content in the namespace has finalizers remaining: example.com/a in 1 resource instances",
      },
    ]);
    expect(namespaceConditions([], [], now).every(({ status }) => status === "False")).toBe(true);
  });
});
