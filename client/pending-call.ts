import type { Clock, Timer } from "../kit/clock.ts";
import type { CallRequest, CallUsage } from "../proto/functions/messages.ts";
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";

export interface CallAnswer {
  readonly output: Buffer;
  /** Undefined if nobody has measured it. */
  readonly usage: CallUsage | undefined;
}

export interface PendingCallOptions {
  readonly request: Omit<CallRequest, "id">;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: CallAnswer) => void;
  readonly reject: (why: unknown) => void;
}

/** One call, until its caller is told how it ended, which happens once. Its time runs from the beginning, whether it waits or not. */
export class PendingCall {
  /** It was sent with a ticket that had expired. */
  isAgain = false;
  /** How often it found the queue of its instance full. */
  foundFull = 0;
  /** A gateway has it. */
  isSent = false;
  readonly #options: PendingCallOptions;
  readonly #deadlineMs: number;
  readonly #abort = (): void => this.fail(this.#options.signal?.reason);
  #timer: Timer | undefined;
  #isSettled = false;

  constructor(options: PendingCallOptions) {
    this.#options = options;
    const { request, clock, signal } = options;
    const { timeoutMs } = request;
    this.#deadlineMs = timeoutMs > 0 ? clock.monotonic() + timeoutMs : Number.POSITIVE_INFINITY;
    if (timeoutMs > 0) this.#timer = clock.setTimer(timeoutMs, () => this.#late());
    // A call that was sent goes on there; nobody waits for it.
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** As a gateway is to get it, with the time that is left. */
  toSend(id: number): CallRequest {
    this.isSent = true;
    const { request, clock } = this.#options;
    if (request.timeoutMs === 0) return { ...request, id };
    const leftMs = Math.max(1, Math.ceil(this.#deadlineMs - clock.monotonic()));
    return { ...request, id, timeoutMs: leftMs };
  }

  answer(answer: CallAnswer): void {
    if (this.#settle()) this.#options.resolve(answer);
  }

  fail(why: unknown): void {
    if (this.#settle()) this.#options.reject(why);
  }

  #late(): void {
    if (this.isSent) {
      const { graceMs } = clientLimits;
      this.#timer = this.#options.clock.setTimer(graceMs, () => this.fail(timeout(false)));
    } else this.fail(timeout(true));
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    return true;
  }
}

function timeout(notBegun: boolean): FunctionCallError {
  const message = notBegun
    ? "its time was over before a gateway could take it"
    : "there was no answer in time";
  return new FunctionCallError("Timeout", message, notBegun);
}
