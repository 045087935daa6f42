/**
 * Gets one instance ready to start: fetch, prepare, mount, in that order, each step reported as an event of the
 * instance's lifecycle. Holds no state: what was aborted reports nothing.
 */
import { join } from "node:path";
import { errorMessage, WherryError } from "../kit/errors.ts";
import type { NodeAssignment, VolumeContent } from "./core/assignment.ts";
import type { Gate } from "./core/gate.ts";
import type { ConfigOutcome, TemplateConfig } from "./core/instance-config.ts";
import { argumentsOf, environmentOf, stopsWhenCutOff } from "./core/instance-config.ts";
import type { LifecycleEvent } from "./core/lifecycle-state.ts";
import type { ModuleBoard } from "./images/module-board.ts";
import type { ModuleStore } from "./images/module-store.ts";
import type { AllowedNetwork } from "./network/allowed-network.ts";
import type {
  LogLimits,
  MountPoint,
  NetworkGrant,
  PreparedModule,
  RunSpec,
  RuntimeDriver,
} from "./runtimes/runtime-driver.ts";
import type { VolumeStore } from "./volumes/volume-store.ts";

export interface SetupPorts {
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly modules: Pick<ModuleStore, "fetch">;
  readonly moduleBoard: Pick<ModuleBoard, "fetched" | "prepared">;
  readonly volumes: Pick<VolumeStore, "mount">;
  readonly network: AllowedNetwork;
  /** An instance of another workload, by its name, that has one of these listeners, where several may have one together. */
  readonly sharerOf: (assignment: NodeAssignment, config: TemplateConfig) => string | undefined;
  readonly mountGate: Gate;
}

export interface SetupRequest {
  readonly assignment: NodeAssignment;
  readonly template: ConfigOutcome;
  readonly attempt: number;
  readonly preferredDigest: string | undefined;
  readonly contents: () => readonly VolumeContent[];
  readonly signal: AbortSignal;
}

/** What a run starts from. */
export interface ReadyInstance {
  readonly config: TemplateConfig;
  readonly module: PreparedModule;
  readonly mounts: readonly MountPoint[];
  readonly network: NetworkGrant;
}

type Failure = { readonly reason: string; readonly message: string; readonly retryable: boolean };

/** Ends a setup early; never leaves this file. */
class SetupFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    const { reason, message, retryable } = failure;
    this.failure = { reason, message, retryable };
  }
}

/** Never rejects. `ready` is called just before the event `mounted`. */
export async function setUp(
  request: SetupRequest,
  ports: SetupPorts,
  emit: (event: LifecycleEvent) => void,
  ready: (instance: ReadyInstance) => void,
): Promise<void> {
  const { attempt, signal } = request;
  try {
    const config = usableConfig(request.template);
    const driver = driverOf(config, ports);
    const network = networkOf(config, request, ports);
    const module = await fetchAndPrepare(config, driver, request, ports, emit);
    const mounts = await mountAll(config, request, ports);
    if (signal.aborted) return;
    ready({ config, module, mounts, network });
    emit({ kind: "mounted", attempt });
  } catch (error) {
    if (signal.aborted) return;
    const unexpected = { reason: "SetupFailed", message: errorMessage(error), retryable: true };
    const failure = error instanceof SetupFailure ? error.failure : unexpected;
    emit({ kind: "setupFailed", attempt, ...failure });
  }
}

/** The same once more, for an instance that an earlier daemon has set up. Rejects with what failed. */
export async function setUpAgain(request: SetupRequest, ports: SetupPorts): Promise<ReadyInstance> {
  let instance: ReadyInstance | undefined;
  let failure = "it was cancelled";
  await setUp(
    request,
    ports,
    (event) => {
      if (event.kind === "setupFailed") failure = `${event.reason}: ${event.message}`;
    },
    (ready) => (instance = ready),
  );
  if (!instance) throw new WherryError("SetupFailed", `set up a run beside an instance: ${failure}`);
  return instance;
}

function usableConfig(template: ConfigOutcome): TemplateConfig {
  if (template.kind === "configured") return template.config;
  throw new SetupFailure({ reason: "ConfigInvalid", message: template.message, retryable: false });
}

function driverOf(config: TemplateConfig, ports: SetupPorts): RuntimeDriver {
  const driver = ports.drivers.get(config.runtime);
  if (driver) return driver;
  const has = [...ports.drivers.keys()].join(", ");
  const message = `this node has no runtime ${config.runtime} (it has ${has}); correct spec.runtime or install it here`;
  throw new SetupFailure({ reason: "RuntimeUnavailable", message, retryable: false });
}

