import { toTimestamp } from "../../kit/timestamps.ts";
import { formatBytes, formatCpu } from "../../api/quantity.ts";
import type { WasmInstance, WasmInstanceSpec, WasmInstanceStatus } from "../../api/gen/kinds.gen.ts";
import { assertNever } from "../../kit/errors.ts";
import type { Instance, ObservedStatus, Resources, Termination } from "../core/model.ts";
import { qosOf } from "../core/qos.ts";

export interface InstanceFigures {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly fuel: number;
  readonly throttledUs: number;
}

export const ownerApiVersion = "wherry.dev/v1alpha1";

/** An instance as the API shows it. */
export function instanceObject(
  instance: Instance,
  resourceVersion: string,
  nodeReachable: boolean,
  usage: InstanceFigures | undefined,
): WasmInstance {
  const { state, slot } = instance;
  return {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: {
      name: instance.name,
      namespace: instance.namespace,
      uid: instance.uid,
      resourceVersion,
      creationTimestamp: toTimestamp(instance.createdMs),
      labels: instance.labels,
      ...(Object.keys(instance.annotations).length > 0 ? { annotations: instance.annotations } : {}),
      ownerReferences: [{ apiVersion: ownerApiVersion, ...instance.owner, controller: true }],
    },
    spec: {
      ...(state.kind === "pending" ? {} : { nodeName: state.nodeName }),
      owner: instance.owner,
      templateHash: instance.templateHash,
      isolation: instance.isolation,
      ...requestsOf(instance.requests),
      priority: instance.priority,
      ...(instance.priorityClass === "" ? {} : { priorityClassName: instance.priorityClass }),
      ...(slot ? { completionIndex: slot.index, attempt: slot.attempt } : {}),
    },
    status: {
      ...statusOf(instance, nodeReachable),
      ...(instance.leaving === undefined ? {} : { leaving: instance.leaving }),
      qosClass: qosOf(instance),
      ...(usage ? { usage: usageOf(usage) } : {}),
    },
  };
}

function requestsOf({ cpuMillis, memoryBytes }: Resources): Pick<WasmInstanceSpec, "requests"> {
  if (cpuMillis === 0 && memoryBytes === 0) return {};
  return {
    requests: {
      ...(cpuMillis === 0 ? {} : { cpu: formatCpu(cpuMillis) }),
      ...(memoryBytes === 0 ? {} : { memory: formatBytes(memoryBytes) }),
    },
  };
}

function statusOf(instance: Instance, nodeReachable: boolean): WasmInstanceStatus {
  const { state } = instance;
  switch (state.kind) {
    case "pending":
      return {
        phase: "Pending",
        display: "Pending",
        ready: "0/1",
        reason: state.reason,
        message: state.message,
        ...(state.nominatedNode === undefined ? {} : { nominatedNodeName: state.nominatedNode }),
        restarts: 0,
      };
    case "bound":
    case "stopping": {
      const observed = state.observed ? observedStatus(state.observed) : assigned;
      if (!nodeReachable) return { ...observed, ...unreachable(state.nodeName) };
      return state.kind === "stopping" ? { ...observed, display: "Terminating", ready: "0/1" } : observed;
    }
    case "ended":
      return observedStatus(state.observed);
    default:
      return assertNever(state, "instance state");
  }
}

const assigned: WasmInstanceStatus = {
  phase: "Pending",
  display: "Assigned",
  ready: "0/1",
  reason: "Assigned",
  message: "The node has not reported yet.",
  restarts: 0,
};

function unreachable(nodeName: string): Partial<WasmInstanceStatus> {
  return {
    phase: "Unknown",
    display: "Unknown",
    ready: "0/1",
    reason: "NodeUnreachable",
    message: `Node ${nodeName} is not connected; what it last said stands in the other fields.`,
  };
}

function observedStatus(observed: ObservedStatus): WasmInstanceStatus {
  return {
    phase: observed.phase,
    display: observed.reason || observed.phase,
    ready: observed.ready ? "1/1" : "0/1",
    ...(observed.reason ? { reason: observed.reason } : {}),
    ...(observed.message ? { message: observed.message } : {}),
    restarts: observed.restarts,
    ...(observed.startedMs === undefined ? {} : { startTime: toTimestamp(observed.startedMs) }),
    ...(observed.finishedMs === undefined ? {} : { finishTime: toTimestamp(observed.finishedMs) }),
    ...(observed.exitCode === undefined ? {} : { exitCode: observed.exitCode }),
    ...(observed.isolation === undefined ? {} : { isolation: observed.isolation }),
    ...(observed.logsDropped ? { logsDropped: true } : {}),
    ...(observed.lastTermination ? { lastTermination: terminationOf(observed.lastTermination) } : {}),
  };
}

function terminationOf(last: Termination): NonNullable<WasmInstanceStatus["lastTermination"]> {
  return {
    reason: last.reason,
    message: last.message,
    ...(last.exitCode === undefined ? {} : { exitCode: last.exitCode }),
    finishTime: toTimestamp(last.finishedMs),
  };
}

function usageOf(usage: InstanceFigures): NonNullable<WasmInstanceStatus["usage"]> {
  return {
    cpu: `${usage.cpuMillis}m`,
    memory: `${Math.ceil(usage.memoryBytes / 1024)}Ki`,
    ...(usage.fuel > 0 ? { fuel: usage.fuel } : {}),
    ...(usage.throttledUs > 0 ? { throttledSeconds: usage.throttledUs / 1e6 } : {}),
  };
}
