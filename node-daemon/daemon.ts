/**
 * The daemon put together: checkpoint, modules, volumes, drivers, agent, link. `main.ts` gives it options and tells it when
 * to leave; tests give it other drivers.
 */
import { mkdir, realpath } from "node:fs/promises";
import { arch, platform, release } from "node:os";
import { join } from "node:path";
import type { HostFolder } from "../api/host-paths.ts";
import { listenRuleText } from "../api/listen-rules.ts";
import { type Clock, sleep } from "../kit/clock.ts";
import { WherryError } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import type { Random } from "../kit/random.ts";
import type { Tracer } from "../kit/tracing/tracer.ts";
import type { Grants } from "../proto/gen/wherry/v1/Grants.ts";
import type { Hello } from "../proto/gen/wherry/v1/Hello.ts";
import { helloLimits, protocolVersion } from "../proto/node-service.ts";
import { NodeAgent } from "./agent.ts";
import { drainMsMax, farewellMsMax, localWakeAfterMs, usageIntervalMs } from "./core/limits.ts";
import type { ConditionBoard } from "./machine/condition-board.ts";
import { Machine } from "./machine/machine.ts";
import type { Room } from "./machine/room.ts";
import { imageLimits } from "./images/limits.ts";
import { ModuleBoard } from "./images/module-board.ts";
import { ModuleStore } from "./images/module-store.ts";
import { AllowedNetwork } from "./network/allowed-network.ts";
import { defaultLogLimits } from "./logs/instance-log.ts";
import type { DaemonOptions } from "./options.ts";
import type { RuntimeDriver, RuntimeFacts } from "./runtimes/runtime-driver.ts";
import { type GatewayProgram, installGatewayProgram } from "./serving/gateway-program.ts";
import { NodeServing } from "./serving/node-serving.ts";
import { metricsAddressOf } from "./serving/serving-options.ts";
import { dial } from "./session/channel.ts";
import { type Checkpoint, openCheckpoint } from "./session/checkpoint.ts";
import { StartTraces } from "./tracing/start-traces.ts";
import { LogSender } from "./session/log-sender.ts";
import { SchedulerLink } from "./session/scheduler-link.ts";
import { configOf } from "./held-instance.ts";
import { logFolderOf } from "./setup.ts";
import { AllowedRoots } from "./volumes/allowed-roots.ts";
import { InstanceFolders } from "./volumes/instance-folders.ts";
import { VolumeStore } from "./volumes/volume-store.ts";

export interface DaemonParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Candidates; those that this machine lacks are left out. */
  readonly drivers: readonly RuntimeDriver[];
  /** With what is known of the machine before. */
  readonly conditions: ConditionBoard;
  /** None by default. */
  readonly tracer?: Tracer;
  /** The machine's own by default. */
  readonly room?: Room;
  /** This version's by default. */
  readonly gatewayProgram?: GatewayProgram;
}

export class Daemon {
  readonly runtimes: readonly RuntimeFacts[];
  /** Resolves with the first session. */
  readonly connected: Promise<void>;
  readonly #parts: DaemonParts;
  readonly #drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly #checkpoint: Checkpoint;
  readonly #agent: NodeAgent;
  readonly #link: SchedulerLink;
  readonly #machine: Machine;
  readonly #serving: NodeServing;

  private constructor(
    parts: DaemonParts,
    checkpoint: Checkpoint,
    found: readonly (readonly [RuntimeFacts, RuntimeDriver])[],
    agent: NodeAgent,
    machine: Machine,
    serving: NodeServing,
    linkOf: (onConnected: () => void) => SchedulerLink,
  ) {
    this.#parts = parts;
    this.#checkpoint = checkpoint;
    this.runtimes = found.map(([facts]) => facts);
    this.#drivers = new Map(found.map(([{ name }, driver]) => [name, driver]));
    this.#agent = agent;
    this.#machine = machine;
    this.#serving = serving;
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    this.#link = linkOf(connected.resolve);
  }

