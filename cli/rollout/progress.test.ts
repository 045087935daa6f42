import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { readIdleness, readProgress, requireRolling, troublesOf } from "./progress.ts";
import { asWorkload } from "./workload.ts";

const resource = (kind: string, group = "wherry.dev") => ({
  group,
  version: "v1alpha1",
  plural: `${kind.toLowerCase()}s`,
  singular: kind.toLowerCase(),
  kind,
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: [],
});
const deployment = asWorkload(resource("WasmDeployment"), "default", "web");
const daemonSet = asWorkload(resource("WasmDaemonSet"), "default", "web");

function object(spec: object, status: object, generation = 2): ApiObject {
  const metadata = {
    name: "web",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    generation,
  };
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "K",
    metadata,
    spec,
    status: { observedGeneration: 2, ...status },
  };
}

const condition = (type: string, status: string, reason: string, message = "") => ({
  type,
  status,
  reason,
  message,
});
const counts = (updated: number, available: number, replicas = updated) => ({
  replicas,
  updatedReplicas: updated,
  readyReplicas: available,
  availableReplicas: available,
});

test.each([
  {
    name: "no status",
    spec: { replicas: 3 },
    status: { observedGeneration: undefined },
    kind: "waiting",
    text: "Waiting for wasmdeployment spec update to be observed...",
  },
  {
    name: "a status of an earlier spec",
    spec: { replicas: 3 },
    status: { ...counts(3, 3), observedGeneration: 1 },
    kind: "waiting",
    text: "Waiting for wasmdeployment spec update to be observed...",
  },
  {
    name: "too few of them",
    spec: { replicas: 3 },
    status: counts(1, 3, 4),
    kind: "waiting",
    text: 'Waiting for wasmdeployment "web" rollout to finish: 1 out of 3 new instances have been updated...',
  },
  {
    name: "too few while it is paused",
    spec: { replicas: 3, paused: true },
    status: counts(1, 3, 4),
    kind: "waiting",
    text: 'Waiting for wasmdeployment "web" rollout to finish: 1 out of 3 new instances have been updated (it is paused)...',
  },
  {
    name: "old ones",
    spec: { replicas: 3 },
    status: counts(3, 3, 4),
    kind: "waiting",
    text: 'Waiting for wasmdeployment "web" rollout to finish: 1 old instances are pending termination...',
  },
  {
    name: "some not available",
    spec: { replicas: 3 },
    status: counts(3, 2),
    kind: "waiting",
    text: 'Waiting for wasmdeployment "web" rollout to finish: 2 of 3 updated instances are available...',
  },
  {
    name: "all",
    spec: { replicas: 3 },
    status: counts(3, 3),
    kind: "done",
    text: 'wasmdeployment "web" successfully rolled out',
  },
  {
    name: "one by default",
    spec: {},
    status: counts(1, 1),
    kind: "done",
    text: 'wasmdeployment "web" successfully rolled out',
  },
  {
    name: "none wanted",
    spec: { replicas: 0 },
    status: counts(0, 0),
    kind: "done",
    text: 'wasmdeployment "web" successfully rolled out',
  },
  {
    name: "past its deadline",
    spec: { replicas: 3 },
    status: {
      ...counts(1, 3, 4),
      conditions: [condition("Progressing", "False", "ProgressDeadlineExceeded", "no news for 600s")],
    },
    kind: "failed",
    text: 'wasmdeployment "web" exceeded its progress deadline: no news for 600s',
  },
  {
    name: "past the deadline of an earlier spec",
    spec: { replicas: 3 },
    status: {
      observedGeneration: 1,
      conditions: [condition("Progressing", "False", "ProgressDeadlineExceeded")],
    },
    kind: "waiting",
    text: "Waiting for wasmdeployment spec update to be observed...",
  },
  {
    name: "stalled for another reason",
    spec: { replicas: 3 },
    status: {
      ...counts(1, 3, 4),
      conditions: [condition("Stalled", "True", "BadSelector", "it selects nothing")],
    },
    kind: "failed",
    text: 'wasmdeployment "web" is stalled: it selects nothing',
  },
  {
    name: "gone back by itself",
    spec: { replicas: 3 },
    status: {
      ...counts(0, 3, 3),
      conditions: [condition("RolledBack", "True", "R", "to revision 3"), condition("Stalled", "True", "R")],
    },
    kind: "failed",
    text: 'wasmdeployment "web" was rolled back: to revision 3',
  },
])("readProgress of a deployment: $name", ({ spec, status, kind, text }) => {
  expect(readProgress(deployment, object(spec, status))).toMatchObject({ kind, text });
});

