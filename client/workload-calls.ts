/**
 * The calls of one workload.
 *
 *   call ─▶ waiting ── a stream has room ─▶ under way ── response ─▶ answered
 *              └─ no gateway after some rounds ─▶ rejected   └─ stream broken ─▶ rejected as Lost
 *
 * One stream takes calls. It is replaced when its ticket is near its end or its gateway goes; the one before answers what it has.
 */
import { refusedReason } from "./tickets.ts";
import type { CallTicket } from "../api/call-ticket.ts";
import type { CallRequest, CallResponse, CallUsage } from "../proto/functions/messages.ts";
import { CallStream } from "./call-stream.ts";
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";

export interface CallAnswer {
  readonly output: Buffer;
  /** Undefined if nobody has measured it. */
  readonly usage: CallUsage | undefined;
}

interface Call {
  readonly request: Omit<CallRequest, "id">;
  readonly resolve: (answer: CallAnswer) => void;
  readonly reject: (why: unknown) => void;
  /** It was sent with a ticket that had expired. */
  isAgain: boolean;
  /** How often it found the queue of its instance full. */
  foundFull: number;
  timer: NodeJS.Timeout | undefined;
  isSettled: boolean;
  forget: () => void;
}

export interface WorkloadCallsOptions {
  readonly ticket: () => Promise<CallTicket["status"]>;
  readonly inFlightMax: number;
}

