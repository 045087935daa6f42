/**
 * The requests of one serving run: who waits, who is served, who is refused.
 *
 *   accept ─▶ waiting (queueMax) ── a seat is free ─▶ served ─▶ answered, failed
 *     │ full, draining: refused          ▲ │ cancelled, deadline: killed
 *     │                     seats (concurrency), each with a servant; made as they are needed, kept for the next request
 *
 * Invariants:
 * - A request that was refused has not begun: it may go elsewhere. Everything else ends with an answer or a fault.
 * - Seats are made only where there is room: in the pot for the memory that a servant starts with, and in the process. What there is no
 *   room for waits for a seat to be free again, and is refused where there is none.
 * - Who waits, waits in the order of arrival. One request at a time has a seat and has not begun, unless its handler says otherwise;
 *   the next gets one when that turn is over. So only as many seats are used as requests wait for something or compute for long.
 * - `drain`: nothing new; who has arrived is served. `kill`: at once.
 */
import type { Clock } from "../../../kit/clock.ts";
import type { CalleeExchange, ExchangeFault } from "../../link/exchange.ts";
import type { Serving } from "../../runtimes/runtime-driver.ts";
import type { Account } from "../account.ts";
import type { Needs, Reservation } from "../budget.ts";
import type { RunQueue } from "../run-queue.ts";
import { Deadlines } from "./deadlines.ts";
import type { Handler, Served } from "./handler.ts";
import { IdleSeats } from "./idle-seats.ts";
import { dueMsOf, whyLate } from "./lateness.ts";
import type { MemoryPot } from "./memory-pot.ts";
import { draining, full, noRoom, stopped } from "./run-faults.ts";
import { type RequestOwner, ServedExchange, tooLarge } from "./served-exchange.ts";
import { Seat, type SeatParts } from "./seat.ts";

export interface ServingRunOptions {
  readonly handler: Handler;
  readonly serving: Serving;
  /** Of each request. */
  readonly fuelMax: number | undefined;
  readonly queue: RunQueue;
  readonly account: Account;
  readonly pot: MemoryPot;
  readonly clock: Clock;
  /** Undefined when the process has no room. */
  readonly reserve: (needs: Needs) => Promise<Reservation | undefined>;
  /** A line for the log of the run. */
  readonly note: (line: string) => void;
  readonly bug: (error: unknown) => void;
}

export class ServingRun implements RequestOwner {
  readonly #options: ServingRunOptions;
  readonly #seatParts: SeatParts;
  readonly #waiting = new Set<ServedExchange>();
  readonly #seats = new Set<Seat>();
  readonly #idle: IdleSeats;
  readonly #deadlines: Deadlines<ServedExchange>;
  /** The one whose request begins in a turn that is not over. */
  #beginning: Seat | undefined;
  /** A seat is being made. */
  #growing = false;
  #draining = false;
  #killed = false;
  /** Of seats that are closed. */
  #fuelUsed = 0;
  #emptied: (() => void) | undefined;

  constructor(options: ServingRunOptions) {
    this.#options = options;
    const { handler, queue, account, pot, bug, clock } = options;
    const done: SeatParts["done"] = (seat, request, served) => this.#done(seat, request, served);
    const left: SeatParts["left"] = (seat) => this.#freed(seat);
    const began: SeatParts["began"] = (seat) => {
      if (this.#beginning === seat) this.#beginning = undefined;
      this.#dispatch();
    };
    this.#seatParts = { handler, queue, account, pot, done, left, began, bug };
    this.#idle = new IdleSeats(clock, (seat) => this.#close(seat));
    this.#deadlines = new Deadlines(clock, (request) => this.#late(request));
  }

  get bodyBytesMax(): number {
    return this.#options.serving.bodyBytesMax;
  }

  get fuelUsed(): number {
    let units = this.#fuelUsed;
    for (const seat of this.#seats) units += seat.fuelUsed;
    return units;
  }

  /** The first seat. False when the process has no room for it. */
  async open(): Promise<boolean> {
    const seat = await this.#makeSeat();
    if (!seat) return false;
    this.#idle.add(seat);
    return true;
  }

  /** Resolves once nothing comes and nothing is under way any more, and everything is closed. */
  async ended(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      this.#lookIfEmpty();
    });
    this.#deadlines.close();
    this.#idle.close();
  }

  drain(): void {
    this.#draining = true;
    this.#lookIfEmpty();
  }

