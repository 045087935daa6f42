/** Keeps the WasmNode objects true: made when a node first registers, written when something changes, never per heartbeat. */
import { isDeepStrictEqual } from "node:util";
import { formatBytes, formatCpu } from "../../api/quantity.ts";
import type { Condition, NodeResources, WasmNode, WasmNodeStatus } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import { assertNever, errorMessage, WherryError } from "../../kit/errors.ts";
import { KeyedWorker } from "../../kit/keyed-worker.ts";
import type { Log } from "../../kit/log.ts";
import type { Backend, ResourceKey } from "../backend/backend.ts";
import type { NodeCapacity, NodeCondition, NodeConnection, Overcommit, Resources } from "../core/model.ts";
import type { NodeHello } from "../nodes/node-port.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ownerApiVersion } from "./instance-object.ts";
import { conditionEvents } from "./node-condition-events.ts";
import { toTimestamp } from "../../kit/timestamps.ts";

export const nodeResource: ResourceKey = { group: "wherry.dev", plural: "wasmnodes" };

/** Of the condition Ready of a node that was given up. */
export const nodeLostReason = "NodeLost";

export interface NodeFacts {
  readonly hello: NodeHello | undefined;
  readonly connection: NodeConnection;
  /** What the node last said of itself. */
  readonly conditions: readonly NodeCondition[];
  /** What placement may promise of it. */
  readonly promisable: Resources;
  readonly overcommit: Overcommit;
}

export interface NodeObjectsOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventRecorder, "record">;
  /** undefined: nobody knows this node. */
  readonly facts: (name: string) => NodeFacts | undefined;
}

export class NodeObjects implements AsyncDisposable {
  readonly #options: NodeObjectsOptions;
  readonly #worker: KeyedWorker;

  constructor(options: NodeObjectsOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#worker = new KeyedWorker((name) => this.#write(name), {
      clock,
      concurrencyMax: 16,
      intervalMs: 200,
      backoff: { initialMs: 200, factor: 2, maxMs: 30_000 },
      failed: (name, thrown) =>
        log.warn("node status not written, trying again", { node: name, reason: errorMessage(thrown) }),
    });
  }

  /** Something about this node changed. */
  touch(name: string): void {
    this.#worker.schedule(name);
  }

  async close(): Promise<void> {
    await this.#worker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #write(name: string): Promise<void> {
    const { backend, clock, facts: factsOf } = this.#options;
    const facts = factsOf(name);
    if (!facts) return;
    const existing = backend.get(nodeResource, "", name) as unknown as WasmNode | undefined;
    const object = existing ?? (facts.hello && (await this.#create(name, facts.hello)));
    if (!object) return;
    const status = nodeStatus(facts, object, toTimestamp(clock.now()));
    if (isDeepStrictEqual(status, object.status)) return;
    const outcome = await backend.updateStatus(nodeResource, object as unknown as ApiObject, status);
    if (outcome.kind === "conflict") throw new WherryError("Conflict", `WasmNode ${name} changed meanwhile`);
    if (outcome.kind === "written") this.#recordTransitions(object, status);
  }

  /** Against what was stored, so that a new leader does not tell again what the one before it has told. */
  #recordTransitions({ metadata: { name, uid }, status }: WasmNode, written: WasmNodeStatus): void {
    const involved = { apiVersion: ownerApiVersion, kind: "WasmNode", namespace: "", name, uid };
    for (const event of conditionEvents(status?.conditions ?? [], written.conditions ?? []))
      this.#options.events.record({ involved, ...event });
  }

  async #create(name: string, hello: NodeHello): Promise<WasmNode | undefined> {
    const outcome = await this.#options.backend.create(nodeResource, {
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmNode",
      metadata: { name, labels: nodeLabels(name, hello) },
      spec: { unschedulable: false },
    });
    return outcome.kind === "written" ? (outcome.object as unknown as WasmNode) : undefined;
  }
}

