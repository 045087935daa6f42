/** A pretended node: the daemon's own link to the scheduler, with instances that do not exist. */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { ClientTls } from "../../node-daemon/session/channel.ts";
import type { StoredMeta } from "../../node-daemon/session/checkpoint.ts";
import type { ConditionSource, ReportedCondition } from "../../node-daemon/session/condition-source.ts";
import { dial } from "../../node-daemon/session/channel.ts";
import type { MetricsServer } from "../../node-daemon/machine/metrics-server.ts";
import { SchedulerLink } from "../../node-daemon/session/scheduler-link.ts";
import type { ModuleInventory } from "../../node-daemon/session/module-inventory.ts";
import type { Hello } from "../../proto/gen/wherry/v1/Hello.ts";
import { protocolVersion } from "../../proto/node-service.ts";
import { decideFate, type FateOptions } from "./fate.ts";
import { type DelayRange, HollowInstances } from "./hollow-instances.ts";
import type { HollowLoad } from "./hollow-load.ts";
import { hollowLog } from "./hollow-log.ts";
import { serveHollowMetrics } from "./hollow-metrics.ts";
import { HollowTraffic } from "./hollow-traffic.ts";
import { farewellMsMax } from "./limits.ts";

export interface NodeCapacity {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly instances: number;
  readonly processes: number;
}

export interface HollowRuntime {
  readonly name: string;
  readonly version: string;
  readonly features: readonly string[];
}

/** What all nodes have in common. */
export interface HollowTraits extends FateOptions {
  /** HOST:PORT of the scheduler. */
  readonly join: string;
  readonly capacity: NodeCapacity;
  readonly runtimes: readonly HollowRuntime[];
  readonly startDelay: DelayRange;
  /** undefined: instances say nothing of what they use. */
  readonly usageIntervalMs: number | undefined;
  readonly load: HollowLoad;
  /** Whether each node serves its metrics. */
  readonly servesMetrics: boolean;
}

export interface HollowNodeOptions {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tls: ClientTls;
  readonly traits: HollowTraits;
  readonly clock: Clock;
  readonly random: Random;
  /** Of its instances' fates: with the same seed they are the same. */
  readonly dice: Random;
  readonly log: Log;
}

const noModules: ModuleInventory = { images: () => [], stateOf: () => undefined, onChange: () => {} };

export class HollowNode {
  readonly name: string;
  /** Resolves with the first session. */
  readonly connected: Promise<void>;
  readonly #instances: HollowInstances;
  readonly #traffic: HollowTraffic;
  readonly #options: HollowNodeOptions;
  #metrics: MetricsServer | undefined;
  readonly #link: SchedulerLink;

  constructor(options: HollowNodeOptions) {
    const { name, tls, traits, clock, random, dice, log } = options;
    this.name = name;
    this.#options = options;
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    this.#instances = new HollowInstances({
      startDelay: traits.startDelay,
      reportsUsage: traits.usageIntervalMs !== undefined,
      load: traits.load,
      fateOf: (run) => decideFate(run, traits, dice),
      fraction: () => dice.fraction(),
      clock,
    });
    this.#traffic = new HollowTraffic({ load: traits.load, running: () => this.#instances.running(), clock });
    const hello = helloOf(options);
    this.#link = new SchedulerLink({
      address: traits.join,
      dial: () => dial(traits.join, tls),
      hello: () => (this.#metrics ? { ...hello, metricsAddress: `127.0.0.1:${this.#metrics.port}` } : hello),
      instances: this.#instances,
      serving: { beginSession: () => {}, update: () => {} },
      traffic: this.#traffic,
      conditions: steadyConditions(clock.now()),
      modules: noModules,
      logs: hollowLog,
      checkpoint: new RememberedMeta(),
      onHeard: () => {},
      onStopAfter: () => {},
      onCutOff: (afterMs) => this.#instances.cutOff(afterMs / 2),
      onConnected: connected.resolve,
      usageIntervalMs: traits.usageIntervalMs ?? neverMs,
      clock,
      random,
      log: log.bind({ node: name }),
    });
  }

  get aliveCount(): number {
    return this.#instances.aliveCount;
  }

  async start(): Promise<void> {
    const { traits, log } = this.#options;
    if (traits.servesMetrics)
      this.#metrics = await serveHollowMetrics(
        () => this.#instances.figures(),
        log.bind({ node: this.name }),
      );
    this.#link.start();
  }

  /** Ends all instances, as a daemon that goes for good; what they became is told by `close`. */
  drain(): void {
    this.#instances.drain();
  }

  async close(): Promise<void> {
    await this.#link.close(farewellMsMax);
    this.#traffic.close();
    await this.#metrics?.[Symbol.asyncDispose]();
    this.#instances.close();
  }
}

/** As long as timers can wait. */
const neverMs = 2 ** 31 - 1;

/** What a daemon has on disk. */
class RememberedMeta {
  #meta: StoredMeta = { epoch: 0, stopDisconnectedAfterMs: undefined };

  loadMeta(): StoredMeta {
    return this.#meta;
  }

  saveMeta(meta: StoredMeta): void {
    this.#meta = meta;
  }
}

function helloOf({ name, labels, traits, random }: HollowNodeOptions): Hello {
  const { capacity, runtimes } = traits;
  return {
    nodeName: name,
    protocolVersion,
    updatesContents: true,
    daemonVersion: "hollow",
    capacity,
    allocatable: capacity,
    runtimes: runtimes.map((runtime) => ({ ...runtime, features: [...runtime.features] })),
    labels: { ...labels },
    info: { operatingSystem: "linux", architecture: "amd64", kernelVersion: "hollow" },
    bootId: random.uuid(),
  };
}

/** A hollow node is never short of anything. */
function steadyConditions(transitionMs: number): ConditionSource {
  const said = (type: string, reason: string, message: string): ReportedCondition => ({
    type,
    status: false,
    reason,
    message,
    transitionMs,
  });
  const conditions = [
    said("MemoryPressure", "NodeHasSufficientMemory", "The node is hollow: it uses no memory."),
    said("DiskPressure", "NodeHasNoDiskPressure", "The node is hollow: it uses no disk."),
  ];
  return { conditions: () => conditions, onChange: () => {} };
}
