/**
 * From a template and an assignment to what one instance needs, fully defaulted. Pure. The scheduler has validated the
 * template against its schema; what is checked here is what only values can break, and it says where.
 */
import type { EnvVar, InstanceSpec, Quantity, Volume } from "../../api/gen/kinds.gen.ts";
import { type Endpoint, parseAddress, parseEndpoint } from "../../api/network.ts";
import { type Isolation, requestedIsolation } from "../../api/isolation.ts";
import { type QosClass, qosClass } from "../../api/qos.ts";
import { cpuMillis, memoryBytes, parseQuantity } from "../../api/quantity.ts";
import { probeFaults } from "../../api/validation/probes.ts";
import { assertNever, errorMessage } from "../../kit/errors.ts";
import type { NodeAssignment } from "./assignment.ts";
import type { LifecyclePolicy, RestartPolicy } from "./lifecycle-state.ts";
import { memoryBytesDefault, memoryBytesMax } from "./limits.ts";
import {
  configureTerminationMessage,
  configurePreStop,
  configureProbes,
  type TerminationMessageConfig,
  type PreStop,
  type ProbeConfigs,
} from "./probe-config.ts";

import { configureServing, type ServingConfig } from "./serving-config.ts";

export type VolumeSource =
  | { readonly kind: "hostPath"; readonly path: string }
  | { readonly kind: "emptyDir"; readonly sizeBytesMax?: number }
  /** A configMap or secret; its files came with the template. */
  | { readonly kind: "content"; readonly secret: boolean };

export interface ConfiguredMount {
  readonly volume: string;
  readonly source: VolumeSource;
  /** Absolute and normalized. */
  readonly guestPath: string;
  readonly readOnly: boolean;
}

/** What a template asks of the network; the node has its own say in it (see network/allowed-network.ts). */
export interface NetworkConfig {
  readonly allow: readonly Endpoint[];
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly port: number }[];
}

/** What all instances of a template share. */
export interface TemplateConfig extends ServingConfig {
  readonly runtime: string;
  readonly image: string;
  /** Hexadecimal, without "sha256:". */
  readonly digest: string | undefined;
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly mounts: readonly ConfiguredMount[];
  readonly network: NetworkConfig;
  readonly memoryBytesMax: number;
  readonly cpuLimitMillis: number | undefined;
  readonly restartPolicy: RestartPolicy | undefined;
  readonly gracePeriodMs: number;
  readonly isolation: Isolation;
  readonly fuelMax: number | undefined;
  readonly deterministic: { readonly seed: string; readonly startTimeMs: number } | undefined;
  readonly stopNotice: "none" | "stdin";
  readonly qos: QosClass;
  readonly probes: ProbeConfigs;
  readonly preStop: PreStop | undefined;
  readonly terminationMessage: TerminationMessageConfig;
  readonly onDisconnect: "continue" | "stop" | undefined;
}

export type ConfigOutcome =
  | { readonly kind: "configured"; readonly config: TemplateConfig }
  | { readonly kind: "invalid"; readonly message: string };

/** Ends the reading of a template early; never leaves this file. */
class Invalid extends Error {}

export function configureTemplate(specJson: Uint8Array): ConfigOutcome {
  try {
    const spec = JSON.parse(Buffer.from(specJson).toString("utf8")) as InstanceSpec;
    return { kind: "configured", config: configOf(spec) };
  } catch (thrown) {
    return { kind: "invalid", message: `the template cannot be used: ${errorMessage(thrown)}` };
  }
}

function configOf(spec: InstanceSpec): TemplateConfig {
  const { limits, requests } = spec.resources ?? {};
  const mounts = configureMounts(spec);
  const { serving, server } = configureServing(spec);
  const [fault] = probeFaults(spec, "spec");
  if (fault) throw new Invalid(`${fault.field}: ${fault.message}`);
  return {
    runtime: spec.runtime ?? "v8",
    image: spec.module.image,
    digest: spec.module.digest?.replace(/^sha256:/, ""),
    args: spec.args ?? [],
    env: spec.env ?? [],
    mounts,
    network: configureNetwork(spec),
    memoryBytesMax: memoryMax(limits?.memory, requests?.memory),
    cpuLimitMillis:
      limits?.cpu === undefined ? undefined : read("spec.resources.limits.cpu", limits.cpu, cpuMillis),
    restartPolicy: spec.restartPolicy,
    gracePeriodMs: (spec.terminationGracePeriodSeconds ?? 30) * 1000,
    isolation: requestedIsolation(spec),
    fuelMax: spec.fuel,
    deterministic: spec.deterministic && {
      seed: spec.deterministic.seed,
      startTimeMs: Date.parse(spec.deterministic.startTime),
    },
    // What serves comes to its end by itself: it is told to, and has its grace for what is under way.
    stopNotice: serving ? "stdin" : (spec.stopNotice ?? "none"),
    serving,
    server,
    qos: qosClass(spec.resources),
    probes: configureProbes(spec),
    preStop: configurePreStop(spec),
    terminationMessage: configureTerminationMessage(
      spec,
      mounts.map(({ guestPath }) => guestPath),
    ),
    onDisconnect: spec.onDisconnect,
  };
}

function memoryMax(limit: Quantity | undefined, request: Quantity | undefined): number {
  if (limit !== undefined)
    return Math.min(memoryBytesMax, read("spec.resources.limits.memory", limit, memoryBytes));
  const asked = request === undefined ? 0 : read("spec.resources.requests.memory", request, memoryBytes);
  return Math.min(memoryBytesMax, Math.max(memoryBytesDefault, asked));
}

function read(field: string, quantity: Quantity, amount: (quantity: Quantity) => number): number {
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid") throw new Invalid(`${field}: ${parsed.message}`);
  return amount(quantity);
}

