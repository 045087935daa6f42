/** Between gRPC's messages and the scheduler's own types. Parses once, at the edge: nothing inside is optional that need not be. */
import { checkExtendedResource } from "../../api/extended-resource.ts";
import { type HostFolder, plainPath } from "../../api/host-paths.ts";
import { type Isolation, isolationTiers } from "../../api/isolation.ts";
import { type ListenRule, parseListenRule } from "../../api/listen-rules.ts";
import type { Assignment, Assignment__Output } from "../../proto/gen/wherry/v1/Assignment.ts";
import type { Capacity__Output } from "../../proto/gen/wherry/v1/Capacity.ts";
import type { Grant__Output } from "../../proto/gen/wherry/v1/Grant.ts";
import type { Grants__Output } from "../../proto/gen/wherry/v1/Grants.ts";
import type { HeldInstance__Output } from "../../proto/gen/wherry/v1/HeldInstance.ts";
import type { Hello__Output } from "../../proto/gen/wherry/v1/Hello.ts";
import type { InstanceStatus__Output } from "../../proto/gen/wherry/v1/InstanceStatus.ts";
import type { NodeConditions__Output } from "../../proto/gen/wherry/v1/NodeConditions.ts";
import type { ModuleInventory__Output } from "../../proto/gen/wherry/v1/ModuleInventory.ts";
import type { ContentsInventory__Output } from "../../proto/gen/wherry/v1/ContentsInventory.ts";
import type { HeldContents__Output } from "../../proto/gen/wherry/v1/HeldContents.ts";
import type { Template } from "../../proto/gen/wherry/v1/Template.ts";
import type { TrafficBatch__Output } from "../../proto/gen/wherry/v1/TrafficBatch.ts";
import type { WakeUp__Output } from "../../proto/gen/wherry/v1/WakeUp.ts";
import type { VolumeContent as VolumeContentMessage } from "../../proto/gen/wherry/v1/VolumeContent.ts";
import { batchItemsMax, helloLimits, hostPortForm } from "../../proto/node-service.ts";
import {
  type Instance,
  type InstancePhase,
  noAmounts,
  type NodeCapacity,
  type NodeCondition,
  type NodeGrants,
  type ObservedStatus,
  type WorkloadKind,
} from "../core/model.ts";
import { nothingCommitted } from "../core/resources.ts";
import type { VolumeContent } from "../core/templates/resolve-template.ts";
import { readClaims, writeClaims } from "./claims.ts";
import { ContractViolation } from "./contract-violation.ts";
import type {
  HeldInstance,
  NodeGateway,
  NodeHello,
  NodeModule,
  NodeTemplate,
  WorkloadTraffic,
} from "./node-port.ts";

/** By their text: what is decoded has a text of its own each time, and there are as many as instances. */
const phases: ReadonlyMap<string, InstancePhase> = new Map(
  (["Pending", "Running", "Succeeded", "Failed"] as const).map((phase) => [phase, phase]),
);
const workloadKinds: ReadonlySet<string> = new Set<WorkloadKind>([
  "WasmDeployment",
  "WasmDaemonSet",
  "WasmJob",
]);

const tiers: ReadonlyMap<string, Isolation> = new Map(isolationTiers.map((tier) => [tier, tier]));
/** Ids of templates and of contents are digests. */
const contentNameCharsMax = 256;
const conditionTypeForm = /^[A-Z][A-Za-z0-9]{0,62}$/;
const conditionReasonForm = /^[A-Za-z]([A-Za-z0-9_,:]{0,1022}[A-Za-z0-9_])?$/;
/** What a status can carry without weight; a node has some ten. */
const conditionsMax = 32;
/** In one message; a node has no more names of modules in all. */
const modulesMax = 1_000;
/** As the schema of templates has it: a longer name is nobody's. */
const imageCharsMax = 4_096;
const moduleStates: Readonly<Record<string, NodeModule["state"]>> = {
  STATE_FETCHED: "fetched",
  STATE_PREPARED: "prepared",
};
/** As much as an event's message; longer ones are cut. */
const conditionMessageMax = 1024;
/** What a date can hold: 100 million days, the end of what RFC 3339 can say. */
const timestampMsMax = Date.UTC(9999, 11, 31);

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
    grants: hello.grants ? readGrants(hello.grants) : undefined,
    gateway: readGateway(hello),
    metricsAddress:
      hello.metricsAddress === "" ? undefined : checkAddress(hello.metricsAddress, "metrics_address"),
  };
}

/** Other nodes connect to what it says, and people are shown it. */
function readGateway({ gatewayAddress, gatewayUrls }: Hello__Output): NodeGateway | undefined {
  if (gatewayAddress === "") return undefined;
  const { gatewayUrlsMax, gatewayTextMax } = helloLimits;
  if (gatewayUrls.length > gatewayUrlsMax)
    throw new ContractViolation(`hello.gateway_urls has more than ${gatewayUrlsMax} entries`);
  checkAddress(gatewayAddress, "gateway_address");
  for (const url of gatewayUrls)
    if (url.length > gatewayTextMax || !/^(?:https?|grpcs):\/\/[^/\s]+\/?$/.test(url) || !URL.canParse(url))
      throw new ContractViolation(
        `hello.gateway_urls has ${JSON.stringify(url.slice(0, gatewayTextMax))}, which is no URL of a gateway`,
      );
  return { address: gatewayAddress, urls: gatewayUrls };
}

