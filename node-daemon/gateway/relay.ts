/**
 * A request that another gateway has sent, on its way to an instance of this node. What the other end can decide is left to it: headers are
 * as they are to be, deadlines are its own and the shim's, and faults go back as they come. Only what was refused is tried at another
 * instance here. Nothing is counted: that is done where the client is, and sums over nodes are to have each request once.
 */
import type { Clock } from "../../kit/clock.ts";
import type {
  AnswerListener,
  CalleeExchange,
  CallerExchange,
  ExchangeEnd,
  ExchangeFault,
  HeaderList,
  ResponseHead,
} from "../link/exchange.ts";
import { bodyBytesMaxOf, idleMsMax, localMsMax } from "./attempts.ts";
import type { Backends } from "./backends.ts";
import type { Backend, Workload } from "./workload.ts";
import { Deadline } from "./core/deadline-wheel.ts";
import { isPlaceWell } from "./core/retry.ts";
import { callable, type Wanted } from "./core/workload-pool.ts";
import type { Deadlines } from "./deadlines.ts";
import { gatewayLimits } from "./limits.ts";
import type { RequestTraces, TracedRelay } from "./request-traces.ts";
import { SentBody } from "./sent-body.ts";

/** Instances that are asked for one request. The other gateway can ask other nodes. */
const triesMax = 3;

export const unknownHere: ExchangeFault = {
  kind: "refused",
  reason: "unknown",
  message: "no instance of the workload is ready on this node",
  retryAfterMs: 0,
};

/** Of others that ask for what there is this node is not to be thought ill. */
const noneOfThem: ExchangeFault = {
  kind: "refused",
  reason: "full",
  message: "no instance of the workload on this node takes this",
  retryAfterMs: 0,
};

export interface RelayContext {
  readonly clock: Clock;
  readonly backends: Backends;
  readonly deadlines: Deadlines;
  readonly traces: Pick<RequestTraces, "relay"> | undefined;
}

const tooLarge: ExchangeFault = {
  kind: "failed",
  reason: "tooLarge",
  message: "the body is larger than its handler takes",
};
const timeout: ExchangeFault = { kind: "failed", reason: "timeout", message: "it has not answered in time" };

export class Relay extends Deadline implements AnswerListener {
  readonly #context: RelayContext;
  readonly #backends: Backends;
  readonly #callee: CalleeExchange;
  readonly #workload: Workload;
  readonly #wanted: Wanted;
  readonly #body = new SentBody();
  readonly #tried: Backend[] = [];
  #place: Backend | undefined;
  #caller: CallerExchange | undefined;
  #trace: TracedRelay | undefined;
  /** Of the answer; 0: there is none. */
  #status = 0;
  /** Of the body, taken from the other gateway, and not told to be consumed. */
  #bodyUnconsumed = 0;
  #answerUnconsumed = 0;
  /** Of all, as the other gateway has it. */
  #wholeDueMs = Number.POSITIVE_INFINITY;
  /** For the head of the answer; then infinite. */
  #headDueMs = Number.POSITIVE_INFINITY;
  #activeMs = 0;
  #idleMs = Number.POSITIVE_INFINITY;
  /** An upgrade that was answered with 101. */
  #isTunnel = false;
  #isOver = false;

  constructor(context: RelayContext, callee: CalleeExchange, workload: Workload, templateHash: string) {
    super();
    this.#context = context;
    this.#backends = context.backends;
    this.#callee = callee;
    this.#workload = workload;
    if (callee.head.call !== undefined) this.#wanted = callable;
    else this.#wanted = templateHash === "" ? undefined : templateHash;
  }

