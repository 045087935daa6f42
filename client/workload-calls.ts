/**
 * The calls of one workload.
 *
 *   call ─▶ waiting ── a stream has room ─▶ under way ── response ─▶ answered
 *              └─ no gateway in time ─▶ rejected   └─ stream broken ─▶ rejected as Lost
 *
 * One stream takes calls. It is replaced when its ticket is near its end or its gateway goes; the one before answers what it has.
 */
import type { CallTicket } from "../api/call-ticket.ts";
import type { Clock, Timer } from "../kit/clock.ts";
import type { CallRequest, CallResponse } from "../proto/functions/messages.ts";
import { FunctionCallError } from "./errors.ts";
import type { CallStreamTarget, Connect, GatewayStream } from "./gateway-stream.ts";
import { clientLimits } from "./limits.ts";
import { type CallAnswer, PendingCall } from "./pending-call.ts";
import { StreamOpener } from "./stream-opener.ts";

export interface WorkloadCallsOptions {
  readonly ticket: (signal: AbortSignal) => Promise<CallTicket["status"]>;
  readonly connect: Connect;
  readonly inFlightMax: number;
  readonly clock: Clock;
  /** Its timers need not keep the process running. */
  readonly background: Clock;
}

export class WorkloadCalls {
  readonly #options: WorkloadCallsOptions;
  readonly #opener: StreamOpener;
  #waiting: PendingCall[] = [];
  /** From where on they wait: the others have been sent. */
  #next = 0;
  readonly #underWay = new Map<number, { readonly call: PendingCall; readonly stream: GatewayStream }>();
  readonly #streams = new Set<GatewayStream>();
  #stream: GatewayStream | undefined;
  #opening = false;
  #lastId = 0;
  /** How many may be under way: fewer where queues are full, then slowly more. */
  #window: number;
  /** Calls up to this one were begun before the window was made smaller. */
  #narrowedAt = 0;
  #renewal: Timer | undefined;
  /** Calls that found a queue full, and wait before they are sent again. */
  #paused = 0;
  readonly #closing = new AbortController();

  constructor(options: WorkloadCallsOptions) {
    this.#options = options;
    this.#opener = new StreamOpener(options);
    this.#window = options.inFlightMax;
  }

