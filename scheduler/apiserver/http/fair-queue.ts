/**
 * Lets every client have its share of the server, as Kubernetes' API priority and fairness does.
 *
 *   request ─▶ its flow's queue ─▶ a seat, flows taking turns ─▶ runs
 *
 * A flow is who asks and with which program. Seats bound what runs at the same time; no flow has more than half of them,
 * however many it could use, so that slow requests of one never take them all. Work is begun for a few milliseconds per
 * turn of the event loop, then everything else of this process has its turn: controllers, sessions, other sockets.
 *
 * Bounds: requests in each flow's queue, and in all of them; beyond, `run` refuses with TooManyRequests.
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
import type { Clock } from "../../../kit/clock.ts";
import { ApiError } from "../status.ts";
import { type RefusalLimits, RefusalPace } from "./refusal-pace.ts";

export interface FairQueueLimits extends RefusalLimits {
  readonly seats: number;
  readonly seatsOfFlow: number;
  readonly queuedOfFlow: number;
  readonly queued: number;
  /** How long requests are begun in one turn of the event loop. */
  readonly turnMs: number;
}

interface Flow {
  readonly name: string;
  readonly queue: (() => void)[];
  running: number;
}

export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #clock: Clock;
  readonly #flows = new Map<string, Flow>();
  /** Flows that wait for a seat, in the order in which they get one. */
  readonly #turns = new Set<Flow>();
  readonly #refusals: RefusalPace;
  #running = 0;
  #queued = 0;
  #turnEndsMs = 0;
  #pump: NodeJS.Immediate | undefined;

  constructor(limits: FairQueueLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#refusals = new RefusalPace(limits, clock);
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Runs the work when the flow has a seat. Refuses when too much waits; `signal` takes it out of the queue. */
  run(flowName: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const flow = this.#flows.get(flowName) ?? { name: flowName, queue: [], running: 0 };
    const { seats, seatsOfFlow, queuedOfFlow, queued } = this.#limits;
    const isFree = this.#queued === 0 && this.#running < seats && flow.running < seatsOfFlow;
    if (isFree && this.#hasTurn()) return this.#begin(flow, work);
    if (flow.queue.length >= queuedOfFlow || this.#queued >= queued) return this.#refuse(signal);
    return this.#wait(flow, work, signal);
  }

  /** Whoever waits to be refused waits no longer. */
  flush(): void {
    this.#refusals.flush();
  }

  async #refuse(signal: AbortSignal): Promise<never> {
    await this.#refusals.turn(signal);
    throw new ApiError("TooManyRequests", "Too many requests, please try again later.", {
      retryAfterSeconds: 1,
    });
  }

  async #begin(flow: Flow, work: () => Promise<void>): Promise<void> {
    this.#flows.set(flow.name, flow);
    flow.running++;
    this.#running++;
    try {
      await work();
    } finally {
      flow.running--;
      this.#running--;
      this.#dropIdle(flow);
      if (this.#queued > 0) this.#schedule();
    }
  }

  #wait(flow: Flow, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      flow.queue.splice(flow.queue.indexOf(start), 1);
      this.#queued--;
      if (flow.queue.length === 0) this.#turns.delete(flow);
      this.#dropIdle(flow);
      reject(signal.reason as Error);
    };
    const start = () => {
      signal.removeEventListener("abort", leave);
      this.#begin(flow, work).then(resolve, reject);
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#flows.set(flow.name, flow);
    flow.queue.push(start);
    this.#queued++;
    this.#turns.add(flow);
    this.#schedule();
    return promise;
  }

  #dropIdle(flow: Flow): void {
    if (flow.running === 0 && flow.queue.length === 0) this.#flows.delete(flow.name);
  }

  #hasTurn(): boolean {
    const now = this.#clock.monotonic();
    if (this.#pump === undefined) {
      this.#turnEndsMs = now + this.#limits.turnMs;
      // Marks the end of this turn of the event loop.
      this.#schedule();
    }
    return now < this.#turnEndsMs;
  }

  #schedule(): void {
    this.#pump ??= setImmediate(() => {
      this.#pump = undefined;
      this.#startNext();
    });
  }

  #startNext(): void {
    const { seats, seatsOfFlow, turnMs } = this.#limits;
    if (this.#queued === 0) return;
    this.#turnEndsMs = this.#clock.monotonic() + turnMs;
    // A flow that was served goes to the end of the line, and is met again there.
    for (const flow of this.#turns) {
      if (this.#running >= seats || this.#clock.monotonic() >= this.#turnEndsMs) break;
      if (flow.running >= seatsOfFlow) continue;
      this.#turns.delete(flow);
      if (flow.queue.length > 1) this.#turns.add(flow);
      this.#startOne(flow);
    }
    // What ends makes the next turn; only seats that are free now need one by themselves.
    const canGoOn = [...this.#turns].some((flow) => flow.running < seatsOfFlow);
    if (this.#running < seats && canGoOn) this.#schedule();
  }

  #startOne(flow: Flow): void {
    const start = flow.queue.shift();
    if (!start) return;
    this.#queued--;
    start();
  }
}
