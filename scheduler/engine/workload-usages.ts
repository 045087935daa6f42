import type { ApiObject } from "../../api/object-meta.ts";
import type { WorkloadUsage, WorkloadUsageStatus } from "../../api/gen/kinds.gen.ts";
import { formatBytes, formatCpu } from "../../api/quantity.ts";
import type { Clock } from "../../kit/clock.ts";
import { lowerBound } from "../../kit/lower-bound.ts";
import type { MeasuredResource } from "../apiserver/measured-resource.ts";
import type { TrafficFigures } from "../core/cluster-state/traffic-book.ts";
import type { UsageFigures } from "../core/cluster-state/usage-book.ts";
import { isReady } from "../core/controllers/availability.ts";
import type { Instance } from "../core/model.ts";
import { namespaceOf, ownerOf, type Workload } from "./workloads.ts";

/** What the view needs of the engine. */
export interface WorkloadUsageSource {
  workloads(): Iterable<Workload>;
  instancesOf(workloadUid: string): Iterable<Instance>;
  isReachable(nodeName: string): boolean;
  usageOf(instanceUid: string): UsageFigures | undefined;
  trafficOf(workloadUid: string): TrafficFigures | undefined;
}

/** Figures that are older say nothing of now. Nodes tell every ten seconds of what works. */
const usageAgeMsMax = 60_000;
/** Whoever asks more often is answered by the same figures: gateways tell once a second, nodes more seldom. */
const momentMs = 1_000;

/** The workloads that there are at a moment. */
interface Moment {
  readonly untilMs: number;
  readonly keys: readonly string[];
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly objects: Map<string, ApiObject>;
}

/**
 * WorkloadUsages for the API server. Nothing is kept of them but what was read within a second: however many people look, the
 * instances of a workload are counted once in that time, and those that nobody asks for not at all.
 */
export class WorkloadUsages implements MeasuredResource {
  readonly revision: number;
  readonly #source: WorkloadUsageSource;
  readonly #clock: Clock;
  #moment: Moment | undefined;

  constructor(source: WorkloadUsageSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.revision = clock.now() * 1000;
  }

  keys(namespace: string | undefined): readonly string[] {
    const { keys } = this.#now();
    if (namespace === undefined) return keys;
    const from = (text: string) => lowerBound(keys.length, (at) => (keys[at] ?? "") < text);
    return keys.slice(from(`${namespace}\0`), from(`${namespace}\u0001`));
  }

  getByKey(key: string): ApiObject | undefined {
    const { objects, workloads } = this.#now();
    const known = objects.get(key);
    if (known) return known;
    const workload = workloads.get(key);
    if (!workload) return undefined;
    // Of the types of the schema from which the API server serves it.
    const object = this.#objectOf(workload) as unknown as ApiObject;
    objects.set(key, object);
    return object;
  }

  #now(): Moment {
    const nowMs = this.#clock.monotonic();
    if (this.#moment && nowMs < this.#moment.untilMs) return this.#moment;
    const workloads = new Map<string, Workload>();
    for (const workload of this.#source.workloads())
      if (!this.#isOver(workload)) workloads.set(`${namespaceOf(workload)}\0${nameOf(workload)}`, workload);
    const keys = [...workloads.keys()].sort();
    this.#moment = { untilMs: nowMs + momentMs, keys, workloads, objects: new Map() };
    return this.#moment;
  }

  /** Jobs that have ended use nothing any more, and stay for long. */
  #isOver({ kind, object }: Workload): boolean {
    if (kind !== "WasmJob" || !["Complete", "Failed"].includes(object.status?.phase ?? "")) return false;
    for (const { state } of this.#source.instancesOf(object.metadata.uid))
      if (state.kind !== "ended") return false;
    return true;
  }

  #objectOf(workload: Workload): WorkloadUsage {
    const { namespace, labels, creationTimestamp, uid } = workload.object.metadata;
    return {
      apiVersion: "live.wherry.dev/v1alpha1",
      kind: "WorkloadUsage",
      metadata: {
        name: nameOf(workload),
        ...(namespace === undefined ? {} : { namespace }),
        uid,
        resourceVersion: String(this.revision),
        creationTimestamp,
        ...(labels === undefined ? {} : { labels }),
      },
      spec: { workload: ownerOf(workload) },
      status: this.#statusOf(workload),
    };
  }

  #statusOf(workload: Workload): WorkloadUsageStatus {
    const { uid } = workload.object.metadata;
    const nowMs = this.#clock.monotonic();
    const sum = { instances: 0, rates: 0, cpu: 0, memory: 0, requestedCpu: 0, requestedMemory: 0 };
    let ready = 0;
    for (const instance of this.#source.instancesOf(uid)) {
      const { state, requests } = instance;
      if (state.kind !== "bound" && state.kind !== "stopping") continue;
      const isReachable = this.#source.isReachable(state.nodeName);
      if (isReachable && isReady(instance)) ready++;
      const usage = this.#source.usageOf(instance.uid);
      if (!usage) continue;
      // Of what stands still its node says nothing more.
      const isOfNow = usage.isIdle && isReachable;
      if (!isOfNow && nowMs - usage.atMs > usageAgeMsMax) continue;
      sum.instances++;
      sum.memory += usage.memoryBytes;
      sum.requestedMemory += requests.memoryBytes;
      if (!usage.hasRate) continue;
      sum.rates++;
      sum.cpu += usage.cpuMillis;
      sum.requestedCpu += requests.cpuMillis;
    }
    return {
      instances: { ready, wanted: wantedOf(workload) },
      ...(sum.instances === 0 ? {} : { usage: usageOf(sum) }),
      ...trafficOf(this.#source.trafficOf(uid)),
    };
  }
}

interface Sum {
  readonly instances: number;
  /** Of how many of them it is known how fast they use cpu. */
  readonly rates: number;
  readonly cpu: number;
  readonly memory: number;
  readonly requestedCpu: number;
  readonly requestedMemory: number;
}

function usageOf({
  instances,
  rates,
  cpu,
  memory,
  requestedCpu,
  requestedMemory,
}: Sum): NonNullable<WorkloadUsageStatus["usage"]> {
  return {
    instances,
    ...(rates === 0 ? {} : { cpu: formatCpu(Math.round(cpu)) }),
    memory: formatBytes(memory),
    requests: { cpu: formatCpu(requestedCpu), memory: formatBytes(requestedMemory) },
  };
}

function trafficOf(traffic: TrafficFigures | undefined): Pick<WorkloadUsageStatus, "traffic"> {
  if (!traffic) return {};
  const { arrivedPerSecond, inFlight, queued, isAtLeast } = traffic;
  return {
    traffic: { requestsPerSecond: Math.round(arrivedPerSecond * 100) / 100, inFlight, queued, isAtLeast },
  };
}

/** Kinds may have workloads of the same name. */
function nameOf({ kind, object }: Workload): string {
  return `${kind.toLowerCase()}.${object.metadata.name}`;
}

function wantedOf({ kind, object }: Workload): number {
  if (kind === "WasmDeployment") return object.spec.replicas;
  if (kind === "WasmDaemonSet") return object.status?.desiredNumberScheduled ?? 0;
  const { suspend, parallelism, completions } = object.spec;
  const { succeeded = 0, phase = "" } = object.status ?? {};
  if (suspend || ["Complete", "Failed"].includes(phase)) return 0;
  return completions === undefined
    ? parallelism
    : Math.min(parallelism, Math.max(0, completions - succeeded));
}
