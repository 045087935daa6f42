/** What a refusal advises, done: the node takes the instance. */
import { expect, test } from "vitest";
import { type ClusterNode, noClaims, type PlacementRequirements } from "../model.ts";
import { aCapacity, aNode, requirements } from "../testing/builders.ts";
import { defaultProfile } from "./default-profile.ts";
import { type Profile, viewOf } from "./framework.ts";
import { emptyNode, type NodeSnapshot } from "./snapshot.ts";

const mebibyte = 2 ** 20;
const rules: Profile["filters"] = defaultProfile.filters;

type Done = Partial<NodeSnapshot> | { readonly asked: Partial<PlacementRequirements> };

interface Row {
  readonly name: string;
  readonly plugin: string;
  readonly node?: Partial<ClusterNode>;
  readonly there?: Partial<NodeSnapshot>;
  readonly asked?: Partial<PlacementRequirements>;
  readonly remedy: string;
  /** What was done about it. */
  readonly done: Done;
}

const used = (cpuMillis: number, memoryMebi: number) => ({
  committed: { ...emptyNode.committed, cpuMillis, memoryBytes: memoryMebi * mebibyte, instances: 1 },
});
const capacity = aCapacity({ cpuMillis: 1_000, memoryBytes: 1_024 * mebibyte });
const toleration = { operator: "Exists", value: "", effect: "" } as const;

