/** What the daemon does about its machine, put together: pressure and eviction, garbage, metrics. */
import { join } from "node:path";
import type { Clock } from "../../kit/clock.ts";
import type { Tracer } from "../../kit/tracing/tracer.ts";
import type { Log } from "../../kit/log.ts";
import type { NodeAgent } from "../agent.ts";
import type { ModuleBoard } from "../images/module-board.ts";
import type { ModuleStore } from "../images/module-store.ts";
import type { RuntimeDriver } from "../runtimes/runtime-driver.ts";
import type { NodeServing } from "../serving/node-serving.ts";
import { logFolderOf } from "../setup.ts";
import type { ConditionBoard } from "./condition-board.ts";
import { metricsLimits } from "./core/limits.ts";
import { evictableInstances } from "./evictable-instances.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { releaseHeap } from "./heap.ts";
import type { MachineOptions } from "./machine-options.ts";
import { createMetrics } from "./metrics.ts";
import { type MetricsServer, serveMetrics } from "./metrics-server.ts";
import { PressureWatch } from "./pressure-watch.ts";
import { type Room, systemRoom } from "./room.ts";
import type { InstanceFigures } from "./workload-metrics.ts";

export interface MachineParts {
  readonly options: MachineOptions;
  readonly stateDir: string;
  readonly instancesMax: number;
  readonly agent: NodeAgent;
  readonly serving: Pick<NodeServing, "figures" | "uncounted" | "workload" | "processes">;
  readonly modules: ModuleStore;
  readonly moduleBoard: Pick<ModuleBoard, "translationsDropped">;
  readonly drivers: readonly RuntimeDriver[];
  readonly board: ConditionBoard;
  readonly tracer?: Tracer | undefined;
  /** The machine's own by default. */
  readonly room?: Room | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export class Machine {
  readonly #collector: GarbageCollector;
  readonly #watch: PressureWatch;
  #metrics: MetricsServer | undefined;

  private constructor({ options, stateDir, instancesMax, room, ...parts }: MachineParts) {
    const { agent, modules, moduleBoard, drivers, board, clock, log } = parts;
    this.#collector = new GarbageCollector({
      drivers,
      modules,
      onTranslationsRemoved: (digest) => moduleBoard.translationsDropped(digest),
      endedLogFolders: () => agent.endedUids().map((uid) => logFolderOf(stateDir, uid)),
      log,
    });
    const folder = join(stateDir, "instances");
    this.#watch = new PressureWatch({
      room: room ?? systemRoom(stateDir),
      instances: evictableInstances({ agent, folder, countMax: instancesMax }),
      thresholds: options,
      collectGarbage: () => this.#collector.collectAll(),
      releaseHeap,
      board,
      clock,
      log,
    });
  }

  /** The conditions are known once it resolves. */
  static async start(parts: MachineParts): Promise<Machine> {
    const machine = new Machine(parts);
    const { options, log } = parts;
    const metricsOptions = {
      perInstance: options.metricsPerInstance,
      workloadsMax: metricsLimits.workloadsMax,
    };
    if (options.metrics) {
      machine.#metrics = await serveMetrics(
        options.metrics,
        createMetrics(machine.#sources(parts), metricsOptions),
        log,
      );
    }
    await machine.#watch.start();
    machine.collectGarbage();
    return machine;
  }

  get metricsPort(): number | undefined {
    return this.#metrics?.port;
  }

  /** A module has come. */
  collectGarbage(): void {
    this.#collector.request();
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#metrics?.[Symbol.asyncDispose]();
  }

  #sources({ agent, serving, modules, drivers, board, tracer }: MachineParts) {
    return {
      counters: (uid: string) => agent.countersOf(uid),
      instances: () => agent.uids().flatMap((uid) => figuresOf(agent, uid)),
      served: serving,
      gateways: () => serving.processes(),
      conditions: () => board.conditions(),
      processes: () => drivers[0]?.processes() ?? {},
      evictions: () => this.#watch.evictions,
      cacheBytes: () => ({ module: modules.bytes, translation: this.#collector.translationBytes }),
      ...(tracer && { tracer }),
    };
  }
}

function figuresOf(agent: NodeAgent, uid: string): readonly InstanceFigures[] {
  const assignment = agent.assignmentOf(uid);
  const status = agent.statusOf(uid);
  if (!assignment || !status) return [];
  const { namespace, name, owner } = assignment;
  const { phase, restarts } = status;
  const usage = agent.usageOf(uid);
  const workload = `${owner.kind}/${owner.name}`;
  return [{ namespace, name, workloadUid: owner.uid, workload, phase, restarts, usage }];
}