function networkOf(config: TemplateConfig, { assignment }: SetupRequest, ports: SetupPorts): NetworkGrant {
  const verdict = ports.network.judge(config.network, assignment.namespace);
  if (verdict.kind === "refused")
    throw new SetupFailure({ reason: verdict.reason, message: verdict.message, retryable: false });
  const other = ports.sharerOf(assignment, config);
  if (other !== undefined) {
    // Placement keeps them apart; the kernel would not.
    const message = `instance ${other} of another workload takes requests at the same port of this node; give one of them another port in spec.listeners`;
    throw new SetupFailure({ reason: "AddressInUse", message, retryable: true });
  }
  return verdict.network;
}

async function fetchAndPrepare(
  config: TemplateConfig,
  driver: RuntimeDriver,
  request: SetupRequest,
  ports: SetupPorts,
  emit: (event: LifecycleEvent) => void,
): Promise<PreparedModule> {
  const { attempt, signal, preferredDigest } = request;
  const { image, digest } = config;
  const outcome = await ports.modules.fetch(
    { image, namespace: request.assignment.namespace, digest, preferred: preferredDigest },
    signal,
  );
  if (outcome.kind === "failed") throw new SetupFailure(outcome);
  ports.moduleBoard.fetched(image, outcome.module.digest);
  signal.throwIfAborted();
  emit({ kind: "fetched", attempt, digest: outcome.module.digest });
  const prepared = await driver.prepare(
    {
      ...outcome.module,
      deterministic: config.deterministic !== undefined,
      ...(config.serving && { serves: config.serving.handler }),
    },
    signal,
  );
  if (prepared.kind === "rejected") {
    const message = `module ${image}: ${prepared.message}`;
    throw new SetupFailure({ reason: prepared.reason, message, retryable: false });
  }
  ports.moduleBoard.prepared(image, outcome.module.digest);
  const fault = memoryFault(config, prepared.module);
  if (fault) throw new SetupFailure(fault);
  signal.throwIfAborted();
  emit({ kind: "prepared", attempt });
  return prepared.module;
}

const mebibyte = 1024 * 1024;

function memoryFault(config: TemplateConfig, module: PreparedModule): Failure | undefined {
  if (module.memoryBytesMin <= config.memoryBytesMax) return undefined;
  const size = (bytes: number) =>
    bytes % mebibyte === 0 ? `${bytes / mebibyte} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
  const message =
    `the module's memory starts at ${size(module.memoryBytesMin)}, its limit is ${size(config.memoryBytesMax)}; ` +
    `set spec.resources.limits.memory to at least ${Math.ceil(module.memoryBytesMin / mebibyte)}Mi`;
  return { reason: "MemoryLimitTooSmall", message, retryable: false };
}

async function mountAll(
  config: TemplateConfig,
  request: SetupRequest,
  ports: SetupPorts,
): Promise<readonly MountPoint[]> {
  if (config.mounts.length === 0) return [];
  const { uid, namespace, templateId } = request.assignment;
  const { contents } = request;
  const { mounts } = config;
  const outcome = await ports.mountGate.run(() =>
    request.signal.aborted
      ? Promise.reject(request.signal.reason as Error)
      : ports.volumes.mount({ uid, namespace, templateId, mounts, contents }),
  );
  if (outcome.kind === "failed") throw new SetupFailure(outcome);
  return outcome.mounts;
}

export interface RunContext {
  readonly nodeName: string;
  readonly stateDir: string;
  readonly logLimits: LogLimits;
  /** What the scheduler said last; undefined if it never did. */
  readonly stopDisconnectedAfterMs: number | undefined;
}

export function runSpecOf(
  assignment: NodeAssignment,
  run: number,
  { config, module, mounts, network }: ReadyInstance,
  context: RunContext,
): RunSpec {
  const { uid, namespace, name, cpuMillis } = assignment;
  return {
    id: { uid, run },
    namespace,
    name,
    module,
    args: argumentsOf(config),
    env: environmentOf(config, assignment, context.nodeName),
    mounts,
    network,
    memoryBytesMax: config.memoryBytesMax,
    cpuRequestMillis: cpuMillis,
    cpuLimitMillis: config.cpuLimitMillis,
    isolation: config.isolation,
    fuelMax: config.fuelMax,
    deterministic: config.deterministic,
    stopAloneAfterMs: stopsWhenCutOff(config, assignment) ? context.stopDisconnectedAfterMs : undefined,
    stopNotice: config.stopNotice,
    logFolder: logFolderOf(context.stateDir, uid),
    logLimits: context.logLimits,
    ...(config.serving && { serving: config.serving }),
  };
}

export function logFolderOf(stateDir: string, uid: string): string {
  return join(stateDir, "instances", uid, "logs");
}