const nodes = (desired: number, updated: number, available: number) => ({
  desiredNumberScheduled: desired,
  updatedNumberScheduled: updated,
  numberAvailable: available,
});

test.each([
  {
    name: "too few",
    status: nodes(5, 2, 5),
    kind: "waiting",
    text: 'Waiting for wasmdaemonset "web" rollout to finish: 2 out of 5 new instances have been updated...',
  },
  {
    name: "not available",
    status: nodes(5, 5, 4),
    kind: "waiting",
    text: 'Waiting for wasmdaemonset "web" rollout to finish: 4 of 5 updated instances are available...',
  },
  { name: "all", status: nodes(5, 5, 5), kind: "done", text: 'wasmdaemonset "web" successfully rolled out' },
  {
    name: "no node matches",
    status: nodes(0, 0, 0),
    kind: "done",
    text: 'wasmdaemonset "web" successfully rolled out',
  },
])("readProgress of a daemon set: $name", ({ status, kind, text }) => {
  expect(readProgress(daemonSet, object({}, status))).toMatchObject({ kind, text });
});

test("troublesOf: the conditions that say what is in the way", () => {
  const conditions = [
    condition("Available", "False", "A"),
    condition("ReplicaFailure", "True", "FailedCreate", "no quota"),
  ];
  expect(troublesOf(object({}, { conditions }))).toEqual(["ReplicaFailure is True (FailedCreate): no quota"]);
});

test.each([
  { name: "not told", spec: {}, status: {}, expected: undefined },
  { name: "no time at all", spec: {}, status: { rollout: { progressTime: "soon" } }, expected: undefined },
  {
    name: "with a deadline",
    spec: { progressDeadlineSeconds: 60 },
    status: { rollout: { progressTime: "2026-01-01T00:00:00Z" } },
    expected: { idleMs: 30_000, deadlineMs: 60_000 },
  },
  {
    name: "without end",
    spec: { progressDeadlineSeconds: 2_147_483_647 },
    status: { rollout: { progressTime: "2026-01-01T00:00:00Z" } },
    expected: { idleMs: 30_000, deadlineMs: undefined },
  },
  {
    name: "by a clock that is ahead",
    spec: {},
    status: { rollout: { progressTime: "2026-01-01T01:00:00Z" } },
    expected: { idleMs: 0, deadlineMs: undefined },
  },
])("readIdleness: $name", ({ spec, status, expected }) => {
  expect(readIdleness(object(spec, status), Date.UTC(2026, 0, 1, 0, 0, 30))).toEqual(expected);
});

test("requireRolling: refuses daemon sets that are updated by hand", () => {
  expect(() => requireRolling(object({ updateStrategy: { type: "OnDelete" } }, {}))).toThrow(
    "only available for RollingUpdate",
  );
  expect(() => requireRolling(object({ updateStrategy: { type: "RollingUpdate" } }, {}))).not.toThrow();
});

test.each([
  { name: "a job", resource: resource("WasmJob"), namespace: "default" },
  { name: "a deployment of Kubernetes", resource: resource("Deployment", "apps"), namespace: "default" },
  { name: "another group's", resource: resource("WasmDeployment", "example.com"), namespace: "default" },
])("asWorkload: refuses $name", ({ resource: one, namespace }) => {
  expect(() => asWorkload(one, namespace, "x")).toThrow(
    "has no rollouts; wasmdeployments and wasmdaemonsets have",
  );
});
