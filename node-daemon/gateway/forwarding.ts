/**
 * One request of a client, from its route to the end of its answer.
 *
 *   begin ─▶ held ─▶ open ─▶ answering ─▶ over
 *             ▲  │    │ ▲│
 *             │  │    │ └┘ refused, or lost and safe to repeat: another place
 *             └──│────┘    refused by all: it waits for one to come (back)
 *                └─▶ over  the deadline: 503 or 504
 *
 * - The body is not read before there is a place. What was sent of it is kept until the answer begins, up to a bound: without it nothing
 *   is sent elsewhere.
 * - In each state one party is waited for, and a deadline is set.
 * - The client's going cancels the attempt; a place is given back exactly once.
 */
import type { Clock } from "../../kit/clock.ts";
import { assertNever } from "../../kit/errors.ts";
import type { RuleEntry } from "../../api/route-table.ts";
import type { Log } from "../../kit/log.ts";
import type {
  AnswerListener,
  CallerExchange,
  ExchangeEnd,
  ExchangeFault,
  HeaderList,
  ResponseHead,
} from "../link/exchange.ts";
import { AnswerRelay } from "./answer-relay.ts";
import { type AttemptFacts, attemptMsMax, bodyBytesMaxOf, headFor } from "./attempts.ts";
import type { Backend, Backends, Holder, Workload } from "./backends.ts";
import type { ClientRequest, RequestTaker } from "./client-side.ts";
import { changeHeaders, cleanAnswer, cleanTrailers } from "./core/answer-headers.ts";
import { Deadline } from "./core/deadline-wheel.ts";
import {
  answerToFault,
  bodyTooLarge,
  bodyTooSlow,
  deadlineExceeded,
  noInstance,
  type OwnAnswer,
  tooManyWaiting,
} from "./core/own-answer.ts";
import { isLooker } from "./core/request-headers.ts";
import type { AttemptEnd } from "./core/retry.ts";
import { changePath } from "./core/rewrite.ts";
import type { MatchedRule } from "./core/route-table.ts";
import type { Deadlines } from "./deadlines.ts";
import { gatewayLimits } from "./limits.ts";
import { SentBody } from "./sent-body.ts";
import { Tries } from "./tries.ts";
import { answerOwn } from "./own-answers.ts";
import type { GatewayOptions } from "./ports.ts";

/** What a forwarding needs of the gateway that it is part of. */
export interface ForwardingContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly options: GatewayOptions;
  readonly backends: Backends;
  readonly deadlines: Deadlines;
  /** The request is over: for the access log. `place` undefined: it reached none. */
  note(
    request: ClientRequest,
    workload: Workload,
    place: Backend | undefined,
    status: number,
    bytes: number,
    durationMs: number,
  ): void;
}

type RefusedFault = ExchangeFault & { readonly kind: "refused" };
type FailedFault = ExchangeFault & { readonly kind: "failed" };

const never = Number.POSITIVE_INFINITY;

export class Forwarding extends Deadline implements AnswerListener, RequestTaker, Holder {
  readonly #context: ForwardingContext;
  readonly #backends: Backends;
  readonly #request: ClientRequest;
  readonly #rule: RuleEntry;
  readonly #workload: Workload;
  readonly #templateHash: string | undefined;
  readonly #facts: AttemptFacts;
  readonly #body: SentBody;
  readonly #answer: AnswerRelay;
  readonly #tries: Tries;
  readonly #beganMs: number;
  readonly #wholeDueMs: number;

  #state: "begin" | "held" | "open" | "answering" | "over" = "begin";
  #place: Backend | undefined;
  #exchange: CallerExchange | undefined;
  /** Of what is waited for now: a place, or this attempt. */
  #stepDueMs = never;
  #attemptMs = 0;
  #holdMs = 0;
  /** Altogether, up to the last attempt. */
  #heldMs = 0;

