/**
 * A machine of the simulated cluster: its disk, what hosts its runs, and the node daemon on it: the real agent and the
 * real link, on a clock, a disk, a driver and a wire of the simulation.
 *
 *   off ──start──▶ daemon runs ──crash──▶ runs go on alone ──start──▶ the next daemon takes over
 *                       └────────reboot: runs are gone, the disk stays────────┘
 */
import { seededRandom } from "../../kit/random.ts";
import { type AgentOptions, NodeAgent } from "../../node-daemon/agent.ts";
import type { VolumeContent } from "../../node-daemon/core/assignment.ts";
import { type ReportedStatus, statusOf } from "../../node-daemon/core/status.ts";
import { usageIntervalMs } from "../../node-daemon/core/limits.ts";
import { ModuleBoard } from "../../node-daemon/images/module-board.ts";
import { AllowedNetwork } from "../../node-daemon/network/allowed-network.ts";
import type { RunEnd, RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import type { ConditionSource, ReportedCondition } from "../../node-daemon/session/condition-source.ts";
import { type GatewayUpdate, joined } from "../../node-daemon/serving/gateway-update.ts";
import { ToldFacts } from "../../node-daemon/serving/told-facts.ts";
import type { SessionServing } from "../../node-daemon/session/node-session.ts";
import { SchedulerLink } from "../../node-daemon/session/scheduler-link.ts";
import { noTraffic } from "../../node-daemon/session/traffic-news.ts";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import { protocolVersion } from "../../proto/node-service.ts";
import type { NodeCapacity } from "../../scheduler/core/model.ts";
import type { Dice } from "../soak/dice.ts";
import { type DiskHandle, MachineDisk } from "./machine-disk.ts";
import { type DriverHandle, ShimHost } from "./shim-host.ts";
import { ProcessClock, type SimulatedTime } from "./simulated-time.ts";
import type { Trace } from "./trace.ts";

export interface MachineOptions {
  /** Unique, unlike the name: two machines may have one. */
  readonly id: string;
  readonly name: string;
  /** Whether another machine had this name before. */
  readonly isTwin: boolean;
  readonly allocatable: NodeCapacity;
  readonly labels: Readonly<Record<string, string>>;
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly trace: Trace;
  /** Opens a session with the scheduler that this machine reaches. */
  readonly dial: (machine: Machine) => NodeServiceClient;
  readonly isCalm: () => boolean;
  readonly onEnd: (machine: Machine, spec: RunSpec, end: RunEnd) => void;
  /** A scheduler gives it instances. */
  readonly onAssign: (machine: Machine, uids: readonly string[]) => void;
  /** The scheduler has noted the ends of instances, which are forgotten next. */
  readonly onAcknowledge: (machine: Machine) => void;
  /** Its gateway is to know this. */
  readonly onTold: (machine: Machine, update: GatewayUpdate) => void;
}

interface DaemonProcess {
  readonly clock: ProcessClock;
  readonly disk: DiskHandle;
  readonly driver: DriverHandle;
  readonly agent: NodeAgent;
  readonly link: SchedulerLink;
}

/** What it says of itself, for as long as the machine is up. */
class Conditions implements ConditionSource {
  #conditions: readonly ReportedCondition[] = [];
  #listener: () => void = () => {};

  conditions(): readonly ReportedCondition[] {
    return this.#conditions;
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  set(conditions: readonly ReportedCondition[]): void {
    this.#conditions = conditions;
    this.#listener();
  }
}

interface AgentWatcher {
  onAssign(uids: readonly string[]): void;
  onAcknowledge(): void;
}

/** Tells before it takes and before it forgets. */
class WatchedAgent extends NodeAgent {
  readonly #watcher: AgentWatcher;

  constructor(watcher: AgentWatcher, options: AgentOptions) {
    super(options);
    this.#watcher = watcher;
  }

  override assign(...[templates, assignments]: Parameters<NodeAgent["assign"]>): void {
    this.#watcher.onAssign(assignments.map(({ uid }) => uid));
    super.assign(templates, assignments);
  }

  override acknowledge(uids: readonly string[]): void {
    this.#watcher.onAcknowledge();
    super.acknowledge(uids);
  }
}

/** Nobody sends requests to what is simulated. */
const noEndpoints = {
  adopted: () => {},
  requests: () => {},
  follow: () => {},
  drained: () => Promise.resolve(),
  forgetDrain: () => {},
};

/** More than there are in a simulation. */
const modulesMax = 20;

export class Machine {
  readonly id: string;
  readonly name: string;
  readonly isTwin: boolean;
  allocatable: NodeCapacity;
  labels: Readonly<Record<string, string>>;
  /** How many times longer than usual things take here. */
  slowness = 1;
  readonly disk = new MachineDisk();
  /** What instances see of ConfigMaps, by template. On the disk as well: daemons come and go. */
  readonly files = new Map<string, readonly VolumeContent[]>();
  readonly conditions = new Conditions();
  /** What its gateway knows, with or without a daemon. */
  readonly told = new ToldFacts();
  /** Whether it was told everything in this session. */
  isTold = false;
  readonly #options: MachineOptions;
  readonly #modules = new ModuleBoard(modulesMax);
  #part: GatewayUpdate | undefined;
  #pressure: string | undefined;
  #host: ShimHost;
  #daemon: DaemonProcess | undefined;
  #boots = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.name;
    this.isTwin = options.isTwin;
    this.allocatable = options.allocatable;
    this.labels = options.labels;
    this.#host = this.#newHost();
  }

  get isUp(): boolean {
    return this.#daemon !== undefined;
  }

  get clock(): ProcessClock | undefined {
    return this.#daemon?.clock;
  }

  get agent(): NodeAgent | undefined {
    return this.#daemon?.agent;
  }

  get host(): ShimHost {
    return this.#host;
  }

  /** Uids of instances that are not over, as this machine knows it. */
  aliveUids(): readonly string[] {
    const { agent } = this;
    if (agent === undefined) return this.#host.liveUids();
    const ended = new Set(agent.endedUids());
    return agent.uids().filter((uid) => !ended.has(uid));
  }

  /** What it says, or would say, of each instance that it holds. */
  statuses(): ReadonlyMap<string, ReportedStatus> {
    const { agent } = this;
    const statuses = new Map<string, ReportedStatus>();
    if (agent === undefined) {
      for (const { assignment, lifecycle } of this.disk.instances.values())
        statuses.set(assignment.uid, statusOf(lifecycle));
      return statuses;
    }
    for (const uid of agent.uids()) {
      const status = agent.statusOf(uid);
      if (status !== undefined) statuses.set(uid, status);
    }
    return statuses;
  }

  async start(): Promise<void> {
    if (this.#daemon !== undefined) return;
    const { time, dice, trace } = this.#options;
    const clock = new ProcessClock(time, dice.below(2_000) - 1_000);
    const disk = this.disk.open();
    const driver = this.#host.connect();
    const log = trace.log(this.id);
    const random = seededRandom(dice.below(2 ** 31));
    const agent = new WatchedAgent(this.#watcher(), {
      nodeName: this.name,
      stateDir: "/nowhere",
      logLimits: { fileBytesMax: 1, bytesPerSecondMax: 1 },
      drivers: new Map([["v8", driver]]),
      modules: {
        fetch: ({ image }) => Promise.resolve({ kind: "fetched", module: { digest: image, file: image } }),
        retain: () => {},
        release: () => {},
      },
      moduleBoard: this.#modules,
      volumes: {
        mount: ({ templateId, contents }) => {
          if (!this.files.has(templateId)) this.files.set(templateId, contents());
          return Promise.resolve({ kind: "mounted", mounts: [] });
        },
        removeInstance: () => Promise.resolve(),
        updateTemplate: (templateId, contents) => {
          if (this.files.has(templateId)) this.files.set(templateId, contents);
          return Promise.resolve();
        },
        removeTemplate: (templateId) => {
          this.files.delete(templateId);
          return Promise.resolve();
        },
        close: () => {},
      },
      network: new AllowedNetwork([], []),
      folders: { remove: () => {} },
      serving: { ...noEndpoints, workload: (uid) => this.told.workload(uid) },
      allocatable: this.allocatable,
      checkpoint: disk,
      traces: undefined,
      clock,
      random,
      log,
    });
    const link = new SchedulerLink({
      address: "the scheduler",
      dial: () => this.#options.dial(this),
      hello: () => this.#hello(),
      instances: agent,
      serving: this.#serving(),
      traffic: noTraffic,
      conditions: this.conditions,
      modules: this.#modules,
      logs: { send: () => {} },
      checkpoint: disk,
      onHeard: (atMs) => driver.heard(clock.monotonic() - atMs),
      onStopAfter: (afterMs) => agent.setStopDisconnectedAfter(afterMs),
      onCutOff: (afterMs) => agent.cutOff(afterMs / 2),
      onConnected: () => {},
      usageIntervalMs,
      clock,
      random,
      log,
    });
    this.#daemon = { clock, disk, driver, agent, link };
    agent.setStopDisconnectedAfter(disk.loadMeta().stopDisconnectedAfterMs);
    await agent.recover(new AbortController().signal);
    void agent.restoreContents();
    if (this.#daemon?.agent === agent) link.start();
  }

  /** Requests wait at its gateway for these workloads. */
  wake(workloadUids: readonly string[]): void {
    const { link, agent } = this.#daemon ?? {};
    if (link?.awayMs === 0) link.wake(workloadUids);
    else agent?.wake(workloadUids);
  }

  #serving(): SessionServing {
    return {
      beginSession: () => {
        this.#part = undefined;
        this.isTold = false;
      },
      update: (part, more) => this.#tell(part, more),
    };
  }

  #tell(part: GatewayUpdate, more: boolean): void {
    const update = this.#part ? joined(this.#part, part) : part;
    this.#part = more ? update : undefined;
    if (more) return;
    this.#options.onTold(this, update);
    this.told.apply(update);
    this.#daemon?.agent.reviewWakes();
    this.isTold ||= update.complete;
  }

  /** It says that it runs short of something, or of nothing. */
  setPressure(type: string | undefined): void {
    if (type === this.#pressure) return;
    this.#pressure = type;
    const transitionMs = this.#options.time.elapsedMs;
    const said = (one: string): ReportedCondition => {
      const status = one === type;
      return { type: one, status, reason: status ? "RunsShort" : "Enough", message: "", transitionMs };
    };
    this.conditions.set(["MemoryPressure", "DiskPressure", "InstancePressure"].map(said));
  }

  /** The daemon is killed. What it hosts goes on. */
  crash(): void {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    this.#daemon = undefined;
    this.isTold = false;
    daemon.clock.stop();
    daemon.disk.close();
    void daemon.driver.close();
  }

  /** Everything that ran is gone; the disk stays. */
  reboot(): void {
    this.crash();
    this.#host.powerOff();
    this.#host = this.#newHost();
  }

  #watcher(): AgentWatcher {
    const { onAssign, onAcknowledge } = this.#options;
    return { onAssign: (uids) => onAssign(this, uids), onAcknowledge: () => onAcknowledge(this) };
  }

  #newHost(): ShimHost {
    const { time, dice, isCalm, onEnd } = this.#options;
    return new ShimHost({
      clock: new ProcessClock(time),
      dice,
      slowness: () => this.slowness,
      isCalm,
      onEnd: (spec, end) => onEnd(this, spec, end),
    });
  }

  #hello() {
    const allocatable = { ...this.allocatable, extended: Object.fromEntries(this.allocatable.extended) };
    const bootId = `${this.id}-${++this.#boots}`;
    return {
      nodeName: this.name,
      protocolVersion,
      updatesContents: true,
      daemonVersion: "simulated",
      capacity: allocatable,
      allocatable,
      runtimes: [{ name: "v8", version: "14.6", features: ["isolation-process"] }],
      labels: this.labels,
      info: { operatingSystem: "linux", architecture: "amd64", kernelVersion: "6" },
      bootId,
      gatewayAddress: `${this.name}.example:7000`,
      gatewayUrls: [`http://${this.name}.example:8080`],
    };
  }
}