  kill(): void {
    this.#draining = true;
    this.#killed = true;
    for (const request of this.#waiting) this.#end(request, draining);
    for (const seat of this.#seats) {
      const { request } = seat;
      if (request) this.#end(request, stopped);
    }
    this.#lookIfEmpty();
  }

  accept(exchange: CalleeExchange): void {
    this.touched();
    const { serving, fuelMax, pot, clock } = this.#options;
    const { head } = exchange;
    if (this.#draining) return exchange.fault(draining);
    if ((head.bodyLength ?? 0) > serving.bodyBytesMax) return exchange.fault(tooLarge(serving.bodyBytesMax));
    if (this.#waiting.size >= serving.queueMax + serving.concurrency - this.#busy)
      return exchange.fault(full);
    const { call, timeoutMs } = head;
    const nowMs = clock.monotonic();
    const wholeDueMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : nowMs + timeoutMs;
    const request = new ServedExchange(exchange, this, {
      deadlineMs: Math.min(nowMs + serving.timeoutMs, wholeDueMs),
      wholeDueMs,
      fuelMax: fuelMax === undefined ? call?.fuelMax : lesser(fuelMax, call?.fuelMax),
      memoryBytesMax: lesser(pot.bytesMax, call?.memoryBytesMax),
    });
    this.#deadlines.add(request);
    this.#waiting.add(request);
    request.listen();
    this.#dispatch();
  }

  // As a request sees its run.

  touched(): void {
    const { queue, account } = this.#options;
    queue.caused(account);
  }

  nowMs(): number {
    return this.#options.clock.monotonic();
  }

  answers(request: ServedExchange): void {
    request.activeMs = this.nowMs();
    const dueMs = dueMsOf(request, this.#options.serving);
    // One that is later is looked at when the one before has passed: most requests are over by then.
    if (dueMs >= request.deadlineMs) return;
    request.deadlineMs = dueMs;
    this.#deadlines.moved(request);
  }

  abandoned(request: ServedExchange): void {
    this.#stop(request);
  }

  #late(request: ServedExchange): void {
    this.touched();
    const nowMs = this.nowMs();
    const dueMs = dueMsOf(request, this.#options.serving);
    if (dueMs > nowMs) {
      request.deadlineMs = dueMs;
      this.#deadlines.add(request);
      return;
    }
    const hasWaited = this.#waiting.has(request);
    const message = whyLate(request, this.#options.serving, nowMs, hasWaited);
    // What was never begun says nothing about the guest, and comes by the thousand.
    if (!hasWaited && !request.over)
      this.#options.note(`${request.head.method} ${request.head.path}: timeout: ${message}`);
    this.#end(request, { kind: "failed", reason: "timeout", message });
  }

  #end(request: ServedExchange, fault: ExchangeFault): void {
    request.fail(fault);
    this.#stop(request);
  }

  /** Nobody waits for it any more: wherever it is, it ends. */
  #stop(request: ServedExchange): void {
    this.#deadlines.remove(request);
    const { seat } = request;
    if (seat?.serving) seat.kill();
    else if (seat) seat.leave();
    else if (this.#waiting.delete(request)) this.#lookIfEmpty();
  }

  #done(seat: Seat, request: ServedExchange, served: Served): void {
    this.#deadlines.remove(request);
    if (served.kind === "failed" && !request.over) {
      const { reason, message, detail } = served;
      this.#options.note(`${request.head.method} ${request.head.path}: ${reason}: ${detail ?? message}`);
      request.fail({ kind: "failed", reason, message });
    }
    request.close();
    this.#freed(seat);
  }

  #freed(seat: Seat): void {
    if (seat.worn || this.#killed) this.#close(seat);
    else this.#idle.add(seat);
    this.#dispatch();
    this.#lookIfEmpty();
  }

  /** One that can take a request still: how many a servant takes may be less than it was. */
  #idleSeat(): Seat | undefined {
    for (let seat = this.#idle.take(); seat; seat = this.#idle.take()) {
      if (!seat.worn) return seat;
      this.#close(seat);
    }
    return undefined;
  }

  get #busy(): number {
    return this.#seats.size - this.#idle.size;
  }

  /** Gives a seat to who waits longest, or makes one more if there is room; who has none at all is refused. */
  #dispatch(): void {
    const { allAtOnce = false } = this.#options.handler;
    if (this.#killed) return;
    for (const request of this.#waiting) {
      if (this.#beginning && !allAtOnce) return;
      const seat = this.#idleSeat();
      if (!seat) return this.#grow();
      this.#waiting.delete(request);
      this.#beginning = seat;
      seat.begin(request);
    }
  }

  #grow(): void {
    if (this.#growing) return;
    const { pot, handler, serving } = this.#options;
    if (this.#seats.size >= serving.concurrency) return;
    if (pot.leftBytes < handler.memoryBytesMin) handler.spare?.();
    if (pot.leftBytes < handler.memoryBytesMin && this.#seats.size > 0) return;
    this.#growing = true;
    void this.#makeSeat()
      .catch((thrown: unknown) => this.#options.bug(thrown))
      .then((seat) => {
        this.#growing = false;
        if (seat) return this.#freed(seat);
        if (this.#seats.size === 0) for (const request of this.#waiting) this.#end(request, noRoom);
        this.#lookIfEmpty();
      });
  }

  async #makeSeat(): Promise<Seat | undefined> {
    const reservation = await this.#options.reserve(this.#options.handler.needs);
    if (!reservation) return undefined;
    try {
      const seat = new Seat(this.#seatParts, reservation);
      this.#seats.add(seat);
      return seat;
    } catch (thrown) {
      reservation.close();
      throw thrown;
    }
  }

  #close(seat: Seat): void {
    this.#seats.delete(seat);
    seat.close();
    this.#fuelUsed += seat.fuelUsed;
  }

  /** With a run that is to end: closes what is idle, and says so when nothing is left. */
  #lookIfEmpty(): void {
    if (!this.#draining || this.#waiting.size > 0 || this.#growing) return;
    for (let seat = this.#idle.take(); seat; seat = this.#idle.take()) this.#close(seat);
    if (this.#seats.size > 0) return;
    this.#options.handler.spare?.();
    this.#emptied?.();
  }
}

function lesser(limit: number, asked: number | undefined): number {
  return asked === undefined ? limit : Math.min(limit, asked);
}
