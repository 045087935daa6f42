/**
 * One request of a client, from its route to the end of its answer.
 *
 *   begin ─▶ gathering ─▶ held ─▶ open ─▶ answering ─▶ over
 *                           ▲  │    │ ▲│
 *                           │  │    │ └┘ refused, or lost and safe to repeat: another place
 *                           └──│────┘    refused by all: it waits for one to come (back)
 *                              └─▶ over  the deadline: 503 or 504
 *
 * An upgrade is answering with 101 until either side ends. Before that nothing that its client says goes anywhere.
 *
 * - A place is taken once the body, or enough of it, is there (client-body.ts).
 * - In each state one party is waited for, and a deadline is set.
 * - The client's going cancels the attempt; a place is given back exactly once.
 */
import { assertNever } from "../../kit/errors.ts";
import type { RuleEntry } from "../../api/route-table.ts";
import type {
  AnswerListener,
  CallerExchange,
  ExchangeEnd,
  ExchangeFault,
  HeaderList,
  ResponseHead,
} from "../link/exchange.ts";
import { AnswerRelay } from "./answer-relay.ts";
import {
  type AttemptFacts,
  attemptMsMax,
  bodyBytesMaxOf,
  headFor,
  idleMsMax,
  wholeAttemptMs,
} from "./attempts.ts";
import type { Backends } from "./backends.ts";
import type { Backend, Holder, Workload } from "./workload.ts";
import { ClientBody } from "./client-body.ts";
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
import { type AttemptEnd, isPlaceWell } from "./core/retry.ts";
import { changePath } from "./core/rewrite.ts";
import type { MatchedRule } from "./core/route-table.ts";
import { callable, type Wanted } from "./core/workload-pool.ts";
import { gatewayLimits } from "./limits.ts";
import { RequestTimes } from "./request-times.ts";
import { Tries } from "./tries.ts";
import type { ForwardingContext } from "./forwarding-context.ts";
import { answerOwn } from "./own-answers.ts";

type RefusedFault = ExchangeFault & { readonly kind: "refused" };
type FailedFault = ExchangeFault & { readonly kind: "failed" };

const never = Number.POSITIVE_INFINITY;

export class Forwarding extends Deadline implements AnswerListener, RequestTaker, Holder {
  readonly #context: ForwardingContext;
  readonly #backends: Backends;
  readonly #request: ClientRequest;
  readonly #rule: RuleEntry;
  readonly #workload: Workload;
  readonly #wanted: Wanted;
  readonly #facts: AttemptFacts;
  readonly #body: ClientBody;
  readonly #answer: AnswerRelay;
  readonly #tries: Tries;
  readonly #times: RequestTimes;

