/**
 * What the scheduler knows, as plain data. `core` reads and returns these; one loop (`scheduler/engine`) owns the
 * mutable state behind them.
 */

import type { AffinityTerm, LabelSelector, NodeSelectorTerm } from "../../api/gen/kinds.gen.ts";
import type { HostFolder } from "../../api/host-paths.ts";
import type { Isolation } from "../../api/isolation.ts";
import type { ListenPlace, ListenRule } from "../../api/listen-rules.ts";

export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

export interface NodeCapacity extends Resources {
  readonly instances: number;
  /** Of the instances, those that have a process of their own. */
  readonly processes: number;
  /** Of extended resources, by name; {@link noAmounts} in the usual case, so that it costs nothing to compare. */
  readonly extended: Amounts;
}

export type Amounts = ReadonlyMap<string, number>;

export const noAmounts: Amounts = new Map();

/** Ratios, above 0, of what may be promised to what there is. */
export interface Overcommit {
  readonly cpu: number;
  readonly memory: number;
}

export const noOvercommit: Overcommit = { cpu: 1, memory: 1 };

/** Nothing is evicted on silence alone: a silent node is suspect, and lost only after `lostAfter`. */
export type NodeConnection =
  | { readonly kind: "connected" }
  | { readonly kind: "suspect"; readonly sinceMs: number }
  | { readonly kind: "lost" };

export interface NodeTaint {
  readonly key: string;
  readonly value: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** What a node last said of itself, such as MemoryPressure. */
export interface NodeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
  readonly transitionMs: number;
}

/** What of the machine a node gives to instances. */
export interface NodeGrants {
  /** Folders that hostPath volumes and modules from files may be in or below; plain paths. */
  readonly hostPaths: readonly HostFolder[];
  readonly listen: readonly ListenRule[];
}

export interface ClusterNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly NodeTaint[];
  readonly unschedulable: boolean;
  /** What placement may promise of it, overcommit included. */
  readonly allocatable: NodeCapacity;
  /** By how much that differs from what it has: `allocatable` divided by it is what there is. */
  readonly overcommit: Overcommit;
  /** undefined: not known, so only the node itself can refuse. */
  readonly grants: NodeGrants | undefined;
  readonly runtimes: readonly {
    readonly name: string;
    readonly version: string;
    readonly features: readonly string[];
  }[];
  readonly connection: NodeConnection;
  /** As last reported; empty until then. */
  readonly conditions: readonly NodeCondition[];
  /** Owners of instances that it evicted since it was last without pressure. */
  readonly evictedOwners: ReadonlySet<string>;
}

export type WorkloadKind = "WasmDeployment" | "WasmDaemonSet" | "WasmJob";

export interface Owner {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly uid: string;
}

/** A job's completion: the first accepted result for an index wins. `attempt` counts from 0. */
export interface Slot {
  readonly index: number;
  readonly attempt: number;
}

export interface Termination {
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly finishedMs: number;
}

export type InstancePhase = "Pending" | "Running" | "Succeeded" | "Failed";

/** What a node last said of an instance. `sequence` grows with each change; an older report never wins. */
export interface ObservedStatus {
  readonly phase: InstancePhase;
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly restarts: number;
  readonly startedMs: number | undefined;
  /** Since when it has been ready without a break, by the scheduler's clock; undefined: it is not ready, or its daemon does not say. */
  readonly readySinceMs: number | undefined;
  readonly finishedMs: number | undefined;
  readonly lastTermination: Termination | undefined;
  readonly logsDropped: boolean;
  readonly sequence: number;
  /** What it really has, which may be more than was asked for; undefined before its first start. */
  readonly isolation: Isolation | undefined;
}

/** Where an instance is on its way. Each state carries only what is valid in it. */
export type InstanceState =
  | {
      readonly kind: "pending";
      readonly reason: string;
      readonly message: string;
      /** Where its footprint is reserved until others have left that node for it. */
      readonly nominatedNode: string | undefined;
    }
  | { readonly kind: "bound"; readonly nodeName: string; readonly observed: ObservedStatus | undefined }
  /** Told to stop; kept until its node confirms the end, or the node is lost. */
  | { readonly kind: "stopping"; readonly nodeName: string; readonly observed: ObservedStatus | undefined }
  /** Over: by its own end, or because its node is lost (reason NodeLost). Kept until the controller has counted it. */
  | { readonly kind: "ended"; readonly nodeName: string; readonly observed: ObservedStatus };