  begin(): void {
    const choice = this.#backends.choose(this.#workload, this.#wanted, [], "here");
    if (choice.kind === "none") {
      this.#callee.fault(this.#workload.pool.locals.size === 0 ? unknownHere : noneOfThem);
      return;
    }
    this.#trace = this.#context.traces?.relay(this.#callee.head);
    const { timeoutMs } = this.#callee.head;
    if (timeoutMs > 0)
      this.#wholeDueMs = this.#context.clock.monotonic() + timeoutMs + gatewayLimits.shimGraceMs;
    this.#open(choice.place);
    this.#callee.listen({
      data: (bytes) => this.#bodyData(bytes),
      end: (trailers) => this.#bodyEnd(trailers),
      cancelled: () => this.#cancelled(),
      drain: () => this.#answerDrained(),
    });
  }

  #open(place: Backend): void {
    this.#place = place;
    this.#tried.push(place);
    this.#backends.begin(this.#workload, place);
    if (place.kind === "local") {
      this.#headDueMs = this.#context.clock.monotonic() + localMsMax(place);
      this.#arm();
    }
    const uid = place.kind === "local" ? place.uid : "";
    const caller = place.attached.client.open(
      { ...(this.#trace?.head ?? this.#callee.head), target: { kind: "instance", uid } },
      this,
    );
    this.#caller = caller;
    if (this.#body.replay(caller)) this.drain();
  }

  // What the other gateway does.

  #bodyData(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#activeMs = this.#context.deadlines.tickedMs;
    this.#body.take(bytes, this.#caller !== undefined);
    if (this.#place !== undefined && !this.#isTunnel && this.#body.bytes > bodyBytesMaxOf(this.#place))
      return this.#end(tooLarge);
    if (this.#caller?.write(bytes) === true) this.#callee.consumed(bytes.length);
    else this.#bodyUnconsumed += bytes.length;
  }

  #bodyEnd(trailers: HeaderList): void {
    if (this.#isOver) return;
    this.#body.ended = trailers;
    this.#caller?.end(trailers);
  }

  #cancelled(): void {
    if (this.#isOver) return;
    this.#caller?.cancel();
    this.#over("the other gateway has cancelled it");
  }

  #answerDrained(): void {
    this.#activeMs = this.#context.deadlines.tickedMs;
    const bytes = this.#answerUnconsumed;
    this.#answerUnconsumed = 0;
    if (bytes > 0) this.#caller?.consumed(bytes);
  }

  /** The other gateway has a limit, the instance has two, and a shim keeps to all. */
  get #dueMs(): number {
    return Math.min(this.#wholeDueMs, this.#headDueMs, this.#activeMs + this.#idleMs);
  }

  #arm(): void {
    this.#context.deadlines.set(this, this.#dueMs);
  }

  onDeadline(nowMs: number): void {
    if (this.#dueMs > nowMs) return this.#arm();
    if (this.#place !== undefined && !this.#isTunnel) this.#backends.failed(this.#workload, this.#place);
    this.#end(timeout);
  }

  #end(fault: ExchangeFault): void {
    this.#caller?.cancel();
    this.#giveUp(fault);
  }

  // What the instance does.

  drain(): void {
    const bytes = this.#bodyUnconsumed;
    this.#bodyUnconsumed = 0;
    if (bytes > 0) this.#callee.consumed(bytes);
  }

  head(head: ResponseHead): void {
    this.#body.forget();
    this.#status = head.status;
    const before = this.#dueMs;
    this.#headDueMs = Number.POSITIVE_INFINITY;
    this.#activeMs = this.#context.deadlines.tickedMs;
    if (this.#place !== undefined) this.#idleMs = idleMsMax(this.#place);
    if (head.status === 101) this.#upgraded();
    if (this.#dueMs < before) this.#arm();
    this.#callee.respond(head);
  }

  /** The other gateway's limit was for this, and the instance has done it, however the tunnel ends. */
  #upgraded(): void {
    this.#isTunnel = true;
    this.#wholeDueMs = Number.POSITIVE_INFINITY;
    if (this.#place === undefined) return;
    this.#backends.succeeded(this.#place);
    this.#backends.upgraded(this.#place);
  }

  data(bytes: Buffer): void {
    this.#activeMs = this.#context.deadlines.tickedMs;
    if (this.#callee.write(bytes)) this.#caller?.consumed(bytes.length);
    else this.#answerUnconsumed += bytes.length;
  }

  end(end: ExchangeEnd): void {
    this.#callee.end(end);
    if (this.#place !== undefined) this.#backends.succeeded(this.#place);
    this.#over();
  }

  fault(fault: ExchangeFault): void {
    const place = this.#place;
    this.#caller = undefined;
    if (this.#isOver || place === undefined) return;
    if (this.#isTunnel) return this.#giveUp(fault);
    if (fault.kind === "failed" && fault.reason !== "tooLarge") this.#backends.failed(this.#workload, place);
    if (fault.kind === "refused" && !isPlaceWell(fault.reason)) this.#backends.refused(this.#workload, place);
    if (fault.kind !== "refused" || this.#tried.length >= triesMax || !this.#body.isReplayable) {
      this.#giveUp(fault);
      return;
    }
    this.#place = undefined;
    this.#backends.finish(this.#workload, place);
    const choice = this.#backends.choose(this.#workload, this.#wanted, this.#tried, "here");
    if (choice.kind === "place") this.#open(choice.place);
    else this.#giveUp(fault);
  }

  #giveUp(fault: ExchangeFault): void {
    this.#callee.fault(fault);
    this.#over(fault.kind === "cancelled" ? fault.kind : fault.reason);
  }

  /** `error`: why it came to nothing. */
  #over(error?: string): void {
    this.#trace?.end(this.#status, error);
    this.#isOver = true;
    this.#context.deadlines.clear(this);
    this.#caller = undefined;
    this.#body.forget();
    const place = this.#place;
    this.#place = undefined;
    if (place !== undefined) this.#backends.finish(this.#workload, place, this.#isTunnel);
  }
}
