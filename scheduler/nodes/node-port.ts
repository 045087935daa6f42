/** What the engine and the node sessions say to each other, in the scheduler's own words (see wire.ts for gRPC's). */
import type { VolumeContent } from "../core/templates/resolve-template.ts";
import type { Instance, NodeCapacity, NodeCondition, NodeGrants, ObservedStatus } from "../core/model.ts";
import type { ModuleState } from "../core/placement/snapshot.ts";
import type { LogOptions } from "../apiserver/live-resource.ts";

export interface NodeHello {
  readonly name: string;
  readonly daemonVersion: string;
  readonly bootId: string;
  readonly capacity: NodeCapacity;
  readonly allocatable: NodeCapacity;
  readonly runtimes: readonly {
    readonly name: string;
    readonly version: string;
    readonly features: readonly string[];
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  /** undefined: a daemon that does not say. */
  readonly grants: NodeGrants | undefined;
  /** undefined: it has none. */
  readonly gateway: NodeGateway | undefined;
  /** Where Prometheus reads its metrics, HOST:PORT; undefined: nowhere. */
  readonly metricsAddress: string | undefined;
}

/** Where a node's gateway is reached. */
export interface NodeGateway {
  /** By gateways of other nodes; HOST:PORT. */
  readonly address: string;
  /** By clients, such as http://10.0.0.7:8080; the plain ones first. */
  readonly urls: readonly string[];
}

/** A workload as a gateway has to know it. */
export interface GatewayWorkload {
  readonly uid: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  /** Whether a request for it while it has no instances is to wake it up. */
  readonly wakes: boolean;
  /** Other nodes with ready instances, and how many of each template. */
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly ready: readonly { readonly templateHash: string; readonly count: number }[];
  }[];
}

export interface GatewayCertificate {
  /** NAMESPACE/NAME. */
  readonly name: string;
  readonly chainPem: Uint8Array;
  readonly keyPem: Uint8Array;
}

/** A route for gateways: api/route-table.ts as JSON. */
export interface GatewayRoute {
  readonly uid: string;
  readonly entryJson: Uint8Array;
}

/** What a gateway is to know from now on. It takes effect as a whole. */
export interface GatewayUpdate {
  /** Whether it takes the place of all that was said before. */
  readonly complete: boolean;
  readonly routes: readonly GatewayRoute[];
  readonly removedRoutes: readonly string[];
  readonly workloads: readonly GatewayWorkload[];
  readonly removedWorkloads: readonly string[];
  readonly certificates: readonly GatewayCertificate[];
  readonly removedCertificates: readonly string[];
  /** Public keys, PEM, of those who sign tickets for calls: in a complete update all that hold; else new ones. */
  readonly ticketKeys: readonly string[];
}

/** An instance as a node holds it: what it was assigned, and how it is. Its state is `bound` to that node. */
export interface HeldInstance {
  readonly instance: Instance;
  readonly status: ObservedStatus;
}

export interface InstanceUsage {
  readonly uid: string;
  readonly cpuUs: number;
  readonly memoryBytes: number;
  /** Units of work of this run. */
  readonly fuel: number;
  /** How long this run was held back by its CPU limit. */
  readonly throttledUs: number;
  /** How long ago that was so. */
  readonly ageMs: number;
}

/** What a node's gateway has counted of requests for a workload. */
export interface WorkloadTraffic {
  /** Of the workload. */
  readonly uid: string;
  /** Since the node's daemon has started. */
  readonly arrived: number;
  readonly inFlight: number;
  /** Those of them that no instance works on. */
  readonly queued: number;
}

/** A module on a node, as templates name it. */
export interface NodeModule {
  readonly image: string;
  readonly state: ModuleState | "gone";
}

/** A template as nodes get it. */
export interface NodeTemplate {
  /** Names the spec by its content, and the owner where there are files. */
  readonly id: string;
  readonly specJson: Uint8Array;
  readonly contents: readonly VolumeContent[];
  /** Names the files by their content. Empty: there are no volumes with files. */
  readonly contentsId: string;
}

export type Contents = Pick<NodeTemplate, "contents" | "contentsId">;

/** What instances of a template see; undefined: what they have stays. */
export type ContentsOf = (templateHash: string) => Contents | undefined;

/** Why an instance is told to stop, where it was not its workload's doing. */
export interface StopReason {
  readonly reason: "Preempted" | "TaintEviction" | "Eviction";
  readonly message: string;
}

/** Commands to one connected node. They are queued, batched and never fail: a session that ends loses them, and the node's next inventory tells what arrived. */
export interface NodeSession {
  readonly nodeName: string;
  /** `traceparent`: the trace that the node goes on with. */
  assign(instance: Instance, template: NodeTemplate, traceparent?: string): void;
  /** `why` becomes the reason of its end; without it the node says Stopped. */
  stop(uid: string, graceMs: number | undefined, why?: StopReason): void;
  acknowledge(uid: string): void;
  /**
   * The node's instances of this owner see these files from now on. What the node has already is not sent. Answers with
   * the bytes that will be.
   */
  updateContents(ownerUid: string, contentsOf: ContentsOf): number;
  /** Those whose instances see files that may change. */
  contentsOwners(): Iterable<string>;
  /** Only to nodes that have a gateway. Of what waits to be sent only the newest is. Answers with the bytes, about. */
  updateGateway(update: GatewayUpdate): number;
  /** Rejects with a `WherryError` NodeUnreachable or LogUnavailable. */
  openLog(uid: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(reason: string): void;
}

/** What sessions tell the engine, in order per node. Must not throw. */
export interface NodeListener {
  /** Answers whether the node may stay; a text refuses it with that reason. */
  connected(hello: NodeHello, session: NodeSession): string | undefined;
  inventory(session: NodeSession, held: readonly HeldInstance[], done: boolean): void;
  statuses(
    session: NodeSession,
    statuses: readonly { readonly uid: string; readonly status: ObservedStatus }[],
  ): void;
  usages(session: NodeSession, usages: readonly InstanceUsage[]): void;
  /** Of workloads for which it has changed; of all after each hello, before the inventory is done. */
  traffic(session: NodeSession, workloads: readonly WorkloadTraffic[]): void;
  /** All that the node says of itself; comes whenever one of them has changed. */
  conditions(session: NodeSession, conditions: readonly NodeCondition[]): void;
  /** Which modules the node has: all of them (complete), or what has changed. */
  modules(session: NodeSession, modules: readonly NodeModule[], complete: boolean): void;
  /** Requests wait at the node's gateway for these workloads, which have no instance. */
  wakeUp(session: NodeSession, workloadUids: readonly string[]): void;
  disconnected(session: NodeSession): void;
}
