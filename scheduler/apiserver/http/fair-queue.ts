/**
 * Lets every client have its share of the server, as Kubernetes' API priority and fairness does.
 *
 *   request ─▶ its flow's queue ─▶ a seat, users taking turns, and the flows of each ─▶ runs
 *
 * A flow is who asks and with which program. Seats bound what runs at the same time; no flow has more than half of them, and
 * no user more than three quarters, however many they could use, so that slow requests of one never take them all. Work is
 * begun for a few milliseconds per turn of the event loop, then everything else of this process has its turn: controllers,
 * sessions, other sockets. Whoever only waits for its client gives its seat up.
 *
 * Bounds: requests in each flow's queue, in those of one user, and in all of them; beyond, `run` refuses with
 * TooManyRequests.
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
import type { Clock } from "../../../kit/clock.ts";
import { ApiError } from "../status.ts";
import { type RefusalLimits, RefusalPace } from "./refusal-pace.ts";
import { addCount, type Flow, flowKey, type MayGo, TurnQueue } from "./turn-queue.ts";

export interface FairQueueLimits extends RefusalLimits {
  readonly seats: number;
  readonly seatsOfUser: number;
  readonly seatsOfFlow: number;
  readonly queuedOfFlow: number;
  readonly queuedOfUser: number;
  readonly queued: number;
  /** How long requests are begun in one turn of the event loop. */
  readonly turnMs: number;
}

/** What a running request has. */
export interface Seat {
  /** For what needs nothing more of the server: others may have it. Idempotent. */
  leave(): void;
}

export type Work = (seat: Seat) => Promise<void>;

export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #clock: Clock;
  readonly #waiting = new TurnQueue<() => void>();
  /** Seats that are taken, by user and by flow; none is 0. */
  readonly #ofUsers = new Map<string, number>();
  readonly #ofFlows = new Map<string, number>();
  readonly #mayGo: MayGo = {
    user: (user) => (this.#ofUsers.get(user) ?? 0) < this.#limits.seatsOfUser,
    flow: (flow) => (this.#ofFlows.get(flowKey(flow)) ?? 0) < this.#limits.seatsOfFlow,
  };
  readonly #refusals: RefusalPace;
  #running = 0;
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
    return this.#waiting.size;
  }

  /** Runs the work when the flow has a seat. Refuses when too much waits; `signal` takes it out of the queue. */
  run(flow: Flow, work: Work, signal: AbortSignal): Promise<void> {
    const { queuedOfFlow, queuedOfUser, queued } = this.#limits;
    const waiting = this.#waiting;
    if (waiting.size === 0 && this.#mayBegin(flow) && this.#hasTurn()) return this.#begin(flow, work);
    if (
      waiting.sizeOf(flow) >= queuedOfFlow ||
      waiting.sizeOfUser(flow.user) >= queuedOfUser ||
      waiting.size >= queued
    )
      return this.#refuse(signal);
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

  #mayBegin(flow: Flow): boolean {
    const mayGo = this.#mayGo;
    return this.#running < this.#limits.seats && mayGo.user(flow.user) && mayGo.flow(flow);
  }

  async #begin(flow: Flow, work: Work): Promise<void> {
    const seat = this.#takeSeat(flow);
    try {
      await work(seat);
    } finally {
      seat.leave();
    }
  }

  #takeSeat(flow: Flow): Seat {
    const key = flowKey(flow);
    let isTaken = true;
    this.#running++;
    addCount(this.#ofUsers, flow.user, 1);
    addCount(this.#ofFlows, key, 1);
    return {
      leave: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#running--;
        addCount(this.#ofUsers, flow.user, -1);
        addCount(this.#ofFlows, key, -1);
        if (this.#waiting.size > 0) this.#schedule();
      },
    };
  }

  #wait(flow: Flow, work: Work, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.remove(flow, start);
      reject(signal.reason as Error);
    };
    const start = () => {
      signal.removeEventListener("abort", leave);
      this.#begin(flow, work).then(resolve, reject);
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#waiting.push(flow, start);
    this.#schedule();
    return promise;
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
    if (this.#waiting.size === 0) return;
    this.#turnEndsMs = this.#clock.monotonic() + this.#limits.turnMs;
    while (this.#running < this.#limits.seats) {
      if (this.#clock.monotonic() >= this.#turnEndsMs) return this.#schedule();
      const start = this.#waiting.shift(this.#mayGo);
      // Seats that are given up make the next turn.
      if (!start) return;
      start();
    }
  }
}