function checkAddress(address: string, field: string): string {
  const { gatewayTextMax } = helloLimits;
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  if (address.length <= gatewayTextMax && hostPortForm.test(address) && port >= 1 && port <= 65_535)
    return address;
  throw new ContractViolation(
    `hello.${field} is ${JSON.stringify(address.slice(0, gatewayTextMax))}, which is no HOST:PORT`,
  );
}

function readGrants({ hostPaths, listen }: Grants__Output): NodeGrants {
  const { grantsMax } = helloLimits;
  if (hostPaths.length + listen.length > grantsMax)
    throw new ContractViolation(`hello.grants has more than ${grantsMax} entries`);
  return { hostPaths: hostPaths.map(readFolder), listen: listen.map(readListenRule) };
}

function readFolder({ namespace, value }: Grant__Output): HostFolder {
  if (!value.startsWith("/"))
    throw new ContractViolation(`hello.grants has a folder that is not absolute: ${JSON.stringify(value)}`);
  return { namespace: namespace || undefined, path: plainPath(value) };
}

function readListenRule({ namespace, value }: Grant__Output): ListenRule {
  const rule = parseListenRule(value, namespace || undefined);
  if (rule === undefined)
    throw new ContractViolation(`hello.grants lets listen at ${JSON.stringify(value)}, which is no place`);
  return rule;
}

function readCapacity(capacity: Capacity__Output | null, field: string): NodeCapacity {
  if (capacity === null) return nothingCommitted;
  const { cpuMillis, memoryBytes, instances, processes, extended } = capacity;
  const amounts = Object.entries(extended);
  checkAmounts(
    [cpuMillis, memoryBytes, instances, processes, ...amounts.map(([, amount]) => amount)],
    `hello.${field}`,
  );
  const { extendedMax } = helloLimits;
  if (amounts.length > extendedMax)
    throw new ContractViolation(
      `hello.${field} has ${amounts.length} extended resources, more than ${extendedMax}`,
    );
  for (const [name] of amounts) {
    const problem = checkExtendedResource(name);
    if (problem !== undefined)
      throw new ContractViolation(`hello.${field} has a resource ${JSON.stringify(name)}: ${problem}`);
  }
  return {
    cpuMillis,
    memoryBytes,
    instances,
    processes,
    extended: amounts.length === 0 ? noAmounts : new Map(amounts),
  };
}

/** Larger numbers would be rounded, and sums of them could not be taken back. */
function checkAmounts(amounts: readonly number[], where: string): void {
  for (const amount of amounts)
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new ContractViolation(`${where} has a value that is no amount: ${amount}`);
}

export function readStatus(status: InstanceStatus__Output, nowMs: number): ObservedStatus {
  const phase = phases.get(status.phase);
  if (phase === undefined) throw new ContractViolation(`status of ${status.uid} has phase "${status.phase}"`);
  const last = status.lastTermination;
  for (const ms of [status.startedMs, status.finishedMs, last?.finishedMs ?? 0])
    if (!(ms >= 0 && ms <= timestampMsMax))
      throw new ContractViolation(`status of ${status.uid} has ${ms}, which is no time`);
  return {
    phase,
    ready: status.ready,
    reason: status.reason,
    message: status.message,
    exitCode: status.hasExitCode ? status.exitCode : undefined,
    restarts: status.restarts,
    startedMs: status.startedMs || undefined,
    // In lengths of time, so that clocks which differ do no harm. Daemons of before do not say it.
    readySinceMs: status.ready && status.readyForMs > 0 ? Math.max(0, nowMs - status.readyForMs) : undefined,
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
    isolation: readIsolation(status.isolation, `status of ${status.uid}`),
  };
}

/** Empty: not known. */
function readIsolation(text: string, where: string): Isolation | undefined {
  if (text === "") return undefined;
  const tier = tiers.get(text);
  if (tier === undefined) throw new ContractViolation(`${where} has isolation "${text}"`);
  return tier;
}

/** Whether the node is ready is what the scheduler says of it, not the node. */
export function readConditions({ conditions }: NodeConditions__Output): readonly NodeCondition[] {
  if (conditions.length > conditionsMax)
    throw new ContractViolation(`${conditions.length} conditions are more than ${conditionsMax}`);
  const types = new Set<string>(["Ready"]);
  return conditions.map(({ type, status, reason, message, transitionMs }) => {
    if (!conditionTypeForm.test(type) || types.has(type))
      throw new ContractViolation(
        `conditions has type ${JSON.stringify(type)}, which is none or comes twice`,
      );
    if (!conditionReasonForm.test(reason))
      throw new ContractViolation(`condition ${type} has reason ${JSON.stringify(reason)}`);
    if (!(transitionMs >= 0 && transitionMs <= timestampMsMax))
      throw new ContractViolation(`condition ${type} has changed at ${transitionMs}, which is no time`);
    types.add(type);
    return { type, status, reason, message: message.slice(0, conditionMessageMax), transitionMs };
  });
}

