/**
 * One scheduler of the simulated cluster: the real engine and the real sessions, on a clock, a view of the store and wires
 * of the simulation. It may die at any moment, and then nothing of it is heard any more, whatever it still believes.
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { seededRandom } from "../../kit/random.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import type { Instance } from "../../scheduler/core/model.ts";
import type { Scale, ScaleReference } from "../../scheduler/backend/scale-backend.ts";
import { Engine } from "../../scheduler/engine/engine.ts";
import { AssignmentProofs } from "../../scheduler/nodes/assignment-proofs.ts";
import { SessionTable } from "../../scheduler/nodes/session-table.ts";
import { BackendScales } from "../../scheduler/testing/backend-scales.ts";
import type { Dice } from "../soak/dice.ts";
import { type Loads, LoadSource } from "./loads.ts";
import type { Wire } from "./network.ts";
import { SimulatedBackend, type BackendOptions } from "./simulated-backend.ts";
import { ProcessClock } from "./simulated-time.ts";
import type { Trace } from "./trace.ts";

export interface SchedulerProcessOptions extends BackendOptions {
  readonly name: string;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly lostAfterMs: number;
  /** An instance is about to be bound to a node. */
  readonly deciding: (scheduler: SchedulerProcess, instance: Instance, nodeName: string) => void;
  /** An instance is about to be stopped within the disruption budgets. */
  readonly evicting: (scheduler: SchedulerProcess, instance: Instance) => void;
  /** What autoscalers' metrics are. */
  readonly loads: Loads;
  /** An autoscaler's number is about to be written. */
  readonly scaling: (
    scheduler: SchedulerProcess,
    reference: ScaleReference,
    scale: Scale,
    replicas: number,
  ) => void;
  /** An instance has changed. */
  readonly changed: (scheduler: SchedulerProcess, namespace: string, name: string) => void;
}

export class SchedulerProcess {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly backend: SimulatedBackend;
  readonly engine: Engine;
  readonly #options: SchedulerProcessOptions;
  #sessions: SessionTable | undefined;
  #epoch = 0;
  #isAlive = true;

  constructor(options: SchedulerProcessOptions) {
    this.#options = options;
    const { name, time, dice, trace, lostAfterMs, deciding, evicting, changed, loads } = options;
    this.name = name;
    this.clock = new ProcessClock(time, dice.below(2_000) - 1_000);
    this.backend = new SimulatedBackend(options);
    this.engine = new Engine({
      backend: this.backend,
      clock: this.clock,
      random: seededRandom(dice.below(2 ** 31)),
      log: trace.log(name),
      lostAfterMs,
      wideHostNamespaces: ["*"],
      autoscaling: {
        scales: this.#makeScales(),
        sources: { Redis: new LoadSource(loads, () => this.#isAlive) },
      },
      objectCounts: { count: () => 0, subscribe: () => ({ [Symbol.dispose]: () => {} }) },
      deciding: (instance, nodeName) => {
        if (this.#isAlive) deciding(this, instance, nodeName);
      },
      evicting: (instance) => {
        if (this.#isAlive) evicting(this, instance);
      },
    });
    this.engine.live.subscribe(({ object: { metadata } }) => {
      if (this.#isAlive) changed(this, metadata.namespace ?? "", metadata.name);
    });
  }

  /** As the store lets this scheduler see them. */
  #makeScales(): BackendScales {
    const { scaling } = this.#options;
    const scales = new BackendScales(this.backend);
    scales.writing = (reference, scale, replicas) => {
      if (this.#isAlive) scaling(this, reference, scale, replicas);
    };
    return scales;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Whether nodes can open sessions. */
  get isListening(): boolean {
    return this.#isAlive && this.#sessions !== undefined;
  }

  get epoch(): number {
    return this.#epoch;
  }

  async start(): Promise<void> {
    const { trace, lostAfterMs } = this.#options;
    this.#epoch = await this.backend.takeEpoch();
    await this.engine.start();
    if (!this.#isAlive) return;
    const { clock, engine } = this;
    const log = trace.log(this.name);
    this.#sessions = new SessionTable({
      epoch: this.#epoch,
      lostAfterMs,
      listener: engine.nodes,
      proofs: new AssignmentProofs([Buffer.from("of this cluster")]),
      clock,
      log,
    });
    trace.note(this.name, `listens, epoch ${this.#epoch}`);
  }

  accept(wire: Wire, nodeName: string): void {
    // What a session uses of a call, a wire's end has.
    const call = wire.server as unknown as ServerDuplexStream<NodeMessage__Output, SchedulerMessage>;
    this.#sessions?.accept(call, nodeName);
  }

  /** As kill -9. Whoever calls it cuts the wires. */
  crash(): void {
    this.#isAlive = false;
    this.clock.stop();
    this.backend.stop();
  }

  /** In order: its sessions are ended, and what it has under way is given time. */
  stop(): void {
    this.#sessions?.close("the scheduler is stopping");
    this.#isAlive = false;
    void this.engine.close().then(() => this.crash());
  }
}