function configureMounts(spec: InstanceSpec): readonly ConfiguredMount[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  const taken = new Map<string, number>();
  return (spec.mounts ?? []).map((mount, index) => {
    const at = `spec.mounts[${index}]`;
    const volume = volumes.get(mount.volume);
    if (!volume) {
      throw new Invalid(`${at}.volume: no volume is named "${mount.volume}"; add it to spec.volumes`);
    }
    // The name becomes part of paths on this machine; the schema has checked it, this makes sure.
    if (!/^[a-z0-9][-a-z0-9]*$/.test(volume.name)) throw new Invalid(`${at}.volume: not a valid volume name`);
    const guestPath = guestPathOf(mount.path, at);
    const other = taken.get(guestPath);
    if (other !== undefined) {
      throw new Invalid(`${at}.path: ${guestPath} is already taken by spec.mounts[${other}]`);
    }
    taken.set(guestPath, index);
    const source = sourceOf(volume);
    return { volume: volume.name, source, guestPath, readOnly: mount.readOnly || source.kind === "content" };
  });
}

function configureNetwork({ network, listeners }: InstanceSpec): NetworkConfig {
  return {
    allow: (network?.allow ?? []).map((text, index) => {
      const endpoint = parseEndpoint(text);
      if (endpoint) return endpoint;
      throw new Invalid(`spec.network.allow[${index}]: "${text}" is not host:port`);
    }),
    listeners: (listeners ?? []).map(({ name, port, address }, index) => {
      const parsed = parseAddress(address);
      if (parsed !== undefined) return { name, port, address: parsed };
      throw new Invalid(`spec.listeners[${index}].address: "${address}" is no address`);
    }),
  };
}

/** Absolute, without "." and empty parts. */
function guestPathOf(path: string, at: string): string {
  if (path.includes("\0")) throw new Invalid(`${at}.path: contains a NUL character`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Invalid(`${at}.path: must not contain ".."`);
  return `/${parts.join("/")}`;
}

function sourceOf(volume: Volume): VolumeSource {
  if (volume.hostPath) return { kind: "hostPath", path: volume.hostPath.path };
  if (volume.emptyDir) {
    const { sizeLimit } = volume.emptyDir;
    if (sizeLimit === undefined) return { kind: "emptyDir" };
    const field = `spec.volumes "${volume.name}": emptyDir.sizeLimit`;
    return { kind: "emptyDir", sizeBytesMax: read(field, sizeLimit, memoryBytes) };
  }
  if (volume.configMap) return { kind: "content", secret: false };
  if (volume.secret) return { kind: "content", secret: true };
  throw new Invalid(
    `spec.volumes "${volume.name}": has no source; give it hostPath, configMap, secret or emptyDir`,
  );
}

/** Jobs leave retrying to the scheduler, which counts it against backoffLimit; everything else is to stay up. */
export function restartPolicyOf(config: TemplateConfig, assignment: NodeAssignment): RestartPolicy {
  return config.restartPolicy ?? (assignment.owner.kind === "WasmJob" ? "Never" : "Always");
}

export function lifecyclePolicyOf(config: TemplateConfig, assignment: NodeAssignment): LifecyclePolicy {
  return {
    restart: restartPolicyOf(config, assignment),
    stopNotice: config.stopNotice,
    heldBack: heldBackBy(config.probes),
    // A server refuses nothing that comes late: what it has under way is waited for.
    hasPreStop: config.preStop !== undefined || config.server !== undefined,
  };
}

function heldBackBy({ startup, readiness }: ProbeConfigs): LifecyclePolicy["heldBack"] {
  if (startup) return "startup";
  return readiness ? "readiness" : "nothing";
}

/** Whether anything is to run beside its instances (see probes/side-runs.ts). */
export function hasSideRuns({ probes, preStop }: TemplateConfig): boolean {
  const { startup, readiness, liveness } = probes;
  const asks = [startup, readiness, liveness].some((probe) => probe?.target.kind === "exec");
  return asks || preStop?.kind === "exec";
}

export function stopsWhenCutOff(config: TemplateConfig, assignment: NodeAssignment): boolean {
  return (config.onDisconnect ?? (assignment.owner.kind === "WasmJob" ? "stop" : "continue")) === "stop";
}

/** The guest's environment: the template's variables with the instance's own fields, then the job's index. */
export function environmentOf(
  config: TemplateConfig,
  assignment: NodeAssignment,
  nodeName: string,
): readonly (readonly [string, string])[] {
  const env = new Map<string, string>();
  for (const variable of config.env) env.set(variable.name, valueOf(variable, assignment, nodeName));
  if (assignment.slot) env.set("JOB_COMPLETION_INDEX", String(assignment.slot.index));
  return [...env];
}

function valueOf(variable: EnvVar, assignment: NodeAssignment, nodeName: string): string {
  const path = variable.valueFrom?.fieldRef?.fieldPath;
  switch (path) {
    case "metadata.name":
      return assignment.name;
    case "metadata.namespace":
      return assignment.namespace;
    case "metadata.uid":
      return assignment.uid;
    case "spec.nodeName":
      return nodeName;
    case undefined:
      return variable.value ?? "";
    default:
      return assertNever(path, "field path");
  }
}

/** The guest's arguments. The first is the program's name: the module's file name, as a shell would have it. */
export function argumentsOf(config: TemplateConfig): readonly string[] {
  return [programName(config.image), ...config.args];
}

function programName(image: string): string {
  const withoutQuery = image.split(/[?#]/)[0] ?? "";
  const last = withoutQuery.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last) || "module.wasm";
  } catch {
    return last;
  }
}
