import { expect, test } from "vitest";
import {
  aDeployment,
  anInstance,
  bound,
  ended,
  pending,
  ready,
  recreate,
  rolling,
  startMs,
  stopping,
  unready,
} from "../../testing/builders.ts";
import type { Instance, InstanceState } from "../../model.ts";
import type { Step } from "../step.ts";
import { reconcileDeployment, type DeploymentInput } from "./deployment.ts";

const nowMs = startMs + 60_000;

function run({ refusal, ...input }: Partial<DeploymentInput> & { readonly refusal?: string }) {
  const deployment = aDeployment();
  return reconcileDeployment({
    deployment,
    templateHash: "h1",
    revisions: [{ templateHash: "h1", number: 1 }],
    instances: [],
    refusalOf: () => refusal,
    nowMs,
    ...input,
  });
}

/** Several instances with consecutive uids: `many("a", 2, …)` is a0 and a1. */
function many(prefix: string, count: number, state: InstanceState, templateHash = "h1"): Instance[] {
  return Array.from({ length: count }, (_, i) => anInstance(`${prefix}${i}`, { state, templateHash }));
}

/** Steps in short: `+2`, `-uid`, `forget uid`. */
function brief(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case "createInstances":
        return [`+${step.count}`];
      case "stopInstance":
        return [`-${step.uid}`];
      case "forgetInstance":
        return [`forget ${step.uid}`];
      default:
        return [];
    }
  });
}

test.each([
  { name: "nothing exists", spec: { replicas: 3 }, instances: [], expected: ["+3"] },
  { name: "one is missing", spec: { replicas: 3 }, instances: many("a", 2, ready()), expected: ["+1"] },
  { name: "as declared", spec: { replicas: 3 }, instances: many("a", 3, ready()), expected: [] },
  {
    name: "stopping ones count as gone",
    spec: { replicas: 2 },
    instances: [...many("a", 1, ready()), ...many("s", 1, stopping())],
    expected: ["+1"],
  },
  {
    name: "ended ones are replaced and forgotten",
    spec: { replicas: 2 },
    instances: [...many("a", 1, ready()), ...many("e", 1, ended("Failed", "NodeLost"))],
    expected: ["+1", "forget e0"],
  },
  {
    name: "old ones without a node go at once, however few may be unavailable",
    spec: { replicas: 3, strategy: rolling(0, 1) },
    instances: [...many("p", 2, pending, "h0"), ...many("r", 1, ready(), "h0")],
    expected: ["-p0", "-p1"],
  },
  {
    name: "scale down takes pending before not ready before ready",
    spec: { replicas: 1 },
    instances: [...many("r", 1, ready()), ...many("u", 1, unready()), ...many("p", 1, pending)],
    expected: ["-p0", "-u0"],
  },
  {
    name: "scale down takes from the fuller node, and of its instances the youngest",
    spec: { replicas: 2 },
    instances: [
      anInstance("a", { state: ready("n1"), createdMs: 1 }),
      anInstance("b", { state: ready("n1"), createdMs: 2 }),
      anInstance("c", { state: ready("n1"), createdMs: 3 }),
      anInstance("d", { state: ready("n2"), createdMs: 9 }),
    ],
    expected: ["-c", "-b"],
  },
  {
    name: "scale to zero",
    spec: { replicas: 0 },
    instances: many("a", 2, ready()),
    expected: ["-a0", "-a1"],
  },
  {
    name: "an update creates up to the surge and takes what may be unavailable",
    spec: { replicas: 4, strategy: rolling(1, 1) },
    instances: many("o", 4, ready(), "h0"),
    expected: ["+1", "-o3"],
  },
  {
    name: "an update takes old ones that serve nobody first",
    spec: { replicas: 4, strategy: rolling(1, 1) },
    instances: [...many("o", 3, ready(), "h0"), ...many("u", 1, unready(), "h0")],
    expected: ["+1", "-u0"],
  },
  {
    name: "an update waits for new ones to become available",
    spec: { replicas: 4, strategy: rolling(1, 0) },
    instances: [...many("o", 4, ready(), "h0"), ...many("n", 1, unready())],
    expected: [],
  },
  {
    name: "an update goes on once a new one is available",
    spec: { replicas: 4, strategy: rolling(1, 0) },
    instances: [...many("o", 4, ready(), "h0"), ...many("n", 1, ready())],
    expected: ["-o3"],
  },
  {
    name: "surge and unavailable round to nothing: one may be unavailable",
    spec: { replicas: 2, strategy: rolling("0%", "1%") },
    instances: many("o", 2, ready(), "h0"),
    expected: ["-o1"],
  },
  {
    name: "old ones that never worked do not block an update",
    spec: { replicas: 3, strategy: rolling(1, 0) },
    instances: many("o", 3, unready(), "h0"),
    expected: ["+1"],
  },
  {
    name: "scaling down during an update keeps the new ones",
    spec: { replicas: 2, strategy: rolling(1, 0) },
    instances: [...many("o", 4, ready(), "h0"), ...many("n", 2, ready())],
    expected: ["-o0", "-o1", "-o2", "-o3"],
  },
  {
    name: "recreate stops all old ones first",
    spec: { replicas: 2, strategy: recreate },
    instances: many("o", 2, ready(), "h0"),
    expected: ["-o0", "-o1"],
  },
  {
    name: "recreate waits for them to end",
    spec: { replicas: 2, strategy: recreate },
    instances: many("o", 2, stopping(), "h0"),
    expected: [],
  },
  {
    name: "recreate then creates",
    spec: { replicas: 2, strategy: recreate },
    instances: many("o", 2, ended("Failed", "Stopped"), "h0"),
    expected: ["+2", "forget o0", "forget o1"],
  },
])("reconcileDeployment: $name", ({ spec, instances, expected }) => {
  const { steps } = run({
    deployment: aDeployment(spec),
    instances,
  });
  expect(brief(steps)).toEqual(expected);
});