  /** Takes over what an earlier daemon left, and begins to look for the scheduler. */
  static async start(options: DaemonOptions, parts: DaemonParts, signal: AbortSignal): Promise<Daemon> {
    const { stateDir } = options;
    const { clock, random, log } = parts;
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const checkpoint = openCheckpoint(join(stateDir, "daemon.db"));
    const found = await detect(parts.drivers, signal);
    const roots = new AllowedRoots(options.allowedHostPaths, [stateDir, ...options.reservedHostPaths]);
    const offered = await withRealPaths(options.allowedHostPaths);
    const volumes = new VolumeStore(stateDir, roots, clock, log);
    const folders = new InstanceFolders(join(stateDir, "instances"), log);
    let machine: Machine | undefined;
    const moduleBoard = new ModuleBoard(imageLimits.namesMax);
    const folder = join(stateDir, "cache", "modules");
    const onFetched = () => machine?.collectGarbage();
    const onDropped = (digest: string) => moduleBoard.dropped(digest);
    const modules = await ModuleStore.open({ folder, roots, clock, log, onFetched, onDropped });
    const drivers = new Map(found.map(([{ name }, driver]) => [name, driver]));
    const serving = createServing(options, parts, checkpoint, drivers);
    const agent = new NodeAgent({
      nodeName: options.name,
      stateDir,
      logLimits: defaultLogLimits,
      drivers,
      serving,
      allocatable: options.allocatable,
      modules,
      moduleBoard,
      volumes,
      network: new AllowedNetwork(options.allowedListen, options.allowedLoopback),
      folders,
      checkpoint,
      traces: parts.tracer?.isOn ? new StartTraces(parts.tracer, clock) : undefined,
      clock,
      random,
      log,
    });
    agent.setStopDisconnectedAfter(checkpoint.loadMeta().stopDisconnectedAfterMs);
    await agent.recover(signal);
    const gatewayStarted = serving.start();
    gatewayStarted.catch(() => {});
    for (const { image, digest } of agent.modulesInUse())
      if (modules.lastUsed(digest) !== undefined) moduleBoard.fetched(image, digest);
    await volumes.sweepTemplates(agent.templatesInUse);
    void agent.restoreContents();
    machine = await Machine.start({
      options: options.machine,
      stateDir,
      instancesMax: options.allocatable.instances,
      agent,
      serving,
      modules,
      moduleBoard,
      drivers: found.map(([, driver]) => driver),
      board: parts.conditions,
      room: parts.room,
      tracer: parts.tracer,
      clock,
      log,
    });
    await gatewayStarted;
    const daemon = new Daemon(parts, checkpoint, found, agent, machine, serving, (onConnected) =>
      createLink(options, parts, {
        agent,
        serving,
        moduleBoard,
        checkpoint,
        found,
        folders: offered,
        metricsAddress: metricsAddress(options, machine?.metricsPort),
        onConnected,
      }),
    );
    daemon.#link.start();
    // What is left of instances long gone can wait until everything else runs.
    void daemon.connected.then(() => folders.sweep((uid) => agent.assignmentOf(uid) !== undefined));
    return daemon;
  }

  /** Where metrics are served, if they are. */
  get metricsPort(): number | undefined {
    return this.#machine.metricsPort;
  }

  /** Where clients reach the gateway, if there is one. */
  get urls(): readonly string[] {
    return this.#serving.urls;
  }

