/** Between gRPC's messages and the daemon's own types. Parses once, at the edge: nothing inside is optional that need not be. */
import type { Assignment, Assignment__Output } from "../../proto/gen/wherry/v1/Assignment.ts";
import type { InstanceStatus } from "../../proto/gen/wherry/v1/InstanceStatus.ts";
import type { InstanceUsage } from "../../proto/gen/wherry/v1/InstanceUsage.ts";
import type { Template__Output } from "../../proto/gen/wherry/v1/Template.ts";
import type { TemplateContents__Output } from "../../proto/gen/wherry/v1/TemplateContents.ts";
import type { VolumeContent__Output } from "../../proto/gen/wherry/v1/VolumeContent.ts";
import type { NodeAssignment, NodeTemplate, TemplateContents, VolumeContent } from "../core/assignment.ts";
import type { ReportedStatus } from "../core/status.ts";
import type { RouteEntry } from "../../api/route-table.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { UpdateGateway__Output } from "../../proto/gen/wherry/v1/UpdateGateway.ts";
import type { GatewayUpdate } from "../serving/gateway-update.ts";
import type { TimedUsage } from "../usage-book.ts";

/** A message that breaks the contract: the session is closed. */
export class ContractViolation extends Error {
  override readonly name = "ContractViolation";
}

/** Uids become names of folders here. */
export function isUid(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(text);
}

export function readAssignment(message: Assignment__Output): NodeAssignment {
  const { owner, uid } = message;
  if (!isUid(uid)) throw new ContractViolation(`assignment with uid "${uid}"`);
  if (!owner || message.templateId === "") {
    throw new ContractViolation(`assignment ${uid} has no owner or no template`);
  }
  return {
    uid,
    namespace: message.namespace,
    name: message.name,
    owner: { kind: owner.kind, name: owner.name, uid: owner.uid },
    templateId: message.templateId,
    templateHash: message.templateHash,
    cpuMillis: message.cpuMillis,
    memoryBytes: message.memoryBytes,
    labels: message.labels,
    annotations: message.annotations,
    slot: message.hasSlot ? { index: message.completionIndex, attempt: message.attempt } : undefined,
    createdMs: message.createdMs,
    cpuLimitMillis: message.cpuLimitMillis,
    memoryLimitBytes: message.memoryLimitBytes,
    hasDeadline: message.hasDeadline,
    priority: message.priority,
    priorityClass: message.priorityClass,
    isolation: message.isolation,
    claimsJson: message.claimsJson,
    proof: message.proof,
    traceparent: message.traceparent,
  };
}

export function writeAssignment(assignment: NodeAssignment): Assignment {
  const { slot, ...rest } = assignment;
  return {
    ...rest,
    hasSlot: slot !== undefined,
    completionIndex: slot?.index ?? 0,
    attempt: slot?.attempt ?? 0,
  };
}

export function readTemplate(message: Template__Output): NodeTemplate {
  if (message.id === "") throw new ContractViolation("template without an id");
  return {
    id: message.id,
    specJson: message.specJson,
    contents: message.contents.map(readVolume),
    contentsId: message.contentsId,
  };
}

export function readContents(message: TemplateContents__Output): TemplateContents {
  const { templateId, contentsId, contents } = message;
  if (templateId === "" || contentsId === "") {
    throw new ContractViolation(`contents "${contentsId}" of template "${templateId}": an id is missing`);
  }
  return { templateId, contentsId, contents: contents.map(readVolume) };
}

function readVolume({ volume, secret, files }: VolumeContent__Output): VolumeContent {
  if (!/^[a-z0-9][-a-z0-9]*$/.test(volume)) throw new ContractViolation(`contents of a volume "${volume}"`);
  return { volume, secret, files: files.map(({ path, data }) => ({ path, data })) };
}

export function readGatewayUpdate(message: UpdateGateway__Output): GatewayUpdate {
  const { complete, removedRoutes, removedWorkloads, removedCertificates, ticketKeys } = message;
  return {
    complete,
    routes: message.routes.map(({ uid, entryJson }) => readRoute(uid, entryJson)),
    removedRoutes,
    workloads: message.workloads.map(({ uid, namespace, kind, name, wakes, nodes }) => {
      if (!isUid(uid)) throw new ContractViolation(`workload with uid "${uid}"`);
      const ready = nodes.map((node) => ({
        name: node.name,
        address: node.address,
        ready: node.ready.map(({ templateHash, count }) => ({ templateHash, count })),
      }));
      return { uid, namespace, kind, name, wakes, nodes: ready };
    }),
    removedWorkloads,
    certificates: message.certificates.map(({ name, chainPem, keyPem }) => ({
      name,
      chainPem: Buffer.from(chainPem).toString("utf8"),
      keyPem: Buffer.from(keyPem).toString("utf8"),
    })),
    removedCertificates,
    ticketKeys,
  };
}

/** The scheduler makes them whole (see api/route-table.ts). */
function readRoute(uid: string, json: Uint8Array): RouteEntry {
  let entry: Partial<RouteEntry> | null;
  try {
    entry = JSON.parse(Buffer.from(json).toString("utf8")) as Partial<RouteEntry> | null;
  } catch (thrown) {
    throw new ContractViolation(`route ${uid}: ${errorMessage(thrown)}`);
  }
  if (entry?.uid === uid && Array.isArray(entry.hostnames) && Array.isArray(entry.rules))
    return entry as RouteEntry;
  throw new ContractViolation(`route ${uid} has no uid, hostnames or rules`);
}

export function writeStatus(uid: string, status: ReportedStatus, monotonicMs: number): InstanceStatus {
  const last = status.lastTermination;
  const readySince = status.readySinceMonotonicMs;
  return {
    uid,
    phase: status.phase,
    ready: status.ready,
    reason: status.reason,
    message: status.message,
    hasExitCode: status.exitCode !== undefined,
    exitCode: status.exitCode ?? 0,
    restarts: status.restarts,
    startedMs: status.startedMs ?? 0,
    finishedMs: status.finishedMs ?? 0,
    lastTermination: last
      ? {
          reason: last.reason,
          message: last.message,
          hasExitCode: last.exitCode !== undefined,
          exitCode: last.exitCode ?? 0,
          finishedMs: last.finishedMs,
        }
      : null,
    logsDropped: status.logsDropped,
    isolation: status.isolation ?? "",
    sequence: status.sequence,
    // 0 is what daemons say that do not know.
    readyForMs: readySince === undefined ? 0 : Math.max(1, Math.floor(monotonicMs - readySince)),
  };
}

export function writeUsage({ id, atMs, ...usage }: TimedUsage, monotonicMs: number): InstanceUsage {
  const ageMs = Math.min(Math.max(0, Math.round(monotonicMs - atMs)), uint32Max);
  return { uid: id.uid, ...usage, ageMs };
}

const uint32Max = 2 ** 32 - 1;

/** The answer to a stop of an instance that is not here: a final status, so that the scheduler can let go of it. */
export function notFoundStatus(uid: string, nowMs: number): InstanceStatus {
  return {
    uid,
    phase: "Failed",
    reason: "NotFound",
    message: "the node does not have this instance",
    finishedMs: nowMs,
    // Above whatever was reported before: nothing follows.
    sequence: Number.MAX_SAFE_INTEGER,
  };
}
