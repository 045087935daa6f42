import type { Random } from "../../../kit/random.ts";
import type { Instance, NodeCondition, ObservedStatus } from "../model.ts";
import { aStatus, startMs } from "./builders.ts";

export interface Report {
  readonly nodeName: string;
  readonly uid: string;
  readonly status: ObservedStatus;
}

interface Held {
  readonly instance: Instance;
  status: ObservedStatus;
}

/** A node that pretends to run instances: what happens to them is decided by the simulation's random source. */
export class SimulatedNode {
  readonly name: string;
  /** Whether it has a session. Without one it goes on, but nobody hears of it. */
  connected = true;
  underPressure = false;
  readonly outbox: Report[] = [];
  readonly #held = new Map<string, Held>();
  readonly #onEnd: (instance: Instance, status: ObservedStatus) => void;

  constructor(name: string, onEnd: (instance: Instance, status: ObservedStatus) => void) {
    this.name = name;
    this.#onEnd = onEnd;
  }

  assign(instance: Instance): void {
    if (this.#held.has(instance.uid)) return;
    const status = aStatus({ phase: "Pending", ready: false, startedMs: undefined, sequence: 1 });
    this.#held.set(instance.uid, { instance, status });
  }

  stop(uid: string, nowMs: number): void {
    const held = this.#held.get(uid);
    if (held !== undefined) this.#end(held, "Failed", "Stopped", nowMs);
  }

  acknowledge(uid: string): void {
    this.#held.delete(uid);
  }

  /** What it tells a scheduler that it meets. */
  inventory(): readonly (Instance & { readonly state: { readonly kind: "bound" | "ended" } })[] {
    return [...this.#held.values()].map(({ instance, status }) => {
      const kind = isOver(status) ? ("ended" as const) : ("bound" as const);
      return { ...instance, state: { kind, nodeName: this.name, observed: status } };
    });
  }

  /** Instances that are to stop when their node is cut off do so by themselves. */
  stopDisconnected(nowMs: number): void {
    for (const held of this.#held.values())
      if (held.instance.slot !== undefined) this.#end(held, "Failed", "NodeLost", nowMs);
  }

  /** What it says of itself. */
  conditions(): readonly NodeCondition[] {
    const message = this.underPressure ? "90 MiB left" : "enough left";
    return [
      {
        type: "MemoryPressure",
        status: this.underPressure,
        reason: "Memory",
        message,
        transitionMs: startMs,
      },
    ];
  }

  /** Ends one of its instances to help the others. */
  evict(random: Random, nowMs: number): void {
    const alive = [...this.#held.values()].filter(({ status }) => !isOver(status));
    const held = alive[Math.floor(random.fraction() * alive.length)];
    if (held !== undefined) this.#end(held, "Failed", "Evicted", nowMs);
  }

  /** Starts all that has been assigned, and makes it ready. */
  startAll(): void {
    for (const held of this.#held.values())
      if (!isOver(held.status) && !held.status.ready) this.#change(held, { phase: "Running", ready: true });
  }

  /** Something happens to one of its instances. */
  happen(random: Random, nowMs: number): void {
    const alive = [...this.#held.values()].filter(({ status }) => !isOver(status));
    const held = alive[Math.floor(random.fraction() * alive.length)];
    if (held === undefined) return;
    const dice = random.fraction();
    const { ready, restarts, phase } = held.status;
    if (phase === "Pending") this.#change(held, { phase: "Running", ready: dice < 0.8 });
    else if (held.instance.slot === undefined) this.#change(held, { ready: dice < 0.8 || !ready });
    else if (dice < 0.5) this.#end(held, "Succeeded", "Completed", nowMs);
    else if (dice < 0.7) this.#end(held, "Failed", "Error", nowMs);
    else this.#change(held, { restarts: restarts + 1 });
  }

  completeAll(nowMs: number): void {
    for (const held of this.#held.values())
      if (held.instance.slot !== undefined) this.#end(held, "Succeeded", "Completed", nowMs);
  }

  #end(held: Held, phase: "Succeeded" | "Failed", reason: string, nowMs: number): void {
    if (isOver(held.status)) return;
    this.#change(held, { phase, reason, ready: false, finishedMs: nowMs });
    this.#onEnd(held.instance, held.status);
  }

  #change(held: Held, change: Partial<ObservedStatus>): void {
    held.status = { ...held.status, ...change, sequence: held.status.sequence + 1 };
    this.outbox.push({ nodeName: this.name, uid: held.instance.uid, status: held.status });
  }
}

function isOver({ phase }: ObservedStatus): boolean {
  return phase === "Succeeded" || phase === "Failed";
}
