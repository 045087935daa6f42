/** Builders for tests and benchmarks: complete values with defaults, of which a test names only what it is about. */
import { imagePath } from "../../../api/host-paths.ts";
import type {
  WasmDaemonSet,
  WasmDaemonSetSpec,
  WasmDaemonSetStatus,
  WasmDeployment,
  WasmDeploymentSpec,
  WasmDeploymentStatus,
  WasmJob,
  WasmJobSpec,
  WasmJobStatus,
} from "../../../api/gen/kinds.gen.ts";
import type { ApiObject, ObjectMeta } from "../../../api/object-meta.ts";
import {
  type ClusterNode,
  type Instance,
  type InstanceState,
  noAmounts,
  noClaims,
  noOvercommit,
  type NodeCapacity,
  type ObservedStatus,
  type PlacementRequirements,
  type Slot,
} from "../model.ts";
import type { QuotaSubject } from "../quota/check-quotas.ts";
import { chargeOf, traitsOf } from "../quota/compute-resources.ts";

export const startMs = Date.UTC(2026, 0, 1);

export function aNode(name: string, overrides: Partial<ClusterNode> = {}): ClusterNode {
  return {
    name,
    labels: {},
    taints: [],
    unschedulable: false,
    allocatable: aCapacity(),
    overcommit: noOvercommit,
    grants: undefined,
    runtimes: [{ name: "v8", version: "14.6", features: ["isolation-process"] }],
    connection: { kind: "connected" },
    conditions: [],
    evictedOwners: new Set(),
    ...overrides,
  };
}

export function aCapacity(overrides: Partial<NodeCapacity> = {}): NodeCapacity {
  return {
    cpuMillis: 4_000,
    memoryBytes: 8 * 2 ** 30,
    instances: 1_000,
    processes: 100,
    extended: noAmounts,
    ...overrides,
  };
}

export function aStatus(overrides: Partial<ObservedStatus> = {}): ObservedStatus {
  return {
    phase: "Running",
    ready: true,
    reason: "",
    message: "",
    exitCode: undefined,
    restarts: 0,
    startedMs: startMs,
    readySinceMs: startMs,
    finishedMs: undefined,
    lastTermination: undefined,
    logsDropped: false,
    sequence: 1,
    isolation: "shared",
    ...overrides,
  };
}

export function anInstance(uid: string, overrides: Partial<Instance> = {}): Instance {
  return {
    uid,
    namespace: "default",
    name: `instance-${uid}`,
    owner: { kind: "WasmDeployment", name: "web", uid: "owner" },
    templateId: "template-1",
    templateHash: "h1",
    requests: { cpuMillis: 100, memoryBytes: 64 * 2 ** 20 },
    limits: { cpuMillis: 0, memoryBytes: 0 },
    isolation: "shared",
    priority: 0,
    priorityClass: "",
    preempts: true,
    claims: noClaims,
    hasDeadline: false,
    labels: {},
    annotations: {},
    slot: undefined,
    targetNode: undefined,
    leaving: undefined,
    createdMs: startMs,
    state: pending,
    ...overrides,
  };
}

export const pending: InstanceState = { kind: "pending", reason: "", message: "", nominatedNode: undefined };

export function bound(nodeName: string, status?: Partial<ObservedStatus>): InstanceState {
  return { kind: "bound", nodeName, observed: status === undefined ? undefined : aStatus(status) };
}

export function ready(nodeName = "n1"): InstanceState {
  return bound(nodeName, {});
}

export function unready(nodeName = "n1"): InstanceState {
  return bound(nodeName, { ready: false });
}

export function stopping(nodeName = "n1"): InstanceState {
  return { kind: "stopping", nodeName, observed: aStatus() };
}

export function ended(
  phase: "Succeeded" | "Failed",
  reason: string,
  overrides: Partial<ObservedStatus> = {},
): InstanceState {
  const observed = aStatus({ phase, ready: false, reason, finishedMs: startMs, sequence: 2, ...overrides });
  return { kind: "ended", nodeName: "n1", observed };
}