const rows: readonly Row[] = [
  {
    name: "cpu is released",
    plugin: "resources-fit",
    node: { allocatable: capacity },
    there: used(800, 0),
    asked: { requests: { cpuMillis: 500, memoryBytes: 0 } },
    remedy: "frees up when 300m more are released; would fit with requests.cpu of at most 200m",
    done: used(500, 0),
  },
  {
    name: "less cpu is asked for",
    plugin: "resources-fit",
    node: { allocatable: capacity },
    there: used(800, 0),
    asked: { requests: { cpuMillis: 500, memoryBytes: 0 } },
    remedy: "frees up when 300m more are released; would fit with requests.cpu of at most 200m",
    done: { asked: { requests: { cpuMillis: 200, memoryBytes: 0 } } },
  },
  {
    name: "less memory is asked for, beside what a process takes",
    plugin: "resources-fit",
    node: { allocatable: capacity },
    there: used(0, 900),
    asked: { isolation: "process", requests: { cpuMillis: 0, memoryBytes: 200 * mebibyte } },
    remedy: "frees up when 108Mi more are released; would fit with requests.memory of at most 92Mi",
    done: { asked: { isolation: "process", requests: { cpuMillis: 0, memoryBytes: 92 * mebibyte } } },
  },
  {
    name: "more than the node has",
    plugin: "resources-fit",
    node: { allocatable: capacity },
    asked: { requests: { cpuMillis: 0, memoryBytes: 2_048 * mebibyte } },
    remedy:
      "never fits as it is: the node has 1024Mi in all; would fit with requests.memory of at most 1024Mi",
    done: { asked: { requests: { cpuMillis: 0, memoryBytes: 1_024 * mebibyte } } },
  },
  {
    name: "a node without the extended resource",
    plugin: "resources-fit",
    asked: { claims: { ...noClaims, extended: new Map([["example.com/camera", 2]]) } },
    remedy: "give the node some (wherry-node --extended-resource example.com/camera=2)",
    done: {
      node: aNode("n1", { allocatable: aCapacity({ extended: new Map([["example.com/camera", 2]]) }) }),
    },
  },
  {
    name: "a node that is full of instances",
    plugin: "resources-fit",
    node: { allocatable: aCapacity({ instances: 1 }) },
    there: used(0, 0),
    remedy: "frees up when an instance there ends",
    done: { committed: emptyNode.committed },
  },
  {
    name: "a node without processes to give",
    plugin: "resources-fit",
    node: { allocatable: aCapacity({ processes: 0 }) },
    asked: { isolation: "process" },
    remedy: "fits with isolation: shared",
    done: { asked: { isolation: "shared" } },
  },
  {
    name: "a label is missing",
    plugin: "node-selector",
    asked: { nodeSelector: { zone: "a" } },
    remedy: "label the node zone=a",
    done: { node: aNode("n1", { labels: { zone: "a" } }) },
  },
  {
    name: "a taint",
    plugin: "taints-and-tolerations",
    node: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] },
    remedy: "tolerate gpu=yes:NoSchedule, or take the taint from the node",
    done: { asked: { tolerations: [{ ...toleration, key: "gpu" }] } },
  },
  {
    name: "a taint that evicts",
    plugin: "no-execute-taints",
    node: { taints: [{ key: "gone", value: "", effect: "NoExecute" }] },
    remedy: "tolerate gone:NoExecute, or take the taint from the node",
    done: { node: aNode("n1") },
  },
  {
    name: "a cordoned node",
    plugin: "node-unschedulable",
    node: { unschedulable: true },
    remedy: "uncordon the node (spec.unschedulable: false), or tolerate node.kubernetes.io/unschedulable",
    done: { asked: { tolerations: [{ ...toleration, key: "node.kubernetes.io/unschedulable" }] } },
  },
  {
    name: "a silent node",
    plugin: "node-ready",
    node: { connection: { kind: "lost" } },
    remedy: "start the node's daemon, or mend its connection to the scheduler",
    done: { node: aNode("n1") },
  },
  {
    name: "a runtime that is not there",
    plugin: "runtime-available",
    asked: { runtime: "wasmtime" },
    remedy: "install wasmtime on the node",
    done: { node: aNode("n1", { runtimes: [{ name: "wasmtime", version: "40", features: [] }] }) },
  },
  {
    name: "isolation that the node does not have",
    plugin: "isolation-available",
    asked: { isolation: "confined" },
    remedy: "ask for isolation: process, which is weaker",
    done: { asked: { isolation: "process" } },
  },
  {
    name: "a port that is held",
    plugin: "host-ports",
    there: { ports: [{ address: "0.0.0.0", port: 80 }] },
    asked: { claims: { ...noClaims, ports: [{ address: "0.0.0.0", port: 80 }] } },
    remedy: "frees up when the instance that holds it has ended; or listen at another port",
    done: { asked: { claims: { ...noClaims, ports: [{ address: "0.0.0.0", port: 81 }] } } },
  },
  {
    name: "node affinity",
    plugin: "node-affinity",
    asked: {
      nodeAffinity: {
        required: [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }],
        preferred: [],
      },
    },
    remedy: "label the node as the affinity wants; or prefer instead of requiring it",
    done: { node: aNode("n1", { labels: { zone: "a" } }) },
  },
  {
    name: "a folder that is not offered",
    plugin: "host-grants",
    node: { grants: { hostPaths: [], listen: [] } },
    asked: { image: "oci://r/a", hostPaths: ["/srv/data"] },
    remedy: "offer the folder on the node (wherry-node --allow-host-path, wherry up --host-path)",
    done: {
      node: aNode("n1", { grants: { hostPaths: [{ path: "/srv" }], listen: [] } }),
    },
  },
  {
    name: "a node that runs short",
    plugin: "node-pressure",
    node: {
      conditions: [
        { type: "DiskPressure", status: true, reason: "Short", message: "1Mi left", transitionMs: 0 },
      ],
    },
    remedy:
      "relieve the node until it says that disk pressure is over, or tolerate node.kubernetes.io/disk-pressure",
    done: { asked: { tolerations: [{ ...toleration, key: "node.kubernetes.io/disk-pressure" }] } },
  },
];

function judge(snapshot: NodeSnapshot, asked: Partial<PlacementRequirements>) {
  const wanted = requirements({ image: "oci://r/a", ...asked });
  return rules.flatMap((plugin) => {
    const verdict = plugin.prepare(wanted)?.(viewOf(snapshot, 0)) ?? { kind: "success" };
    return verdict.kind === "success" ? [] : [{ plugin: plugin.name, reasons: verdict.reasons }];
  });
}

test.each(rows)("remedy: $name", ({ plugin, node, there, asked = {}, remedy, done }) => {
  const before: NodeSnapshot = { ...emptyNode, node: aNode("n1", node), ...there };
  expect(judge(before, asked)).toMatchObject([{ plugin, reasons: [{ remedy }] }]);
  const after: NodeSnapshot = "asked" in done ? before : { ...before, ...done };
  expect(judge(after, "asked" in done ? { ...asked, ...done.asked } : asked)).toEqual([]);
});

test("remedy: every rule about nodes has one", () => {
  expect(new Set(rows.map(({ plugin }) => plugin))).toEqual(new Set(rules.map(({ name }) => name)));
});