  #state: "begin" | "gathering" | "held" | "open" | "answering" | "over" = "begin";
  #place: Backend | undefined;
  #exchange: CallerExchange | undefined;
  /** It was answered with 101. */
  #isTunnel = false;

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
    this.#wanted = request.call === undefined ? templateHash : callable;
    this.#answer = new AnswerRelay(request);
    const isUpgrade = request.upgrade !== undefined;
    this.#tries = new Tries({ method: request.method, isUpgrade }, rule.retry);
    this.#body = new ClientBody(request, context.bodies);
    this.#times = new RequestTimes(nowMs, rule);
    this.#facts = {
      request,
      rule,
      path: changePath(rule.rewrite?.path, { path: request.path, matchedLength }),
      workload: workload.uid,
      templateHash,
      wholeDueMs: this.#times.wholeDueMs,
    };
  }

  begin(): void {
    const { figures } = this.#workload;
    figures.arrived++;
    figures.inFlight++;
    figures.changed = true;
    this.#request.taker = this;
    const { requestHeaders } = this.#rule;
    if (requestHeaders !== undefined) changeHeaders(this.#request.headers.list, requestHeaders);
    if (this.#request.upgrade !== undefined) this.#body.listen(this.#times.beganMs);
    const { gatherMs } = this.#body;
    if (gatherMs === undefined) this.#start();
    else this.#gather(gatherMs);
  }

  #gather(ms: number): void {
    // What is too large in any case is not asked for: the client may wait for leave to send it.
    const choice = this.#choose();
    if (choice.kind === "place" && this.#body.length > bodyBytesMaxOf(choice.place))
      return this.#say(bodyTooLarge);
    this.#state = "gathering";
    this.#times.gather(ms);
    this.#body.gather(this.#times.beganMs);
    this.#arm();
  }

  #gathered(nowMs: number): void {
    this.#body.gathered();
    this.#state = "begin";
    this.#times.gathered(nowMs);
    this.#start();
  }

  #start(): void {
    // Those that wait already come first.
    if (this.#backends.held.isAny(this.#workload, this.#wanted)) this.#hold(this.#times.startedMs);
    else this.#dispatch(undefined);
  }

  #choose(): ReturnType<Backends["choose"]> {
    return this.#backends.choose(this.#workload, this.#wanted, this.#tries.tried, "anywhere");
  }

  released(place: Backend): void {
    const nowMs = this.#context.clock.monotonic();
    this.#times.released(nowMs);
    this.#open(place, nowMs);
  }

  givenUp(): void {
    this.#state = "begin";
    this.#say(noInstance);
  }

  /** `refusal`: why the last place has not taken it. */
  #dispatch(refusal: RefusedFault | undefined): void {
    const choice = this.#choose();
    const nowMs = this.#tries.isNone ? this.#times.startedMs : this.#context.clock.monotonic();
    if (choice.kind === "place") this.#open(choice.place, nowMs);
    else if (refusal !== undefined && isPlaceWell(refusal.reason)) this.#say(answerToFault(refusal), refusal);
    else this.#hold(nowMs);
  }

  #hold(nowMs: number): void {
    const { hasPlaces } = this.#workload.pool;
    if (!hasPlaces && isLooker(this.#request.headers)) return this.#say(noInstance);
    const bodyBytes = Math.max(
      this.#body.bytes,
      Math.min(this.#request.bodyLength ?? never, gatewayLimits.holdBodyBytesMax),
    );
    this.#state = "held";
    this.#tries.startAnew();
    const { wakeMs, holdMs } = gatewayLimits;
    this.#times.hold(nowMs, this.#workload.facts?.wakes === true ? wakeMs : holdMs);
    if (
      !this.#backends.held.hold(this.#workload, this, this.#wanted, gatewayLimits.holdBytesEach + bodyBytes)
    ) {
      this.#state = "begin";
      return this.#say(tooManyWaiting);
    }
    this.#arm();
  }

  #open(place: Backend, nowMs: number): void {
    this.#state = "open";
    this.#place = place;
    this.#backends.begin(this.#workload, place);
    if (this.#body.length > bodyBytesMaxOf(place)) return this.#say(bodyTooLarge);
    this.#tries.begin();
    const dueMs = this.#times.attempt(nowMs, attemptMsMax(this.#rule, place));
    const exchange = place.attached.client.open(headFor(this.#facts, place, dueMs, nowMs), this);
    this.#exchange = exchange;
    if (this.#request.upgrade === undefined) this.#body.send(exchange, nowMs);
    this.#arm();
  }

  // What the client does.

  body(bytes: Buffer): void {
    if (this.#state === "over") return;
    const nowMs = this.#context.clock.monotonic();
    const exchange = this.#bodyExchange;
    if (this.#body.take(bytes, exchange, nowMs) === "gathered") return this.#gathered(nowMs);
    if (this.#state === "gathering") return;
    this.#times.active(nowMs);
    if (this.#place !== undefined && !this.#isTunnel && this.#body.bytes > bodyBytesMaxOf(this.#place))
      return this.#fail(bodyTooLarge);
    if (exchange === undefined || !exchange.write(bytes)) this.#body.pause();
  }

  /** To whom the body goes now. */
  get #bodyExchange(): CallerExchange | undefined {
    return this.#request.upgrade === undefined || this.#isTunnel ? this.#exchange : undefined;
  }

  bodyEnd(trailers: HeaderList): void {
    if (this.#state === "over") return;
    this.#body.end(cleanTrailers(trailers), this.#bodyExchange);
    if (this.#state === "gathering") this.#gathered(this.#context.clock.monotonic());
  }

  clientGone(): void {
    if (this.#state === "over") return;
    this.#exchange?.cancel();
    this.#over(this.#isTunnel ? this.#answer.status : 499);
  }

  clientDrained(): void {
    this.#times.active(this.#context.deadlines.tickedMs);
    this.#answer.drained(this.#exchange);
  }

  // What the instance does.

  drain(): void {
    if (this.#state === "over") return;
    this.#body.resume(this.#context.clock.monotonic());
    this.#arm();
  }

  head(head: ResponseHead): void {
    if (this.#state !== "open") return;
    const rule = this.#rule;
    const clean = cleanAnswer(head.status, head.headers, this.#request.upgrade !== undefined);
    if (clean.kind === "invalid")
      return this.#attemptFailed({ kind: "failed", reason: "invalid", message: clean.why });
    if (rule.retry.codes.includes(clean.status) && this.#mayRetry({ kind: "status", status: clean.status })) {
      return this.#retry();
    }
    this.#state = "answering";
    const { list } = clean;
    if (rule.responseHeaders !== undefined) changeHeaders(list, rule.responseHeaders);
    if (this.#request.headers.debug !== undefined && this.#context.options.debugHeaders) {
      list.push("server-timing", this.#times.timing(this.#context.clock.monotonic()));
    }
    const idleMs = this.#place === undefined ? never : idleMsMax(this.#place);
    if (clean.status === 101) {
      this.#answer.respond(clean.status, list, undefined);
      return this.#upgraded(idleMs);
    }
    this.#body.forget();
    // A deadline that is later is found when the one before has passed: most answers have ended by then.
    if (this.#times.answer(this.#context.deadlines.tickedMs, wholeAttemptMs(rule), idleMs)) this.#arm();
    this.#answer.respond(clean.status, list, clean.contentLength);
  }

  #upgraded(idleMs: number): void {
    const nowMs = this.#context.clock.monotonic();
    this.#isTunnel = true;
    // However the tunnel ends, the instance has done what it was asked for.
    if (this.#place !== undefined) {
      this.#backends.succeeded(this.#place);
      this.#backends.upgraded(this.#place);
    }
    this.#times.upgraded(nowMs, idleMs);
    if (this.#exchange !== undefined) this.#body.send(this.#exchange, nowMs);
    this.#body.forget();
    this.#arm();
  }

  data(bytes: Buffer): void {
    if (this.#state !== "answering") return;
    this.#times.active(this.#context.deadlines.tickedMs);
    this.#answer.data(bytes, this.#exchange);
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
    if (this.#isTunnel) return this.#cutOff();
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
      if (!isPlaceWell(fault.reason)) this.#backends.refused(this.#workload, place);
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
    if (fault.reason === "invalid") this.#context.warn(this.#workload, fault.message);
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
    if (this.#choose().kind === "none") this.#tries.forgetPlaces();
    this.#dispatch(undefined);
  }

  /** What has just been said may have been the end of it. */
  #arm(): void {
    if (this.#state !== "over") this.#context.deadlines.set(this, this.#dueMs());
  }

  #dueMs(): number {
    const { dueMs } = this.#times;
    // An answer that goes on says that its request is wanted still, whether more of that comes or not.
    return this.#state === "answering" ? dueMs : Math.min(dueMs, this.#body.dueMs);
  }

  onDeadline(nowMs: number): void {
    // A part of the body has come meanwhile, for example.
    if (this.#dueMs() > nowMs) return this.#arm();
    if (nowMs >= this.#times.wholeDueMs) return this.#fail(deadlineExceeded);
    if (this.#state === "held") return this.#say(noInstance);
    if (this.#state === "answering") return this.#cutOff();
    if (this.#body.dueMs <= nowMs) return this.#fail(bodyTooSlow);
    if (this.#state === "gathering") {
      if (this.#request.bodyLength === undefined) this.#gathered(nowMs);
      else this.#say(bodyTooSlow);
      return;
    }
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

  #givePlaceBack(): void {
    const place = this.#place;
    if (place === undefined) return;
    this.#place = undefined;
    this.#backends.finish(this.#workload, place, this.#isTunnel);
  }

  #over(status: number): void {
    if (this.#state === "over") return;
    if (this.#state === "held") this.#backends.held.unhold(this.#workload, this, this.#wanted);
    this.#state = "over";
    this.#context.deadlines.clear(this);
    this.#body.forget();
    const place = this.#place;
    const nowMs = this.#context.clock.monotonic();
    const durationMs = nowMs - this.#times.beganMs;
    const { figures } = this.#workload;
    figures.inFlight--;
    figures.noteEnd(status, this.#times.durationMs(nowMs));
    this.#givePlaceBack();
    this.#backends.left(this.#workload);
    this.#context.note(this.#request, this.#workload, place, status, this.#answer.bytes, durationMs);
  }
}