/** An instance of a job's slot. */
export function aTry(
  uid: string,
  slot: Slot,
  state: InstanceState,
  overrides: Partial<Instance> = {},
): Instance {
  const owner = { kind: "WasmJob", name: "work", uid: "job" } as const;
  return anInstance(uid, { owner, slot, state, ...overrides });
}

export function aMeta(name: string, overrides: Partial<ObjectMeta> = {}): ObjectMeta {
  return {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...overrides,
  };
}

export function aDeployment(
  spec: Partial<WasmDeploymentSpec> = {},
  status?: WasmDeploymentStatus,
  meta: Partial<ObjectMeta> = {},
): WasmDeployment {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: aMeta("web", meta),
    spec: {
      replicas: 3,
      strategy: rolling("25%", "25%"),
      minReadySeconds: 0,
      progressDeadlineSeconds: 600,
      autoRollback: false,
      paused: false,
      revisionHistoryLimit: 10,
      rolloutOnConfigChange: false,
      rebalancePolicy: "Never",
      template: aTemplate(),
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export function rolling(
  maxSurge: number | string,
  maxUnavailable: number | string,
): WasmDeploymentSpec["strategy"] {
  return { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
}

export const recreate: WasmDeploymentSpec["strategy"] = { ...rolling("25%", "25%"), type: "Recreate" };

export function aDaemonSet(
  spec: Partial<WasmDaemonSetSpec> = {},
  status?: WasmDaemonSetStatus,
  meta: Partial<ObjectMeta> = {},
): WasmDaemonSet {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    metadata: aMeta("agent", meta),
    spec: {
      updateStrategy: rollingDaemons(0, 1),
      minReadySeconds: 0,
      revisionHistoryLimit: 10,
      rolloutOnConfigChange: false,
      template: aTemplate(),
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export function rollingDaemons(
  maxSurge: number | string,
  maxUnavailable: number | string,
): WasmDaemonSetSpec["updateStrategy"] {
  return { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
}

export function aJob(
  spec: Partial<WasmJobSpec> = {},
  status?: WasmJobStatus,
  meta: Partial<ObjectMeta> = {},
): WasmJob {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata: aMeta("work", meta),
    spec: {
      completions: 1,
      parallelism: 1,
      suspend: false,
      backoffLimit: 6,
      placementPolicy: "Independent",
      template: aTemplate(),
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export function requirements(overrides: Partial<PlacementRequirements> = {}): PlacementRequirements {
  return {
    profile: "",
    namespace: "default",
    labels: {},
    runtime: "v8",
    runtimeVersion: "",
    runtimeFeatures: [],
    image: "file:///srv/web.wasm",
    moduleFile: imagePath(overrides.image ?? "file:///srv/web.wasm"),
    claims: noClaims,
    nodeAffinity: { required: undefined, preferred: [] },
    spread: [],
    hostPaths: [],
    listeners: [],
    requests: { cpuMillis: 100, memoryBytes: 64 * 2 ** 20 },
    isolation: "shared",
    ownerUid: "owner",
    nodeSelector: {},
    tolerations: [],
    ...overrides,
  };
}

function aTemplate(): WasmDeploymentSpec["template"] {
  return {
    metadata: { labels: { app: "web" } },
    spec: {
      module: { image: "file:///srv/web.wasm" },
      resources: {},
      terminationGracePeriodSeconds: 30,
      terminationMessagePolicy: "File",
      stopNotice: "none",
    },
  };
}

/** What quotas see of `anInstance`. */
export function aQuotaSubject(overrides: Partial<QuotaSubject> = {}): QuotaSubject {
  const instance = anInstance("subject");
  return {
    namespace: instance.namespace,
    workload: instance.owner.name,
    charge: chargeOf(instance),
    traits: traitsOf(instance),
    unspecified: new Set(["limits.cpu", "limits.memory"]),
    ...overrides,
  };
}

/** A ResourceQuota as the API has it. */
export function aResourceQuota(
  name: string,
  hard: Readonly<Record<string, string | number>>,
  spec: Readonly<Record<string, unknown>> = {},
): ApiObject {
  return { apiVersion: "v1", kind: "ResourceQuota", metadata: aMeta(name), spec: { hard, ...spec } };
}