/** What a node says of modules is a hint: what is of no use is left out, what is too much breaks the contract. */
export function readModules({ modules }: ModuleInventory__Output): readonly NodeModule[] {
  if (modules.length > modulesMax)
    throw new ContractViolation(`${modules.length} modules in a message are more than ${modulesMax}`);
  return modules.flatMap(({ image, state }) =>
    image === "" || image.length > imageCharsMax ? [] : [{ image, state: moduleStates[state] ?? "gone" }],
  );
}

export function readHeld(held: HeldInstance__Output, nodeName: string, nowMs: number): HeldInstance {
  const { assignment, status } = held;
  if (!assignment || !status)
    throw new ContractViolation("inventory has an entry without assignment or status");
  const observed = readStatus(status, nowMs);
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
  const { cpuMillis, memoryBytes, cpuLimitMillis, memoryLimitBytes } = assignment;
  checkAmounts([cpuMillis, memoryBytes], `assignment of ${uid}`);
  return {
    uid,
    namespace: assignment.namespace,
    name: assignment.name,
    owner: { kind: owner.kind as WorkloadKind, name: owner.name, uid: owner.uid },
    templateId: assignment.templateId,
    templateHash: assignment.templateHash,
    requests: { cpuMillis, memoryBytes },
    limits: { cpuMillis: cpuLimitMillis, memoryBytes: memoryLimitBytes },
    isolation: readIsolation(assignment.isolation, `assignment of ${uid}`) ?? "shared",
    priority: assignment.priority,
    priorityClass: assignment.priorityClass,
    // It has a node and waits for none.
    preempts: false,
    claims: readClaims(assignment.claimsJson, `assignment of ${uid}`),
    hasDeadline: assignment.hasDeadline,
    labels: assignment.labels,
    annotations: assignment.annotations,
    slot: assignment.hasSlot ? { index: assignment.completionIndex, attempt: assignment.attempt } : undefined,
    targetNode: undefined,
    leaving: undefined,
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
    isolation: instance.isolation,
    priority: instance.priority,
    priorityClass: instance.priorityClass,
    claimsJson: writeClaims(instance.claims),
  };
}

/** Nobody has so many workloads that wait at once; a node that says more is in wrong hands. */
export function readWakeUp({ workloadUids }: WakeUp__Output): readonly string[] {
  if (workloadUids.length > batchItemsMax)
    throw new ContractViolation(
      `a wake-up of ${workloadUids.length} workloads is of more than ${batchItemsMax}`,
    );
  return workloadUids;
}

/** Requests under way at one gateway: far more than there can be, and of as many nodes as there can be the sum is exact. */
const underWayMax = 2 ** 32;

/** Of workloads that nobody knows nothing is kept; numbers that are none, or too large to be added to others, would spoil the sums. */
export function readTraffic({ workloads }: TrafficBatch__Output): readonly WorkloadTraffic[] {
  if (workloads.length > batchItemsMax)
    throw new ContractViolation(
      `traffic of ${workloads.length} workloads in a message is of more than ${batchItemsMax}`,
    );
  for (const { uid, arrived, inFlight, queued } of workloads) {
    const where = `traffic of ${uid.slice(0, contentNameCharsMax)}`;
    checkAmounts([arrived, inFlight, queued], where);
    if (Math.max(inFlight, queued) > underWayMax)
      throw new ContractViolation(`${where} has more requests under way than there can be`);
  }
  return workloads;
}

export function writeTemplate(template: NodeTemplate): Template {
  return {
    id: template.id,
    specJson: bufferOf(template.specJson),
    contents: writeContents(template.contents),
    contentsId: template.contentsId,
  };
}

export function writeContents(contents: readonly VolumeContent[]): VolumeContentMessage[] {
  return contents.map(({ volume, secret, files }) => ({
    volume,
    secret,
    files: files.map(({ path, data }) => ({ path, data: bufferOf(data) })),
  }));
}

/** The same bytes, not a copy for each node. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isContentName(text: string): boolean {
  return text !== "" && text.length <= contentNameCharsMax;
}

/** A node has no more templates than instances; those without a name, or with a long one, are none of ours. */
export function readContents({ templates }: ContentsInventory__Output): readonly HeldContents__Output[] {
  if (templates.length > batchItemsMax)
    throw new ContractViolation(`contents of ${templates.length} templates in a message are too many`);
  return templates.filter(
    ({ templateId, contentsId }) => isContentName(templateId) && isContentName(contentsId),
  );
}
