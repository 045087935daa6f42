/**
 * The whole cluster: one store, the schedulers that believe to lead it, the machines, and the wires between them.
 *
 *   people ──▶ store ◀──views──▶ schedulers ◀──wires──▶ machines
 *
 * It does what it is told and checks nothing; who decides what happens is in `happenings/`, who judges in `checks/`.
 */
import { EventEmitter } from "node:events";
import { status as grpcStatus } from "@grpc/grpc-js";
import type { GatewayUpdate } from "../../node-daemon/serving/gateway-update.ts";
import type { RunEnd, RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import type { Instance, NodeCapacity } from "../../scheduler/core/model.ts";
import type { Scale, ScaleReference } from "../../scheduler/backend/scale-backend.ts";
import { FakeBackend } from "../../scheduler/testing/fake-backend.ts";
import { Dice } from "../soak/dice.ts";
import { absurdMessages } from "./absurd-messages.ts";
import { Loads } from "./loads.ts";
import { Machine } from "./machine.ts";
import { Wire } from "./network.ts";
import { SchedulerProcess } from "./scheduler-process.ts";
import { fencedManners } from "./simulated-backend.ts";
import type { SimulatedTime } from "./simulated-time.ts";
import type { Trace } from "./trace.ts";

/** Who is told of what the cluster does, to judge it. */
export interface ClusterWitness {
  deciding(scheduler: SchedulerProcess, instance: Instance, nodeName: string): void;
  /** An instance is about to be stopped within the disruption budgets. */
  evicting(scheduler: SchedulerProcess, instance: Instance): void;
  changed(scheduler: SchedulerProcess, namespace: string, name: string): void;
  /** An autoscaler's number is about to be written. */
  scaling(scheduler: SchedulerProcess, reference: ScaleReference, scale: Scale, replicas: number): void;
  ended(machine: Machine, spec: RunSpec, end: RunEnd): void;
  /** A machine is given instances. */
  assigned(machine: Machine, uids: readonly string[]): void;
  /** A machine is about to forget instances that have ended. */
  acknowledged(machine: Machine): void;
  /** The gateway of a machine is told something. */
  told(machine: Machine, update: GatewayUpdate): void;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly witness: ClusterWitness;
}

/** Short beside the production's default, so that more happens in less time. */
export const lostAfterMs = 15_000;

interface OpenWire {
  readonly wire: Wire;
  readonly machine: Machine;
  readonly scheduler: SchedulerProcess;
}

export class Cluster {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly store = new FakeBackend();
  readonly loads = new Loads();
  readonly machines = new Set<Machine>();
  /** Alive, the youngest last. */
  readonly schedulers: SchedulerProcess[] = [];
  /** Machines that reach no scheduler. */
  readonly cutOff = new Set<Machine>();
  /** Machines that reach this scheduler, and not the youngest. */
  readonly detours = new Map<Machine, SchedulerProcess>();
  /** The longest way of a message. */
  wireDelayMsMax = 5;
  /** No more faults: everything succeeds at once. */
  isCalm = false;
  readonly #options: ClusterOptions;
  readonly #wires = new Set<OpenWire>();
  #made = { machines: 0, schedulers: 0, epoch: 0 };

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.time = options.time;
    this.dice = new Dice(options.seed);
  }

  note(text: string): void {
    this.#options.trace.note("", text);
  }

  get leader(): SchedulerProcess | undefined {
    return this.schedulers.at(-1);
  }

  /** The dice of one part, so that it does not matter to others how often it throws them. */
  #diceOf(): Dice {
    return new Dice(this.dice.below(2 ** 31));
  }

  addMachine(allocatable: NodeCapacity, labels: Readonly<Record<string, string>>, twinOf?: string): Machine {
    const number = ++this.#made.machines;
    const machine = new Machine({
      id: `m${number}`,
      name: twinOf ?? `n${number}`,
      isTwin: twinOf !== undefined,
      allocatable,
      labels,
      time: this.time,
      dice: this.#diceOf(),
      trace: this.#options.trace,
      dial: (from) => this.#dial(from),
      isCalm: () => this.isCalm,
      onEnd: (from, spec, end) => this.#options.witness.ended(from, spec, end),
      onAssign: (to, uids) => this.#options.witness.assigned(to, uids),
      onAcknowledge: (from) => this.#options.witness.acknowledged(from),
      onTold: (to, update) => this.#options.witness.told(to, update),
    });
    this.machines.add(machine);
    void machine.start();
    return machine;
  }

  removeMachine(machine: Machine): void {
    this.crashDaemon(machine);
    machine.reboot();
    this.machines.delete(machine);
    this.cutOff.delete(machine);
    this.detours.delete(machine);
  }

  /** One more, which takes the leadership; those that are there may go on for a while. */
  addScheduler(): SchedulerProcess {
    const { trace, witness } = this.#options;
    const scheduler: SchedulerProcess = new SchedulerProcess({
      name: `s${++this.#made.schedulers}`,
      store: this.store,
      time: this.time,
      dice: this.#diceOf(),
      trace,
      lostAfterMs,
      takeEpoch: () => ++this.#made.epoch,
      deciding: (...what) => witness.deciding(...what),
      evicting: (...what) => witness.evicting(...what),
      changed: (...what) => witness.changed(...what),
      loads: this.loads,
      scaling: (...what) => witness.scaling(...what),
    });
    this.schedulers.push(scheduler);
    void scheduler.start();
    return scheduler;
  }

  crashScheduler(scheduler: SchedulerProcess): void {
    scheduler.crash();
    this.#dropScheduler(scheduler);
    for (const { wire, scheduler: at } of this.#wires) if (at === scheduler) wire.cut({ server: true });
  }

  stopScheduler(scheduler: SchedulerProcess): void {
    scheduler.stop();
    this.#dropScheduler(scheduler);
  }

  /** The store knows that another one leads, and takes nothing from this one. */
  fence(scheduler: SchedulerProcess): void {
    scheduler.backend.manners = fencedManners;
  }

  crashDaemon(machine: Machine): void {
    machine.crash();
    for (const { wire, machine: from } of this.#wires) if (from === machine) wire.cut({ client: true });
  }

  reboot(machine: Machine): void {
    this.crashDaemon(machine);
    machine.reboot();
  }

  /** What is open breaks; the machine may dial again. */
  cutWires(machine: Machine): void {
    for (const { wire, machine: from } of this.#wires) if (from === machine) wire.cut();
  }

  /** Somebody with a node's certificate says what no daemon says. Answers what. */
  babble(nodeName: string): string | undefined {
    const { leader } = this;
    if (!leader?.isListening) return undefined;
    const wire = new Wire({
      time: this.time,
      dice: this.#diceOf(),
      slowness: () => ({ delayMsMax: this.wireDelayMsMax }),
      onClosed: () => {},
    });
    // Whoever it is does not listen.
    wire.client.on("error", () => {});
    leader.accept(wire, nodeName);
    const nonsense = absurdMessages(nodeName, this.dice);
    for (const message of nonsense) wire.client.write(message);
    this.time.after(this.dice.below(2_000), () => wire.client.cancel());
    return JSON.stringify(nonsense);
  }

  #dropScheduler(scheduler: SchedulerProcess): void {
    this.schedulers.splice(this.schedulers.indexOf(scheduler), 1);
    for (const [machine, at] of this.detours) if (at === scheduler) this.detours.delete(machine);
  }

  #dial(machine: Machine): NodeServiceClient {
    const detour = this.detours.get(machine);
    const scheduler = detour?.isListening ? detour : this.leader;
    const reached = this.cutOff.has(machine) || !scheduler?.isListening ? undefined : scheduler;
    const client = {
      session: () => (reached ? this.#open(machine, reached) : this.#refused()),
      close: () => {},
    };
    // A session uses nothing else of a client.
    return client as unknown as NodeServiceClient;
  }

  #open(machine: Machine, scheduler: SchedulerProcess): EventEmitter {
    const wire = new Wire({
      time: this.time,
      dice: this.#diceOf(),
      slowness: () => ({ delayMsMax: this.wireDelayMsMax * machine.slowness }),
      onClosed: () => this.#wires.delete(open),
    });
    const open: OpenWire = { wire, machine, scheduler };
    this.#wires.add(open);
    scheduler.accept(wire, machine.name);
    return wire.client;
  }

  /** Nobody answers: at once, or never, and then the daemon gives up waiting by itself. */
  #refused(): EventEmitter {
    const call = new EventEmitter();
    const details = "no connection established";
    const end = () => {
      call.emit("error", new Error(details));
      call.emit("status", { code: grpcStatus.UNAVAILABLE, details });
    };
    if (this.dice.chance(0.7)) this.time.after(1 + this.dice.below(50), end);
    return Object.assign(call, { write: () => true, end: () => {}, cancel: () => {} });
  }
}