  /** Stops all instances within a bound, reports how they ended, and ends what hosted them. */
  async drain(): Promise<void> {
    const { clock, log } = this.#parts;
    log.info("draining", { instances: this.#agent.aliveCount });
    const over = new AbortController();
    const killMs = drainMsMax - killMsMax;
    const kill = sleep(clock, killMs, over.signal).then(() => this.#agent.killAll());
    const giveUp = kill.then(() => sleep(clock, killMsMax, over.signal));
    await Promise.race([this.#agent.drain(killMs), giveUp.catch(() => {})]);
    over.abort(new Error("drained"));
    await this.#close("stop");
  }

  /** Leaves the instances running, for the next daemon on this state directory. */
  async leave(): Promise<void> {
    await this.#close("keep");
  }

  async #close(what: "keep" | "stop"): Promise<void> {
    await this.#machine.close();
    await this.#link.close(farewellMsMax);
    this.#agent.close();
    for (const driver of this.#drivers.values()) await driver.close(what);
    if (what === "stop") await this.#serving.end();
    else this.#serving.leave();
    this.#checkpoint.close();
  }
}

/** The last part of a drain, when those that have not ended are killed. */
const killMsMax = 3000;

async function detect(
  drivers: readonly RuntimeDriver[],
  signal: AbortSignal,
): Promise<readonly (readonly [RuntimeFacts, RuntimeDriver])[]> {
  const found: (readonly [RuntimeFacts, RuntimeDriver])[] = [];
  for (const driver of drivers) {
    const facts = await driver.detect(signal);
    if (facts) found.push([facts, driver]);
  }
  if (found.length > 0) return found;
  throw new WherryError(
    "NoRuntime",
    "this machine has no runtime for WebAssembly that the node daemon can use; the built-in one needs Linux and the Node that Wherry installs",
  );
}

/** The scheduler compares paths as they are written, and a template may write either. In their order: the first one counts. */
async function withRealPaths(folders: readonly HostFolder[]): Promise<readonly HostFolder[]> {
  const both = folders.map(async (folder) => {
    const real = await realpath(folder.path).catch(() => folder.path);
    return real === folder.path ? [folder] : [folder, { ...folder, path: real }];
  });
  return (await Promise.all(both)).flat();
}

function createServing(
  { name: nodeName, stateDir, orphanMs, tls, tracing, serving: options }: DaemonOptions,
  { clock, random, log, conditions, gatewayProgram }: DaemonParts,
  checkpoint: Checkpoint,
  drivers: ReadonlyMap<string, RuntimeDriver>,
): NodeServing {
  const folder = join(stateDir, "gateway");
  const isWanted = options.listen.length > 0;
  return new NodeServing({
    options,
    nodeName,
    folder,
    program: isWanted ? (gatewayProgram ?? installGatewayProgram(join(folder, "programs"))) : undefined,
    orphanMs,
    tracing,
    tls,
    checkpoint,
    conditions,
    requestFolderOf: (held) =>
      drivers.get(configOf(held)?.runtime ?? "")?.requestFolderOf(held.assignment.uid),
    boundPortOf: (held, listener) =>
      drivers.get(configOf(held)?.runtime ?? "")?.boundPortOf(held.assignment.uid, listener),
    clock,
    random,
    log,
  });
}

interface LinkParts {
  readonly agent: NodeAgent;
  readonly serving: NodeServing;
  readonly moduleBoard: ModuleBoard;
  readonly checkpoint: Checkpoint;
  readonly found: readonly (readonly [RuntimeFacts, RuntimeDriver])[];
  /** What it offers of its file system, as the scheduler is to know it. */
  readonly folders: readonly HostFolder[];
  /** Where Prometheus reads; empty: nowhere. */
  readonly metricsAddress: string;
  readonly onConnected: () => void;
}

function createLink(options: DaemonOptions, parts: DaemonParts, linked: LinkParts): SchedulerLink {
  const { agent, serving, moduleBoard, checkpoint, found, onConnected } = linked;
  const { clock, random, log } = parts;
  const logs = new LogSender({
    folderOf: (uid) => logFolderOf(options.stateDir, uid),
    isHeld: (uid) => agent.assignmentOf(uid) !== undefined,
    endOf: (uid) => agent.endOf(uid),
    log,
  });
  const hello = helloOf(options, parts, linked);
  let told: string | undefined;
  const link = new SchedulerLink({
    address: options.scheduler,
    dial: () => dial(options.scheduler, options.tls),
    hello: () => {
      told = JSON.stringify(gatewayOf(serving));
      return { ...hello, ...gatewayOf(serving) };
    },
    instances: agent,
    serving,
    traffic: serving,
    conditions: parts.conditions,
    modules: moduleBoard,
    logs,
    checkpoint,
    onHeard: (atMs) => {
      const agoMs = clock.monotonic() - atMs;
      for (const [, driver] of found) driver.heard(agoMs);
    },
    onStopAfter: (afterMs) => agent.setStopDisconnectedAfter(afterMs),
    // The scheduler lets the node count as lost some time after this; half as much again is left for a grace.
    onCutOff: (afterMs) => agent.cutOff(afterMs / 2),
    onConnected,
    usageIntervalMs,
    clock,
    random,
    log,
  });
  serving.onWake((workloads) => {
    // The gateway asks again each second: a session that was only lost for a moment is there by then.
    if (link.awayMs === 0) link.wake(workloads);
    else if (link.awayMs >= localWakeAfterMs) agent.wake(workloads);
  });
  serving.onWorkloads(() => agent.reviewWakes());
  serving.onAddresses(() => {
    // The scheduler hears of it at the beginning of a session only.
    if (told !== undefined && told !== JSON.stringify(gatewayOf(serving)))
      link.renew("the gateway listens elsewhere");
  });
  return link;
}

function helloOf(
  options: DaemonOptions,
  { version, random }: DaemonParts,
  { found, folders, metricsAddress }: Pick<LinkParts, "found" | "folders" | "metricsAddress">,
): Hello {
  return {
    nodeName: options.name,
    protocolVersion,
    daemonVersion: version,
    capacity: options.capacity,
    allocatable: options.allocatable,
    runtimes: found.map(([facts]) => ({ ...facts, features: [...facts.features] })),
    labels: { ...options.labels },
    info: { operatingSystem: platform(), architecture: architectureName(arch()), kernelVersion: release() },
    bootId: random.uuid(),
    grants: grantsOf(options, folders),
    updatesContents: true,
    metricsAddress,
  };
}

function metricsAddress({ machine, serving }: DaemonOptions, port: number | undefined): string {
  if (machine.metrics === undefined || port === undefined) return "";
  return metricsAddressOf({ host: machine.metrics.host, port }, serving);
}

function gatewayOf({ peerAddress, urls }: NodeServing): Pick<Hello, "gatewayAddress" | "gatewayUrls"> {
  return { gatewayAddress: peerAddress, gatewayUrls: [...urls] };
}

/** Too many to tell are not told: the node itself refuses what it does not allow, later. */
function grantsOf({ allowedListen }: DaemonOptions, folders: readonly HostFolder[]): Grants | null {
  if (folders.length + allowedListen.length > helloLimits.grantsMax) return null;
  const grant = (namespace: string | undefined, value: string) => ({ namespace: namespace ?? "", value });
  return {
    hostPaths: folders.map(({ namespace, path }) => grant(namespace, path)),
    listen: allowedListen.map((rule) => grant(rule.namespace, listenRuleText(rule))),
  };
}

/** As `kubernetes.io/arch` has it, which is Go's word. */
function architectureName(name: string): string {
  return name === "x64" ? "amd64" : name;
}