  call(request: Omit<CallRequest, "id">, signal?: AbortSignal): Promise<CallAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.#waiting.length - this.#next >= clientLimits.waiting)
        return reject(new FunctionCallError("Full", "too many calls wait", true));
      const { clock } = this.#options;
      this.#waiting.push(new PendingCall({ request, clock, signal, resolve, reject }));
      this.#pump();
    });
  }

  /** Nobody would notice if it were closed. */
  get isIdle(): boolean {
    return (
      this.#underWay.size === 0 && this.#paused === 0 && this.#waiting.every(({ isSettled }) => isSettled)
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#closing.abort(closed());
    this.#renewal?.cancel();
    for (const stream of this.#streams) stream.destroy();
    this.#rejectWaiting(closed());
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #pump(): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    while (this.#next < this.#waiting.length) {
      const call = this.#waiting[this.#next];
      if (call !== undefined && !call.isSettled) {
        if (stream === undefined) return void this.#open();
        if (this.#underWay.size >= this.#window || !stream.hasRoom) break;
        const id = ++this.#lastId;
        this.#underWay.set(id, { call, stream });
        stream.send(call.toSend(id));
      }
      this.#next++;
    }
    if (this.#next > 1_024 && this.#next * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
  }

  async #open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      const { signal } = this.#closing;
      const { stream, ticket } = await this.#opener.open(
        (target, connectMs, either) => this.#connect(target, connectMs, either),
        signal,
      );
      this.#opening = false;
      if (this.#isClosed) return stream.destroy();
      this.#stream?.leave();
      // It may have gone again.
      if (this.#streams.has(stream)) this.#stream = stream;
      this.#renewBefore(ticket);
      this.#pump();
    } catch (thrown) {
      this.#opening = false;
      // With a stream that goes on, only the renewal of its ticket has failed: what waits is sent there.
      if (this.#stream === undefined) this.#rejectWaiting(thrown);
      else this.#renewLater(clientLimits.renewMsMin);
    }
  }

  async #connect(target: CallStreamTarget, connectMs: number, signal: AbortSignal): Promise<GatewayStream> {
    const { connect, background } = this.#options;
    const opened: { stream?: GatewayStream; isOver?: boolean } = {};
    const over = () => {
      opened.isOver = true;
      if (opened.stream !== undefined && this.#stream === opened.stream) this.#stream = undefined;
    };
    const events = {
      response: (response: CallResponse) => this.#answered(response),
      drain: () => this.#pump(),
      leaving: () => {
        over();
        this.#pump();
      },
      closed: (why: FunctionCallError | undefined) => {
        over();
        if (why !== undefined) this.#opener.failed(target.endpoint.address);
        if (opened.stream !== undefined) this.#gone(opened.stream, why);
      },
    };
    const stream = await connect(target, events, { clock: background, connectMs, signal });
    opened.stream = stream;
    if (opened.isOver) throw new FunctionCallError("Unavailable", "the gateway goes", true);
    this.#streams.add(stream);
    return stream;
  }

  #renewBefore({ expirationTimestamp }: CallTicket["status"]): void {
    const leftMs = Date.parse(expirationTimestamp) - this.#options.clock.now();
    this.#renewLater(Math.max(clientLimits.renewMsMin, leftMs * clientLimits.renewAt));
  }

  #renewLater(inMs: number): void {
    this.#renewal?.cancel();
    this.#renewal = this.#options.background.setTimer(inMs, () => {
      // An idle client needs none; the next call gets one.
      if (this.#underWay.size === 0 && this.#next === this.#waiting.length) this.#stream?.leave();
      else void this.#open();
    });
  }

  #answered({ id, result, usage }: CallResponse): void {
    const entry = this.#underWay.get(id);
    this.#underWay.delete(id);
    if (entry !== undefined) {
      const { call, stream } = entry;
      if (result.kind === "output") {
        this.#window = Math.min(this.#options.inFlightMax, this.#window + 1 / this.#window);
        const { buffer, byteOffset, byteLength } = result.output;
        call.answer({ output: Buffer.from(buffer, byteOffset, byteLength), usage });
      } else if (result.error.reason === "TicketExpired" && !call.isAgain) {
        call.isAgain = true;
        this.#again(call);
        stream.leave();
      } else if (result.error.reason === fullReason && call.foundFull < clientLimits.fullAttempts) {
        this.#later(id, call);
      } else {
        const { reason, message, code, notBegun } = result.error;
        call.fail(new FunctionCallError(reason, message, notBegun, code));
      }
    }
    this.#pump();
  }

  /** The instance takes no more: this one waits, and fewer are sent. */
  #later(id: number, call: PendingCall): void {
    call.foundFull++;
    if (id > this.#narrowedAt) {
      this.#narrowedAt = this.#lastId;
      this.#window = Math.max(
        Math.min(clientLimits.inFlightMin, this.#options.inFlightMax),
        this.#window / 2,
      );
    }
    this.#paused++;
    this.#options.clock.setTimer(clientLimits.fullPauseMs, () => {
      this.#paused--;
      if (this.#isClosed) return call.fail(closed());
      this.#again(call);
      this.#pump();
    });
  }

  /** It has not begun. */
  #again(call: PendingCall): void {
    call.isSent = false;
    this.#waiting.push(call);
  }

  #gone(stream: GatewayStream, why: FunctionCallError | undefined): void {
    this.#streams.delete(stream);
    for (const [id, { call, stream: of }] of this.#underWay) {
      if (of !== stream) continue;
      this.#underWay.delete(id);
      const message = `the connection broke off before the answer: ${why?.message ?? "the stream has ended"}`;
      call.fail(new FunctionCallError("Lost", message, false));
    }
    this.#pump();
  }

  #rejectWaiting(why: unknown): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const call of waiting) call.fail(why);
  }
}

/** Of a gateway's answer, when no instance has room in its queue. */
const fullReason = "QueueFull";

function closed(): FunctionCallError {
  return new FunctionCallError("Closed", "the client was closed", true);
}
