import type { ExchangeUsage } from "../../link/exchange.ts";
import { type Account, Runnable } from "../account.ts";
import type { Reservation } from "../budget.ts";
import type { RunQueue } from "../run-queue.ts";
import type { Handler, Servant, Served, ServantEvents } from "./handler.ts";
import type { MemoryPot } from "./memory-pot.ts";
import type { RequestSeat, ServedExchange } from "./served-exchange.ts";

export interface SeatParts {
  readonly handler: Handler;
  readonly queue: RunQueue;
  readonly account: Account;
  readonly pot: MemoryPot;
  /** Its request needs nothing any more. */
  readonly done: (seat: Seat, request: ServedExchange, served: Served) => void;
  /** Its request was taken back. */
  readonly left: (seat: Seat) => void;
  /** The turn in which its request began is over, or will not come. */
  readonly began: (seat: Seat) => void;
  readonly bug: (error: unknown) => void;
}

/**
 * A place for one request at a time, with its servant and what that takes of the process.
 *
 *   idle ── begin ─▶ in the run queue ─▶ serving ── done ─▶ idle, or closed
 *                        └── leave ─▶ idle
 */
export class Seat extends Runnable implements RequestSeat, ServantEvents {
  override readonly begins = true;
  readonly #parts: SeatParts;
  readonly #reservation: Reservation;
  readonly #servant: Servant;
  #request: ServedExchange | undefined;
  #serving = false;
  #requests = 0;
  #broken = false;
  #fuelBefore = 0;
  #ranMsBefore = 0;

  constructor(parts: SeatParts, reservation: Reservation) {
    super();
    this.#parts = parts;
    this.#reservation = reservation;
    this.#servant = parts.handler.servant(this);
    this.member = this.#servant;
    parts.pot.add(this.#servant, parts.handler.memoryBytesMin);
  }

  get account(): Account {
    return this.#parts.account;
  }

  get request(): ServedExchange | undefined {
    return this.#request;
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** Units of work of all its requests. */
  get fuelUsed(): number {
    return this.#servant.fuelUsed;
  }

  /** It cannot take another one. */
  get worn(): boolean {
    const isUsedUp = this.#requests >= this.#parts.handler.requestsPerServant;
    return this.#broken || isUsedUp || this.#servant.worn === true;
  }

  begin(request: ServedExchange): void {
    this.#request = request;
    request.seat = this;
    this.#parts.queue.push(this, "woken");
  }

  leave(): void {
    this.#parts.queue.remove(this);
    this.#forget();
    this.#parts.left(this);
    this.#parts.began(this);
  }

  kill(): void {
    this.#servant.kill();
  }

  /** Nobody needs it for now. Not while it serves. */
  rest(): void {
    this.#servant.rest?.();
    this.#parts.handler.spare?.();
    this.#parts.pot.look(this.#servant);
  }

  /** Of its request, so far. */
  usage(): ExchangeUsage {
    const { queue, pot, account } = this.#parts;
    const ranMs = pot.ranMsOf(this.#servant) - this.#ranMsBefore + queue.runningMs(account);
    return { cpuUs: Math.round(ranMs * 1000), fuel: this.#servant.fuelUsed - this.#fuelBefore };
  }

  /** Not while it serves. */
  close(): void {
    const { mapped } = this.#servant;
    if (mapped) this.#reservation.hold(mapped);
    this.#servant.close();
    this.#parts.pot.remove(this.#servant);
    this.#reservation.close();
  }

  // As the run queue sees it.

  resume(): void {
    const request = this.#request;
    if (!request) return;
    this.#serving = true;
    this.#requests++;
    this.#fuelBefore = this.#servant.fuelUsed;
    this.#ranMsBefore = this.#parts.pot.ranMsOf(this.#servant);
    this.#servant.serve(request).then(
      (served) => this.#done(request, served),
      (thrown: unknown) => {
        this.bug(thrown);
        this.#done(request, brokenBy);
      },
    );
  }

  override over(wallMs: number): void {
    this.#servant.turnOver?.(wallMs);
    this.#parts.began(this);
  }

  #done(request: ServedExchange, served: Served): void {
    this.#serving = false;
    if (!served.reusable) this.#broken = true;
    this.#forget();
    this.#parts.done(this, request, served);
  }

  #forget(): void {
    if (this.#request) this.#request.seat = undefined;
    this.#request = undefined;
  }

  // As its servant sees it.

  bug(error: unknown): void {
    this.#broken = true;
    this.#parts.bug(error);
    this.#servant.kill();
  }

  needHeap(bytes: number): boolean {
    return this.#reservation.grow(bytes);
  }
}

const brokenBy: Served = {
  kind: "failed",
  reason: "trapped",
  message: "a bug in the runtime, not in the module",
  reusable: false,
};