test("reconcileDeployment: the place of an instance that a node refused stays empty for a while", () => {
  const refused = anInstance("e", { state: ended("Failed", "OutOfMemory"), createdMs: nowMs - 1_000 });
  const input = { deployment: aDeployment({ replicas: 1 }), instances: [refused] };
  const first = run({ ...input, nowMs });
  expect(first).toMatchObject({ steps: [], wakeAtMs: nowMs + 4_000 });
  const later = run({ ...input, nowMs: nowMs + 4_000 });
  expect(brief(later.steps)).toEqual(["+1", "forget e"]);
});

test.each([
  { name: "Evicted, long after it was made", reason: "Evicted", ageMs: 60_000, steps: ["+1", "forget e"] },
  { name: "Evicted right after it was made", reason: "Evicted", ageMs: 1_000, steps: [] },
  {
    name: "refused before the clock was set back",
    reason: "OutOfMemory",
    ageMs: -3_600_000,
    steps: ["+1", "forget e"],
  },
])("reconcileDeployment: replaces what is $name", ({ reason, ageMs, steps }) => {
  const evicted = anInstance("e", { state: ended("Failed", reason), createdMs: nowMs - ageMs });
  expect(brief(run({ deployment: aDeployment({ replicas: 1 }), instances: [evicted] }).steps)).toEqual(steps);
});

test.each([
  {
    name: "nothing is made, and the status says why",
    spec: { replicas: 3 },
    instances: many("a", 1, ready()),
    steps: [],
    reasons: [
      "MinimumReplicasUnavailable",
      "InstancesUpdating",
      "FailedCreate",
      "InstancesUpdating",
      "InstancesUpdating",
    ],
  },
  {
    name: "an update takes no more than may be unavailable",
    spec: { replicas: 4, strategy: rolling(1, 1) },
    instances: many("o", 4, ready(), "h0"),
    steps: ["-o3"],
    reasons: [
      "MinimumReplicasAvailable",
      "InstancesUpdating",
      "FailedCreate",
      "InstancesUpdating",
      "InstancesUpdating",
    ],
  },
  {
    name: "what is complete misses nothing",
    spec: { replicas: 1 },
    instances: many("a", 1, ready()),
    steps: [],
    reasons: ["MinimumReplicasAvailable", "NewInstancesAvailable", "InstancesAvailable"],
  },
])("reconcileDeployment: when no instance can be made: $name", ({ spec, instances, steps, reasons }) => {
  const result = run({ deployment: aDeployment(spec), instances, refusal: "no PriorityClass" });
  expect(brief(result.steps)).toEqual(steps);
  expect(result.status.conditions?.map(({ reason }) => reason)).toEqual(reasons);
  const events = result.steps.filter((step) => step.kind === "recordEvent");
  expect(events.map(({ message }) => message)).toEqual(
    reasons.includes("FailedCreate") ? ["Error creating: no PriorityClass"] : [],
  );
});