  constructor(
    context: ForwardingContext,
    request: ClientRequest,
    matched: Pick<MatchedRule, "rule" | "matchedLength">,
    workload: Workload,
    templateHash: string | undefined,
    nowMs: number,
  ) {
    super();
    const { rule, matchedLength } = matched;
    this.#context = context;
    this.#backends = context.backends;
    this.#request = request;
    this.#rule = rule;
    this.#workload = workload;
    this.#templateHash = templateHash;
    this.#answer = new AnswerRelay(request);
    this.#tries = new Tries(request.method, rule.retry);
    // The input of a call is in memory anyhow.
    this.#body = new SentBody(request.call === undefined ? undefined : never);
    this.#beganMs = nowMs;
    this.#wholeDueMs = rule.requestTimeoutMs > 0 ? nowMs + rule.requestTimeoutMs : never;
    this.#facts = {
      request,
      rule,
      path: changePath(rule.rewrite?.path, { path: request.path, matchedLength }),
      workload: workload.uid,
      templateHash,
      wholeDueMs: this.#wholeDueMs,
    };
    if (request.bodyLength === 0) this.#body.ended = [];
  }

  begin(): void {
    const { figures } = this.#workload;
    figures.arrived++;
    figures.inFlight++;
    figures.changed = true;
    this.#request.taker = this;
    const { requestHeaders } = this.#rule;
    if (requestHeaders !== undefined) changeHeaders(this.#request.headers.list, requestHeaders);
    // Those that wait already come first.
    if (this.#backends.isHeld(this.#workload, this.#templateHash)) this.#hold(this.#beganMs);
    else this.#dispatch(undefined);
  }

  released(place: Backend): void {
    const nowMs = this.#context.clock.monotonic();
    this.#heldMs += nowMs - this.#holdMs;
    this.#open(place, nowMs);
  }

  /** `refusal`: why the last place has not taken it. */
  #dispatch(refusal: RefusedFault | undefined): void {
    const choice = this.#backends.choose(this.#workload, this.#templateHash, this.#tries.tried, "anywhere");
    const nowMs = this.#tries.isNone ? this.#beganMs : this.#context.clock.monotonic();
    if (choice.kind === "place") this.#open(choice.place, nowMs);
    else if (refusal?.reason === "full") this.#say(answerToFault(refusal), refusal);
    else this.#hold(nowMs);
  }

  #hold(nowMs: number): void {
    const { hasPlaces } = this.#workload.pool;
    if (!hasPlaces && isLooker(this.#request.headers)) return this.#say(noInstance);
    const bodyBytes = Math.min(this.#request.bodyLength ?? never, gatewayLimits.holdBodyBytesMax);
    this.#state = "held";
    this.#tries.startAnew();
    this.#holdMs = nowMs;
    // Waiting anew does not make the whole wait longer.
    this.#stepDueMs =
      this.#beganMs + (this.#workload.facts?.wakes === true ? gatewayLimits.wakeMs : gatewayLimits.holdMs);
    if (
      !this.#backends.hold(this.#workload, this, this.#templateHash, gatewayLimits.holdBytesEach + bodyBytes)
    ) {
      this.#state = "begin";
      return this.#say(tooManyWaiting);
    }
    this.#arm();
  }

  #open(place: Backend, nowMs: number): void {
    const request = this.#request;
    this.#state = "open";
    this.#place = place;
    this.#backends.begin(this.#workload, place);
    if ((request.bodyLength ?? this.#body.bytes) > bodyBytesMaxOf(place)) return this.#say(bodyTooLarge);
    this.#tries.begin();
    this.#attemptMs = nowMs;
    this.#stepDueMs = nowMs + attemptMsMax(this.#rule, place);
    this.#body.lastMs = nowMs;
    this.#arm();
    const exchange = place.attached.client.open(headFor(this.#facts, place, this.#stepDueMs, nowMs), this);
    this.#exchange = exchange;
    const hasRoom = this.#body.replay(exchange);
    if (this.#body.ended !== undefined) return;
    if (!hasRoom) this.#pauseBody();
    else if (this.#body.isOpened) this.#resumeBody();
    else {
      this.#body.isOpened = true;
      this.#arm();
      request.openBody();
    }
  }

  // What the client does.

  body(bytes: Buffer): void {
    if (this.#state === "over") return;
    this.#body.take(bytes, this.#exchange !== undefined);
    this.#body.lastMs = this.#context.clock.monotonic();
    if (this.#place !== undefined && this.#body.bytes > bodyBytesMaxOf(this.#place))
      return this.#fail(bodyTooLarge);
    if (this.#exchange === undefined || !this.#exchange.write(bytes)) this.#pauseBody();
  }

  bodyEnd(trailers: HeaderList): void {
    if (this.#state === "over") return;
    this.#body.ended = cleanTrailers(trailers);
    this.#exchange?.end(this.#body.ended);
  }

  clientGone(): void {
    if (this.#state === "over") return;
    this.#exchange?.cancel();
    this.#over(499);
  }

  clientDrained(): void {
    this.#answer.drained(this.#exchange);
  }

  #pauseBody(): void {
    if (this.#body.isPaused) return;
    this.#body.isPaused = true;
    this.#request.pauseBody();
  }

  #resumeBody(): void {
    if (!this.#body.isPaused) return;
    this.#body.isPaused = false;
    this.#body.lastMs = this.#context.clock.monotonic();
    this.#arm();
    this.#request.resumeBody();
  }

  // What the instance does.

  drain(): void {
    if (this.#state !== "over" && this.#body.ended === undefined) this.#resumeBody();
  }

  head(head: ResponseHead): void {
    if (this.#state !== "open") return;
    const rule = this.#rule;
    const clean = cleanAnswer(head.status, head.headers);
    if (clean.kind === "invalid") {
      this.#warn(clean.why);
      return this.#attemptFailed({ kind: "failed", reason: "invalid", message: clean.why });
    }
    if (rule.retry.codes.includes(clean.status) && this.#mayRetry({ kind: "status", status: clean.status })) {
      return this.#retry();
    }
    this.#state = "answering";
    this.#body.forget();
    const { list } = clean;
    if (rule.responseHeaders !== undefined) changeHeaders(list, rule.responseHeaders);
    if (this.#request.headers.debug !== undefined && this.#context.options.debugHeaders) {
      list.push("server-timing", this.#timing());
    }
    this.#answer.respond(clean.status, list, clean.contentLength);
  }

  data(bytes: Buffer): void {
    if (this.#state === "answering") this.#answer.data(bytes, this.#exchange);
  }

  end(end: ExchangeEnd): void {
    if (this.#state !== "answering") return;
    this.#exchange = undefined;
    if (this.#place !== undefined) this.#backends.succeeded(this.#place);
    this.#answer.end(end);
    this.#over(this.#answer.status);
  }

  fault(fault: ExchangeFault): void {
    this.#exchange = undefined;
    if (this.#state === "over") return;
    switch (fault.kind) {
      case "cancelled":
        return;
      case "refused":
        return this.#attemptRefused(fault);
      case "failed":
        return this.#attemptFailed(fault);
      default:
        return assertNever(fault, "fault");
    }
  }

  #attemptRefused(fault: RefusedFault): void {
    const place = this.#place;
    if (place !== undefined) {
      if (fault.reason !== "full") this.#backends.refused(this.#workload, place);
      this.#tries.leaveOut(place);
    }
    if (this.#state === "answering") return this.#cutOff();
    this.#givePlaceBack();
    const step = this.#tries.stepAfter({ kind: "refused", reason: fault.reason }, this.#body.isReplayable);
    if (step === "give up") this.#say(answerToFault(fault), fault);
    else if (step === "hold") this.#hold(this.#context.clock.monotonic());
    else this.#dispatch(fault);
  }

  #attemptFailed(fault: FailedFault): void {
    if (this.#place !== undefined && fault.reason !== "tooLarge")
      this.#backends.failed(this.#workload, this.#place);
    if (this.#state === "answering") return this.#cutOff();
    const answer = answerToFault(fault);
    const isLost = fault.reason === "lost" || fault.reason === "stopped" || fault.reason === "protocol";
    if (this.#mayRetry(isLost ? { kind: "lost" } : { kind: "status", status: answer.status })) this.#retry();
    else this.#fail(answer, fault);
  }

  #mayRetry(end: AttemptEnd): boolean {
    return this.#tries.stepAfter(end, this.#body.isReplayable) === "retry";
  }

  /** At another place, or at the same one where there is no other. */
  #retry(): void {
    this.#tries.noteRetry();
    this.#workload.figures.retries++;
    this.#exchange?.cancel();
    this.#exchange = undefined;
    if (this.#place !== undefined) this.#tries.leaveOut(this.#place);
    this.#givePlaceBack();
    const other = this.#backends.choose(this.#workload, this.#templateHash, this.#tries.tried, "anywhere");
    if (other.kind === "none") this.#tries.forgetPlaces();
    this.#dispatch(undefined);
  }

  #arm(): void {
    this.#context.deadlines.set(this, this.#dueMs());
  }

  #dueMs(): number {
    const dueMs = Math.min(this.#stepDueMs, this.#wholeDueMs);
    return this.#state === "held" ? dueMs : Math.min(dueMs, this.#body.dueMs);
  }

  onDeadline(nowMs: number): void {
    // A part of the body has come meanwhile, for example.
    if (this.#dueMs() > nowMs) return this.#arm();
    if (nowMs >= this.#wholeDueMs) return this.#fail(deadlineExceeded);
    if (this.#state === "held") return this.#say(noInstance);
    if (this.#body.dueMs <= nowMs) return this.#fail(bodyTooSlow);
    if (this.#state === "answering") return this.#fail(deadlineExceeded);
    this.#attemptFailed({ kind: "failed", reason: "timeout", message: "it has not answered in time" });
  }

  /** Ends what is under way there, and says so to the client as far as that is still possible. */
  #fail(answer: OwnAnswer, fault?: FailedFault): void {
    if (this.#state === "answering") return this.#cutOff();
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.#say(answer, fault);
  }

  #cutOff(): void {
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.#request.abort();
    this.#over(this.#answer.status);
  }

  #say(answer: OwnAnswer, fault?: ExchangeFault): void {
    this.#answer.bytes = answerOwn(this.#request, answer, fault);
    this.#over(answer.status);
  }

  #timing(): string {
    const backendMs = this.#context.clock.monotonic() - this.#attemptMs;
    const queueMs = this.#attemptMs - this.#beganMs - this.#heldMs;
    return `wake;dur=${this.#heldMs.toFixed(1)}, queue;dur=${queueMs.toFixed(1)}, backend;dur=${backendMs.toFixed(1)}`;
  }

  /** Now and then: guests may answer so each time. */
  #warn(why: string): void {
    const nowMs = this.#context.clock.monotonic();
    if (nowMs - this.#workload.warnedMs < gatewayLimits.warnMs) return;
    this.#workload.warnedMs = nowMs;
    this.#context.log.warn("an instance has answered with what is no HTTP", {
      workload: this.#workload.uid,
      err: why,
    });
  }

  #givePlaceBack(): void {
    const place = this.#place;
    if (place === undefined) return;
    this.#place = undefined;
    this.#backends.finish(this.#workload, place);
  }

  #over(status: number): void {
    if (this.#state === "over") return;
    if (this.#state === "held") this.#backends.unhold(this.#workload, this, this.#templateHash);
    this.#state = "over";
    this.#context.deadlines.clear(this);
    this.#body.forget();
    const place = this.#place;
    const durationMs = this.#context.clock.monotonic() - this.#beganMs;
    const { figures } = this.#workload;
    figures.inFlight--;
    figures.noteEnd(status, durationMs);
    this.#givePlaceBack();
    this.#backends.left(this.#workload);
    this.#context.note(this.#request, this.#workload, place, status, this.#answer.bytes, durationMs);
  }
}
