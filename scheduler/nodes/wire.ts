/** Between gRPC's messages and the scheduler's own types. Parses once, at the edge: nothing inside is optional that need not be. */
import type { Assignment, Assignment__Output } from "../../proto/gen/wherry/v1/Assignment.ts";
import type { Capacity__Output } from "../../proto/gen/wherry/v1/Capacity.ts";
import type { HeldInstance__Output } from "../../proto/gen/wherry/v1/HeldInstance.ts";
import type { Hello__Output } from "../../proto/gen/wherry/v1/Hello.ts";
import type { InstanceStatus__Output } from "../../proto/gen/wherry/v1/InstanceStatus.ts";
import type { Template } from "../../proto/gen/wherry/v1/Template.ts";
import type { Instance, InstancePhase, NodeCapacity, ObservedStatus, WorkloadKind } from "../core/model.ts";
import type { HeldInstance, NodeHello, NodeTemplate } from "./node-port.ts";

const phases: ReadonlySet<string> = new Set<InstancePhase>(["Pending", "Running", "Succeeded", "Failed"]);
const workloadKinds: ReadonlySet<string> = new Set<WorkloadKind>(["WasmDeployment", "WasmJob"]);

/** A message that breaks the contract: the session that sent it is closed. */
export class ContractViolation extends Error {
  override readonly name = "ContractViolation";
}

export function readHello(hello: Hello__Output): NodeHello {
  if (!hello.nodeName) throw new ContractViolation("hello.node_name is empty");
  return {
    name: hello.nodeName,
    daemonVersion: hello.daemonVersion,
    bootId: hello.bootId,
    capacity: readCapacity(hello.capacity, "capacity"),
    allocatable: readCapacity(hello.allocatable, "allocatable"),
    runtimes: hello.runtimes.map(({ name, version, features }) => ({ name, version, features })),
    labels: hello.labels,
    operatingSystem: hello.info?.operatingSystem ?? "",
    architecture: hello.info?.architecture ?? "",
    kernelVersion: hello.info?.kernelVersion ?? "",
  };
}

function readCapacity(capacity: Capacity__Output | null, field: string): NodeCapacity {
  const { cpuMillis, memoryBytes, instances } = capacity ?? { cpuMillis: 0, memoryBytes: 0, instances: 0 };
  for (const value of [cpuMillis, memoryBytes, instances]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new ContractViolation(`hello.${field} has a value that is no amount: ${value}`);
    }
  }
  return { cpuMillis, memoryBytes, instances };
}

export function readStatus(status: InstanceStatus__Output): ObservedStatus {
  if (!phases.has(status.phase))
    throw new ContractViolation(`status of ${status.uid} has phase "${status.phase}"`);
  const last = status.lastTermination;
  return {
    phase: status.phase as InstancePhase,
    ready: status.ready,
    reason: status.reason,
    message: status.message,
    exitCode: status.hasExitCode ? status.exitCode : undefined,
    restarts: status.restarts,
    startedMs: status.startedMs || undefined,
    finishedMs: status.finishedMs || undefined,
    lastTermination: last
      ? {
          reason: last.reason,
          message: last.message,
          exitCode: last.hasExitCode ? last.exitCode : undefined,
          finishedMs: last.finishedMs,
        }
      : undefined,
    logsDropped: status.logsDropped,
    sequence: status.sequence,
  };
}

export function readHeld(held: HeldInstance__Output, nodeName: string): HeldInstance {
  const { assignment, status } = held;
  if (!assignment || !status)
    throw new ContractViolation("inventory has an entry without assignment or status");
  const observed = readStatus(status);
  return { instance: readAssignment(assignment, nodeName, observed), status: observed };
}

function readAssignment(
  assignment: Assignment__Output,
  nodeName: string,
  observed: ObservedStatus,
): Instance {
  const { owner, uid } = assignment;
  if (!uid || !owner || !workloadKinds.has(owner.kind)) {
    throw new ContractViolation(`inventory has an assignment without a known owner: ${uid}`);
  }
  return {
    uid,
    namespace: assignment.namespace,
    name: assignment.name,
    owner: { kind: owner.kind as WorkloadKind, name: owner.name, uid: owner.uid },
    templateId: assignment.templateId,
    templateHash: assignment.templateHash,
    requests: { cpuMillis: assignment.cpuMillis, memoryBytes: assignment.memoryBytes },
    limits: { cpuMillis: assignment.cpuLimitMillis, memoryBytes: assignment.memoryLimitBytes },
    hasDeadline: assignment.hasDeadline,
    labels: assignment.labels,
    annotations: assignment.annotations,
    slot: assignment.hasSlot ? { index: assignment.completionIndex, attempt: assignment.attempt } : undefined,
    createdMs: assignment.createdMs,
    state: { kind: "bound", nodeName, observed },
  };
}

export function writeAssignment(instance: Instance, templateId: string): Assignment {
  return {
    uid: instance.uid,
    namespace: instance.namespace,
    name: instance.name,
    owner: instance.owner,
    templateId,
    templateHash: instance.templateHash,
    cpuMillis: instance.requests.cpuMillis,
    memoryBytes: instance.requests.memoryBytes,
    labels: instance.labels,
    annotations: instance.annotations,
    hasSlot: instance.slot !== undefined,
    completionIndex: instance.slot?.index ?? 0,
    attempt: instance.slot?.attempt ?? 0,
    createdMs: instance.createdMs,
    cpuLimitMillis: instance.limits.cpuMillis,
    memoryLimitBytes: instance.limits.memoryBytes,
    hasDeadline: instance.hasDeadline,
  };
}

export function writeTemplate(template: NodeTemplate): Template {
  return {
    id: template.id,
    specJson: Buffer.from(template.specJson),
    contents: template.contents.map(({ volume, secret, files }) => ({
      volume,
      secret,
      files: files.map(({ path, data }) => ({ path, data: Buffer.from(data) })),
    })),
  };
}
