import { expect, test } from "vitest";
import type { InstanceSpec } from "../gen/kinds.gen.ts";
import { placementFaults, placementWarnings } from "./placement.ts";
import { validateResources } from "./resources.ts";

const base = { module: { image: "file://m.wasm" }, resources: {} };

/** What is wrong with a template, as `kubectl` prints it; the values are given loosely, as a client might. */
function faults(given: object): readonly string[] {
  const spec = { ...base, ...given } as unknown as InstanceSpec;
  return [...placementFaults(spec, "spec"), ...validateResources(spec.resources, "spec.resources")].map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const term = (expression: object) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [expression] },
    },
  },
});
const required =
  "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]";

test.each([
  {
    name: "all operators as they should be",
    given: {
      matchExpressions: [
        { key: "a", operator: "In", values: ["x"] },
        { key: "example.com/a", operator: "NotIn", values: ["x", ""] },
        { key: "a", operator: "Exists" },
        { key: "a", operator: "DoesNotExist", values: [] },
        { key: "a", operator: "Gt", values: ["-5"] },
        { key: "a", operator: "Lt", values: ["+9223372036854775807"] },
      ],
      matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }],
    },
    expected: [],
  },
  {
    name: "In without values",
    given: { matchExpressions: [{ key: "a", operator: "In", values: [] }] },
    expected: [
      `${required}.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
    ],
  },
  {
    name: "Exists with values",
    given: { matchExpressions: [{ key: "a", operator: "Exists", values: ["x"] }] },
    expected: [
      `${required}.matchExpressions[0].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
    ],
  },
  {
    name: "Gt of two",
    given: { matchExpressions: [{ key: "a", operator: "Gt", values: ["1", "2"] }] },
    expected: [
      `${required}.matchExpressions[0].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
    ],
  },
  {
    name: "Lt of what is no number of 64 bits",
    given: { matchExpressions: [{ key: "a", operator: "Lt", values: ["9223372036854775808"] }] },
    expected: [
      `${required}.matchExpressions[0].values[0]: Invalid value: "9223372036854775808": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
  },
  {
    name: "a key and a value that no label has",
    given: { matchExpressions: [{ key: "-", operator: "In", values: ["a b"] }] },
    expected: [
      expect.stringContaining(`${required}.matchExpressions[0].key: Invalid value: "-": name part must`),
      expect.stringContaining(
        `${required}.matchExpressions[0].values[0]: Invalid value: "a b": a valid label`,
      ),
    ],
  },
  {
    name: "fields of other names, operators and counts",
    given: {
      matchFields: [
        { key: "metadata.uid", operator: "In", values: ["x"] },
        { key: "metadata.name", operator: "Exists" },
        { key: "metadata.name", operator: "NotIn", values: ["a", "B"] },
      ],
    },
    expected: [
      `${required}.matchFields[0].key: Invalid value: "metadata.uid": not a valid field selector key`,
      `${required}.matchFields[1].operator: Invalid value: "Exists": not a valid selector operator`,
      `${required}.matchFields[2].values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
      expect.stringContaining(`${required}.matchFields[2].values[1]: Invalid value: "B": a lowercase RFC`),
    ],
  },
])("placementFaults: node affinity with $name", ({ given, expected }) => {
  expect(faults(term(given))).toEqual(expected);
});

test("placementFaults: a preferred term is looked at as well", () => {
  const preference = { matchExpressions: [{ key: "a", operator: "In" }] };
  const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] };
  expect(faults({ affinity: { nodeAffinity } })[0]).toContain(
    "nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required",
  );
});

const zone = { topologyKey: "zone", labelSelector: { matchLabels: { app: "web" } } };
const near = "spec.affinity.instanceAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]";

test.each([
  { name: "nothing wrong", given: zone, expected: [] },
  {
    name: "a topology key that is no label's",
    given: { ...zone, topologyKey: "a/b/c" },
    expected: [expect.stringContaining(`${near}.topologyKey: Invalid value: "a/b/c": a qualified name must`)],
  },
  {
    name: "selectors that are none",
    given: {
      topologyKey: "zone",
      labelSelector: { matchLabels: { "-": "x" } },
      namespaceSelector: { matchExpressions: [{ key: "a", operator: "In" }] },
    },
    expected: [
      expect.stringContaining(`${near}.labelSelector.matchLabels: Invalid value: "-"`),
      expect.stringContaining(`${near}.namespaceSelector.matchExpressions[0].values: Required value`),
    ],
  },
  {
    name: "a namespace that can be none",
    given: { ...zone, namespaces: ["a", "A"] },
    expected: [expect.stringContaining(`${near}.namespaces[1]: Invalid value: "A": a lowercase RFC 1123`)],
  },
  {
    name: "label keys without a selector",
    given: { topologyKey: "zone", matchLabelKeys: ["a"], mismatchLabelKeys: ["b"] },
    expected: [
      `${near}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
      `${near}.mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
  },
  {
    name: "a label key on both lists, and one that the selector has",
    given: { ...zone, matchLabelKeys: ["a", "app"], mismatchLabelKeys: ["a"] },
    expected: [
      `${near}.matchLabelKeys[1]: Invalid value: "app": exists in both matchLabelKeys and labelSelector`,
      `${near}.matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys`,
    ],
  },
])("placementFaults: instance affinity with $name", ({ given, expected }) => {
  const instanceAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [given] };
  expect(faults({ affinity: { instanceAffinity } })).toEqual(expected);
});

test("placementFaults: preferred terms of the anti-affinity are looked at as well", () => {
  const instanceAffinityTerm = { topologyKey: "-" };
  const instanceAntiAffinity = {
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, instanceAffinityTerm }],
  };
  expect(faults({ affinity: { instanceAntiAffinity } })[0]).toContain(
    "instanceAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].instanceAffinityTerm.topologyKey: Invalid",
  );
});

test("placementWarnings: to be near and apart from the same is legal, and hardly meant", () => {
  const list = { requiredDuringSchedulingIgnoredDuringExecution: [zone] };
  const spec: InstanceSpec = {
    ...base,
    terminationGracePeriodSeconds: 30,
    terminationMessagePolicy: "File",
    stopNotice: "none",
    affinity: { instanceAffinity: list, instanceAntiAffinity: list },
  };
  expect(faults(spec)).toEqual([]);
  expect(placementWarnings(spec, "spec")).toEqual([
    "spec.affinity.instanceAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]: contradicts " +
      "spec.affinity.instanceAffinity.requiredDuringSchedulingIgnoredDuringExecution[0], which is the same",
  ]);
  expect(placementWarnings({ ...spec, affinity: { instanceAffinity: list } }, "spec")).toEqual([]);
});

const spread = { topologyKey: "zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" };
const constraint = "spec.topologySpreadConstraints";

test.each([
  {
    name: "one key with both policies",
    given: [
      { ...spread, minDomains: 2 },
      { ...spread, whenUnsatisfiable: "ScheduleAnyway" },
    ],
    expected: [],
  },
  {
    name: "no skew",
    given: [{ ...spread, maxSkew: 0 }],
    expected: [`${constraint}[0].maxSkew: Invalid value: 0: must be greater than zero`],
  },
  {
    name: "no domains",
    given: [{ ...spread, minDomains: 0 }],
    expected: [`${constraint}[0].minDomains: Invalid value: 0: must be greater than zero`],
  },
  {
    name: "minDomains as a preference",
    given: [{ ...spread, whenUnsatisfiable: "ScheduleAnyway", minDomains: 2 }],
    expected: [
      `${constraint}[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway`,
    ],
  },
  {
    name: "a pair that comes twice",
    given: [spread, { ...spread, maxSkew: 3 }],
    expected: [`${constraint}[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"`],
  },
  {
    name: "a topology key that is no label's",
    given: [{ ...spread, topologyKey: "-" }],
    expected: [expect.stringContaining(`${constraint}[0].topologyKey: Invalid value: "-": name part must`)],
  },
  {
    name: "label keys without a selector",
    given: [{ ...spread, matchLabelKeys: ["a"] }],
    expected: [
      `${constraint}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
  },
  {
    name: "label keys that are none, and that the selector has",
    given: [
      {
        ...spread,
        labelSelector: { matchExpressions: [{ key: "a", operator: "Exists" }] },
        matchLabelKeys: ["a", "-"],
      },
    ],
    expected: [
      `${constraint}[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector`,
      expect.stringContaining(`${constraint}[0].matchLabelKeys[1]: Invalid value: "-": name part must`),
    ],
  },
])("placementFaults: topology spread with $name", ({ given, expected }) => {
  expect(faults({ topologySpreadConstraints: given })).toEqual(expected);
});

test.each([
  {
    name: "a time for every taint",
    given: { operator: "Exists", tolerationSeconds: 5 },
    expected: [
      `spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
    ],
  },
  {
    name: "a time",
    given: { key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: -1 },
    expected: [],
  },
  {
    name: "a key that is none",
    given: { key: "-", operator: "Exists" },
    expected: [expect.stringContaining(`spec.tolerations[0].key: Invalid value: "-": name part must`)],
  },
  {
    name: "neither a key nor Exists",
    given: { operator: "Equal", value: "x" },
    expected: [
      expect.stringContaining(
        `spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists`,
      ),
    ],
  },
])("placementFaults: a toleration with $name", ({ given, expected }) => {
  expect(faults({ tolerations: [given] })).toEqual(expected);
});

test.each([
  { name: "a version", given: { runtimeVersion: "14.6" }, expected: [] },
  { name: "a range", given: { runtimeVersion: ">=40 <42" }, expected: [] },
  {
    name: "a word for a version",
    given: { runtimeVersion: "latest" },
    expected: [expect.stringContaining(`spec.runtimeVersion: Invalid value: "latest": must be comparisons`)],
  },
  {
    name: "a profile that can be none",
    given: { placementProfile: "Best Effort" },
    expected: [expect.stringContaining(`spec.placementProfile: Invalid value: "Best Effort": a lowercase`)],
  },
  {
    name: "a node selector of no label",
    given: { nodeSelector: { "-": "x" } },
    expected: [expect.stringContaining(`spec.nodeSelector: Invalid value: "-": name part must`)],
  },
])("placementFaults: $name", ({ given, expected }) => {
  expect(faults(given)).toEqual(expected);
});

const camera = "example.com/camera";

const resourceRows: readonly {
  readonly name: string;
  readonly given: object;
  readonly expected: readonly unknown[];
}[] = [
  { name: "a request alone", given: { requests: { [camera]: 2 } }, expected: [] },
  { name: "a limit alone", given: { limits: { [camera]: "1k" } }, expected: [] },
  {
    name: "a limit that is the request in other words",
    given: { requests: { [camera]: "1k" }, limits: { [camera]: 1000 } },
    expected: [],
  },
  {
    name: "a request below its limit",
    given: { requests: { [camera]: 1 }, limits: { [camera]: 2 } },
    expected: [`spec.resources.requests[${camera}]: Invalid value: 1: must be equal to ${camera} limit of 2`],
  },
  {
    name: "a part of one",
    given: { requests: { [camera]: "500m" } },
    expected: [`spec.resources.requests[${camera}]: Invalid value: "500m": must be an integer`],
  },
  {
    name: "less than nothing",
    given: { limits: { [camera]: -1 } },
    expected: [`spec.resources.limits[${camera}]: Invalid value: -1: must be greater than or equal to 0`],
  },
  {
    name: "what is no quantity",
    given: { limits: { [camera]: "two" } },
    expected: [
      expect.stringContaining(`spec.resources.limits[${camera}]: Invalid value: "two": "two" is no quantity`),
    ],
  },
  {
    name: "more than can be counted",
    given: { limits: { [camera]: "9007199254740992" } },
    expected: [
      `spec.resources.limits[${camera}]: Invalid value: "9007199254740992": must be less than or equal to 9007199254740991`,
    ],
  },
  {
    name: "a name without a domain",
    given: { requests: { gpu: 1 }, limits: { gpu: 1 } },
    expected: ["requests", "limits"].map(
      (side) =>
        `spec.resources.${side}[gpu]: Invalid value: "gpu": must be cpu, memory, or the name of an extended resource, which has a domain, such as example.com/camera`,
    ),
  },
  {
    name: "a name of Kubernetes' own",
    given: { requests: { "node.kubernetes.io/x": 1 } },
    expected: [
      expect.stringContaining(
        `spec.resources.requests[node.kubernetes.io/x]: Invalid value: "node.kubernetes.io/x": doesn't follow extended resource name standard`,
      ),
    ],
  },
  {
    name: "a name that every object has",
    given: { limits: { constructor: 1 } },
    expected: [expect.stringContaining("spec.resources.limits[constructor]: Invalid value")],
  },
  {
    name: "a name that is none",
    given: { limits: { "a/b/c": 1 } },
    expected: [
      expect.stringContaining(`spec.resources.limits[a/b/c]: Invalid value: "a/b/c": a qualified name`),
    ],
  },
];

test.each(resourceRows)("validateResources: $name", ({ given, expected }) => {
  expect(faults({ resources: given })).toEqual(expected);
});