export class WorkloadCalls {
  readonly #options: WorkloadCallsOptions;
  #waiting: Call[] = [];
  /** From where on they wait: the others have been sent. */
  #next = 0;
  readonly #underWay = new Map<number, { readonly call: Call; readonly stream: CallStream }>();
  readonly #streams = new Set<CallStream>();
  #stream: CallStream | undefined;
  #opening = false;
  #lastId = 0;
  /** How many may be under way: fewer where queues are full, then slowly more. */
  #window: number;
  /** Calls up to this one were begun before the window was made smaller. */
  #narrowedAt = 0;
  #renewal: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: WorkloadCallsOptions) {
    this.#options = options;
    this.#window = options.inFlightMax;
  }

  call(request: Omit<CallRequest, "id">, signal?: AbortSignal): Promise<CallAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.#waiting.length - this.#next >= clientLimits.waiting)
        return reject(new FunctionCallError("Full", "too many calls wait", true));
      const call: Call = {
        request,
        resolve,
        reject,
        isAgain: false,
        foundFull: 0,
        timer: undefined,
        isSettled: false,
        forget: () => {},
      };
      if (signal !== undefined) {
        // A call that was sent goes on there; nobody waits for it.
        const abort = () => this.#settle(call, () => reject(signal.reason as Error));
        signal.addEventListener("abort", abort, { once: true });
        call.forget = () => signal.removeEventListener("abort", abort);
      }
      if (request.timeoutMs > 0) {
        const late = () => new FunctionCallError("Timeout", "there was no answer in time", false);
        call.timer = setTimeout(
          () => this.#settle(call, () => reject(late())),
          request.timeoutMs + clientLimits.graceMs,
        );
      }
      this.#waiting.push(call);
      this.#pump();
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#renewal);
    for (const stream of this.#streams) stream.destroy();
    this.#rejectWaiting(closed());
  }

  #pump(): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    if (stream === undefined) {
      if (this.#next < this.#waiting.length) void this.#open();
      return;
    }
    while (this.#next < this.#waiting.length && this.#underWay.size < this.#window && stream.hasRoom) {
      const call = this.#waiting[this.#next++];
      if (call === undefined) break;
      if (call.isSettled) continue;
      const id = ++this.#lastId;
      this.#underWay.set(id, { call, stream });
      stream.send({ ...call.request, id });
    }
    if (this.#next > 1_024 && this.#next * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (this.#underWay.size > 0) stream.ref();
    else stream.unref();
  }

  async #open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    let why: unknown;
    for (let round = 0; round < clientLimits.rounds && !this.#isClosed; round++) {
      if (round > 0) await pause(Math.min(clientLimits.pauseMsMax, clientLimits.pauseMs * 2 ** round));
      try {
        await this.#openOnce();
        this.#opening = false;
        this.#pump();
        return;
      } catch (thrown) {
        why = thrown;
        if (thrown instanceof FunctionCallError && thrown.reason === refusedReason) break;
      }
    }
    this.#opening = false;
    this.#rejectWaiting(why);
  }

  /** With a new ticket, at the first gateway that takes it. */
  async #openOnce(): Promise<void> {
    const ticket = await this.#options.ticket();
    let why: unknown = new FunctionCallError("Unavailable", "no gateway takes calls", true);
    for (const endpoint of ticket.endpoints) {
      try {
        const stream = await this.#openAt({ ...ticket, endpoint });
        if (this.#isClosed) return stream.destroy();
        this.#stream?.leave();
        this.#stream = stream;
        this.#renewBefore(ticket);
        return;
      } catch (thrown) {
        why = thrown;
      }
    }
    throw why;
  }

  async #openAt(target: Parameters<typeof CallStream.open>[0]): Promise<CallStream> {
    const opened: { stream?: CallStream; isOver?: boolean } = {};
    const over = () => {
      opened.isOver = true;
      if (opened.stream !== undefined && this.#stream === opened.stream) this.#stream = undefined;
    };
    const stream = await CallStream.open(target, {
      response: (response) => this.#answered(response),
      drain: () => this.#pump(),
      leaving: () => {
        over();
        this.#pump();
      },
      closed: (why) => {
        over();
        if (opened.stream !== undefined) this.#gone(opened.stream, why);
      },
    });
    opened.stream = stream;
    if (opened.isOver) throw new FunctionCallError("Unavailable", "the gateway goes", true);
    this.#streams.add(stream);
    return stream;
  }

  #renewBefore({ expirationTimestamp }: CallTicket["status"]): void {
    clearTimeout(this.#renewal);
    const leftMs = Date.parse(expirationTimestamp) - Date.now();
    const inMs = Math.max(1_000, leftMs * clientLimits.renewAt);
    this.#renewal = setTimeout(() => {
      // An idle client needs none; the next call gets one.
      if (this.#underWay.size === 0 && this.#next === this.#waiting.length) this.#stream?.leave();
      else void this.#open();
    }, inMs);
    this.#renewal.unref();
  }

  #answered({ id, result, usage }: CallResponse): void {
    const entry = this.#underWay.get(id);
    this.#underWay.delete(id);
    if (entry !== undefined) {
      const { call, stream } = entry;
      if (result.kind === "output") {
        this.#window = Math.min(this.#options.inFlightMax, this.#window + 1 / this.#window);
        const { buffer, byteOffset, byteLength } = result.output;
        this.#settle(call, () =>
          call.resolve({ output: Buffer.from(buffer, byteOffset, byteLength), usage }),
        );
      } else if (result.error.reason === "TicketExpired" && !call.isAgain) {
        call.isAgain = true;
        this.#waiting.push(call);
        stream.leave();
      } else if (result.error.reason === fullReason && call.foundFull < clientLimits.fullAttempts) {
        this.#later(id, call);
      } else {
        const { reason, message, code, notBegun } = result.error;
        this.#settle(call, () => call.reject(new FunctionCallError(reason, message, notBegun, code)));
      }
    }
    this.#pump();
  }

  /** The instance takes no more: this one waits, and fewer are sent. */
  #later(id: number, call: Call): void {
    call.foundFull++;
    if (id > this.#narrowedAt) {
      this.#narrowedAt = this.#lastId;
      this.#window = Math.max(
        Math.min(clientLimits.inFlightMin, this.#options.inFlightMax),
        this.#window / 2,
      );
    }
    setTimeout(() => {
      if (this.#isClosed) this.#settle(call, () => call.reject(closed()));
      else this.#waiting.push(call);
      this.#pump();
    }, clientLimits.fullPauseMs);
  }

  #gone(stream: CallStream, why: FunctionCallError | undefined): void {
    this.#streams.delete(stream);
    for (const [id, { call, stream: of }] of this.#underWay) {
      if (of !== stream) continue;
      this.#underWay.delete(id);
      const message = `the connection broke off before the answer: ${why?.message ?? "the stream has ended"}`;
      this.#settle(call, () => call.reject(new FunctionCallError("Lost", message, false)));
    }
    this.#pump();
  }

  /** Once. */
  #settle(call: Call, settle: () => void): void {
    if (call.isSettled) return;
    call.isSettled = true;
    clearTimeout(call.timer);
    call.forget();
    settle();
  }

  #rejectWaiting(why: unknown): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const call of waiting) this.#settle(call, () => call.reject(why));
  }
}

/** Of a gateway's answer, when no instance has room in its queue. */
const fullReason = "QueueFull";

function closed(): FunctionCallError {
  return new FunctionCallError("Closed", "the client was closed", true);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