test("reconcileDeployment: an instance that is not ready is not available, whatever its phase", () => {
  const { status } = run({ deployment: aDeployment({ replicas: 1 }), instances: many("u", 1, unready()) });
  expect(status).toMatchObject({ readyReplicas: 0, availableReplicas: 0, ready: "0/1" });
});

test("reconcileDeployment: a deleted deployment stops everything", () => {
  const deployment = aDeployment({}, undefined, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const instances = [...many("a", 1, ready()), ...many("e", 1, ended("Failed", "NodeLost"))];
  const { steps } = run({ deployment, instances });
  expect(brief(steps)).toEqual(["-a0", "forget e0"]);
});

test("reconcileDeployment: status counts, and conditions as of a Deployment", () => {
  const instances = [...many("a", 3, ready()), ...many("u", 1, unready()), ...many("o", 1, ready(), "h0")];
  const deployment = aDeployment({ replicas: 5, strategy: rolling(0, 0) });
  const { status } = run({ deployment, instances });
  expect(status).toMatchObject({
    observedGeneration: 1,
    replicas: 5,
    updatedReplicas: 4,
    readyReplicas: 4,
    availableReplicas: 4,
    unavailableReplicas: 1,
    ready: "4/5",
    selector: "wherry.dev/deployment=web",
    conditions: [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
      { type: "Progressing", status: "True", reason: "InstancesUpdating" },
      { type: "Ready", status: "False", reason: "InstancesUpdating" },
      { type: "Reconciling", status: "True", reason: "InstancesUpdating" },
    ],
  });
});

test("reconcileDeployment: an unchanged status is the same object, and a transition keeps its time", () => {
  const instances = many("a", 3, ready());
  const first = run({
    deployment: aDeployment({ replicas: 3 }),
    instances,
  });
  expect(first.status.conditions?.[1]).toMatchObject({ reason: "NewInstancesAvailable" });
  const deployment = aDeployment({ replicas: 3 }, first.status);
  const second = run({ deployment, instances, nowMs: nowMs + 9_000 });
  expect(second.status).toBe(first.status);

  const broken = many("a", 3, unready());
  const third = run({
    deployment,
    instances: broken,
    nowMs: nowMs + 9_000,
  });
  expect(third.status.conditions).toMatchObject([
    { status: "False", reason: "MinimumReplicasUnavailable", lastTransitionTime: "2026-01-01T00:01:09Z" },
    { status: "True", reason: "NewInstancesAvailable", lastTransitionTime: "2026-01-01T00:01:00Z" },
    { type: "Ready", status: "False", reason: "InstancesUnavailable" },
    { type: "Reconciling", status: "True", reason: "InstancesUnavailable" },
  ]);
});

test("reconcileDeployment: what remains after a large scale down is spread", () => {
  const instances = Array.from({ length: 10_000 }, (_, i) =>
    anInstance(`i${i}`, { state: bound(`n${Math.floor(Math.sqrt(i))}`, {}), createdMs: i }),
  );
  const input = { deployment: aDeployment({ replicas: 100 }), instances };
  const stopped = new Set(brief(run(input).steps).map((step) => step.slice(1)));
  const remaining = instances.filter(({ uid }) => !stopped.has(uid));
  const nodes = new Set(remaining.map(({ state }) => (state.kind === "bound" ? state.nodeName : "")));
  expect(remaining).toHaveLength(100);
  expect(nodes.size).toBe(100);
});