export interface Instance {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly owner: Owner;
  /** Names the resolved template (with ConfigMaps and Secrets) by content. */
  readonly templateId: string;
  /** The hash of the owner's template alone. */
  readonly templateHash: string;
  readonly requests: Resources;
  /** What it may use at most; 0: no limit. Placement ignores it, quotas count it. */
  readonly limits: Resources;
  /** What it was made for: what its template asks for, or a process where its module was found to need one. */
  readonly isolation: Isolation;
  /** Of its PriorityClass when it was made; 0 without one. */
  readonly priority: number;
  /** The class; empty without one. */
  readonly priorityClass: string;
  /** Whether others may be stopped to make room for it while it waits: its class' preemptionPolicy when it was made. */
  readonly preempts: boolean;
  /** What it holds of its node beside its requests, and what it asks of neighbours. Shared by all of its template. */
  readonly claims: InstanceClaims;
  /** Whether its job had an activeDeadlineSeconds when it was made: the quota scope Terminating. */
  readonly hasDeadline: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly slot: Slot | undefined;
  /** The only node that it may have: of daemon sets, and of moves. Of what a node reported, known of daemon sets only. */
  readonly targetNode: string | undefined;
  /**
   * Why it should go (its node is drained, a better one is free): its controller makes another one first where it can. Known to
   * this leader only: whoever wanted it gone must ask the next one again.
   */
  readonly leaving: string | undefined;
  readonly createdMs: number;
  readonly state: InstanceState;
}

/** A template that a workload has or had; kept as a ControllerRevision. */
export interface Revision {
  readonly templateHash: string;
  /** From 1 on. That of the current template is the highest. */
  readonly number: number;
  /** A route names it. */
  readonly isPinned?: boolean;
}

export interface HostPort {
  /** In its shortest form: 127.0.0.1, 0.0.0.0, ::. */
  readonly address: string;
  /** Never 0. */
  readonly port: number;
  /** The uid of the workload whose instances hold it together; undefined: one holds it alone. */
  readonly sharer?: string;
}

/** Where an instance wants to be in relation to others. Terms name their namespaces and have their label keys resolved. */
export interface InstanceAffinity {
  readonly near: readonly AffinityTerm[];
  readonly apart: readonly AffinityTerm[];
  /** Weights of the preferred terms: above 0 near, below 0 apart. */
  readonly preferred: readonly { readonly weight: number; readonly term: AffinityTerm }[];
}

/**
 * What a placed instance holds of its node beside requests, an instance and a process, and what it asks of its neighbours: it
 * binds later placements of others. Travels with the assignment, so that a new leader has it from the nodes.
 */
export interface InstanceClaims {
  readonly extended: Amounts;
  readonly ports: readonly HostPort[];
  readonly affinity: InstanceAffinity;
  /** Of taints NoExecute, which may come later. */
  readonly tolerations: readonly Toleration[];
}

export interface Toleration {
  /** Empty with Exists: every key. */
  readonly key: string;
  readonly operator: "Exists" | "Equal";
  readonly value: string;
  /** Empty: every effect. */
  readonly effect: string;
  /** How long a taint NoExecute is tolerated, not negative; for ever if absent. */
  readonly seconds?: number | undefined;
}

export const noAffinity: InstanceAffinity = { near: [], apart: [], preferred: [] };
export const noClaims: InstanceClaims = {
  extended: noAmounts,
  ports: [],
  affinity: noAffinity,
  tolerations: [],
};

export interface NodeAffinity {
  /** One of them must match; undefined: no requirement. */
  readonly required: readonly NodeSelectorTerm[] | undefined;
  readonly preferred: readonly { readonly weight: number; readonly term: NodeSelectorTerm }[];
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/ */
export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  /** false: only a preference. */
  readonly isRequired: boolean;
  /** With its label keys resolved; selects in the instance's own namespace. */
  readonly selector: LabelSelector;
  readonly minDomains: number;
  readonly honorsNodeAffinity: boolean;
  readonly honorsTaints: boolean;
}

/** What placement must know of a template; shared by all instances of it. */
export interface PlacementRequirements {
  /** The profile that decides; empty: the first. */
  readonly profile: string;
  readonly namespace: string;
  /** As its instances have them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: string;
  /** Comparisons that the runtime's version must pass, such as `>=14.6 <15`; empty: any. */
  readonly runtimeVersion: string;
  readonly runtimeFeatures: readonly string[];
  /** As the template names it. */
  readonly image: string;
  /** Where the node has the module's file, if it is one; relative to the first folder that the node offers. */
  readonly moduleFile: string | undefined;
  readonly requests: Resources;
  readonly isolation: Isolation;
  readonly claims: InstanceClaims;
  readonly nodeAffinity: NodeAffinity;
  readonly spread: readonly SpreadConstraint[];
  /** Paths of hostPath volumes, as the template has them. */
  readonly hostPaths: readonly string[];
  /** Port 0: any that is free. */
  readonly listeners: readonly ListenPlace[];
  /** The workload, for what a node has against it in particular. */
  readonly ownerUid: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
}

/**
 * Reasons of an instance's end that say nothing about the workload itself, so no backoff limit counts them. A node
 * says Stopped of an instance that was told to stop and did not succeed: only the reason outlives the scheduler.
 */
export const disruptionReasons: ReadonlySet<string> = new Set([
  "NodeLost",
  "NodeShutdown",
  "Evicted",
  // Its node has a taint NoExecute that it does not tolerate.
  "TaintEviction",
  // It should go (its node is drained, a better one is free), and the budgets allowed it.
  "Eviction",
  // Stopped for an instance of a higher priority.
  "Preempted",
  "Stopped",
  // A node that was cut off stopped it by itself, or had never heard of it.
  "Disconnected",
  "NotFound",
]);