export function nodeLabels(name: string, hello: NodeHello): Readonly<Record<string, string>> {
  return {
    ...hello.labels,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": hello.operatingSystem,
    "kubernetes.io/arch": hello.architecture,
  };
}

function nodeStatus(facts: NodeFacts, object: WasmNode, now: string): WasmNodeStatus {
  const { hello, connection, conditions } = facts;
  // Not kept where there is no overcommit any more.
  const { promisable: _, ...known } = object.status ?? {};
  const ready = readyCondition(connection, object, now);
  const isHeard = connection.kind === "connected" && conditions.length > 0;
  const others = isHeard ? conditions.map(toCondition) : unknownConditions(object, now);
  const phase = connection.kind === "connected" ? "Ready" : "NotReady";
  return {
    ...known,
    phase: object.spec.unschedulable ? `${phase},SchedulingDisabled` : phase,
    conditions: [ready, ...others],
    ...(hello
      ? {
          capacity: resources(hello.capacity),
          allocatable: resources(hello.allocatable),
          ...promisableOf(facts),
          runtimes: hello.runtimes.map(({ name, version, features }) => ({ name, version, features })),
          nodeInfo: {
            operatingSystem: hello.operatingSystem,
            architecture: hello.architecture,
            kernelVersion: hello.kernelVersion,
            daemonVersion: hello.daemonVersion,
          },
        }
      : {}),
  };
}

function promisableOf({ promisable, overcommit }: NodeFacts): Pick<WasmNodeStatus, "promisable"> {
  if (overcommit.cpu === 1 && overcommit.memory === 1) return {};
  const { cpuMillis, memoryBytes } = promisable;
  return { promisable: { cpu: formatCpu(cpuMillis), memory: formatBytes(memoryBytes) } };
}

function readyCondition(connection: NodeConnection, object: WasmNode, now: string): Condition {
  const next = readiness(connection);
  const before = object.status?.conditions?.find(({ type }) => type === "Ready");
  const unchanged = before?.status === next.status;
  return { type: "Ready", ...next, lastTransitionTime: unchanged ? before.lastTransitionTime : now };
}

function toCondition({ type, status, reason, message, transitionMs }: NodeCondition): Condition {
  const lastTransitionTime = toTimestamp(transitionMs);
  return { type, status: status ? "True" : "False", reason, message, lastTransitionTime };
}

/** What a node that is away said before may not be true any more. */
function unknownConditions({ status }: WasmNode, now: string): readonly Condition[] {
  return (status?.conditions ?? []).flatMap((known) => {
    if (known.type === "Ready") return [];
    if (known.status === "Unknown") return [known];
    return [
      {
        type: known.type,
        status: "Unknown",
        reason: "NodeStatusUnknown",
        message: `Not heard from the node daemon since it was ${known.status} (${known.reason}).`,
        lastTransitionTime: now,
      } as const,
    ];
  });
}

function readiness(connection: NodeConnection): Pick<Condition, "status" | "reason" | "message"> {
  switch (connection.kind) {
    case "connected":
      return { status: "True", reason: "SessionOpen", message: "The node daemon is connected." };
    case "suspect":
      return {
        status: "Unknown",
        reason: "SessionLost",
        message: "The node daemon is not connected; its instances are left alone until it counts as lost.",
      };
    case "lost":
      return {
        status: "False",
        reason: nodeLostReason,
        message: "The node daemon has been away too long; its instances have been replaced.",
      };
    default:
      return assertNever(connection, "node connection");
  }
}

function resources(capacity: NodeCapacity): NodeResources {
  return {
    cpu: formatCpu(capacity.cpuMillis),
    memory: formatBytes(capacity.memoryBytes),
    instances: String(capacity.instances),
    processes: String(capacity.processes),
    ...Object.fromEntries(Array.from(capacity.extended, ([name, amount]) => [name, String(amount)])),
  };
}
