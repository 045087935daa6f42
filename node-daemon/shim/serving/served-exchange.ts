import type {
  CalleeExchange,
  ExchangeFault,
  ExchangeUsage,
  HeaderList,
  RequestListener,
} from "../../link/exchange.ts";
import { ArrivingBody } from "./arriving-body.ts";
import type { Due } from "./deadlines.ts";
import type { RequestBody, ServedRequest } from "./handler.ts";
import { servingLimits } from "./limits.ts";
import { OutgoingAnswer } from "./outgoing-answer.ts";

/** As a request sees its run. */
export interface RequestOwner {
  readonly bodyBytesMax: number;
  nowMs(): number;
  /** Something came in for it. */
  touched(): void;
  /** The head of its answer has gone out, or what comes after it. */
  answers(request: ServedExchange): void;
  /** Nobody waits for its answer any more. */
  abandoned(request: ServedExchange): void;
}

/** Where it is served. */
export interface RequestSeat {
  /** It is not in the run queue any more. */
  readonly serving: boolean;
  usage(): ExchangeUsage;
  /** Takes the request back that has not begun. */
  leave(): void;
  kill(): void;
}

export interface RequestBounds {
  /** For the head of the answer. */
  readonly deadlineMs: number;
  /** For all of it; infinite: its caller has no limit. */
  readonly wholeDueMs: number;
  readonly fuelMax: number | undefined;
  readonly memoryBytesMax: number;
}

/** One request in a serving run, from its arrival until nothing of it is left. */
export class ServedExchange implements ServedRequest, RequestListener, Due {
  readonly #exchange: CalleeExchange;
  readonly #owner: RequestOwner;
  readonly #body: ArrivingBody;
  readonly #answer: OutgoingAnswer;
  #over = false;
  place = -1;
  /** When to look whether it has taken too long. */
  deadlineMs: number;
  readonly wholeDueMs: number;
  /** Something of it has come or gone last. */
  activeMs = 0;
  readonly fuelMax: number | undefined;
  readonly memoryBytesMax: number;
  /** While it has one. */
  seat: RequestSeat | undefined;

  constructor(exchange: CalleeExchange, owner: RequestOwner, bounds: RequestBounds) {
    this.#exchange = exchange;
    this.#owner = owner;
    this.deadlineMs = bounds.deadlineMs;
    this.wholeDueMs = bounds.wholeDueMs;
    this.fuelMax = bounds.fuelMax;
    this.memoryBytesMax = bounds.memoryBytesMax;
    this.#body = new ArrivingBody(exchange);
    this.#answer = new OutgoingAnswer(
      exchange,
      () => this.seat?.usage() ?? { cpuUs: 0, fuel: 0 },
      () => owner.answers(this),
    );
  }

  get head(): CalleeExchange["head"] {
    return this.#exchange.head;
  }

  get body(): RequestBody {
    return this.#body;
  }

  get answer(): OutgoingAnswer {
    return this.#answer;
  }

  /** Its caller knows how it ended, or has gone. */
  get over(): boolean {
    return this.#over || this.#answer.ended;
  }

  listen(): void {
    this.#exchange.listen(this);
  }

  /** Unless it is over. */
  fail(fault: ExchangeFault): void {
    if (this.over) return;
    this.#over = true;
    this.#exchange.fault(shortened(fault));
    this.close();
  }

  /** No more of it is read or sent. */
  close(): void {
    this.#over = true;
    this.#body.close();
    this.#answer.close();
  }

  // As the link sees it.

  data(bytes: Buffer): void {
    this.#owner.touched();
    this.activeMs = this.#owner.nowMs();
    this.#body.add(bytes);
    if (this.#body.receivedBytes <= this.#owner.bodyBytesMax || this.over) return;
    this.fail(tooLarge(this.#owner.bodyBytesMax));
    this.#owner.abandoned(this);
  }

  end(trailers: HeaderList): void {
    this.#owner.touched();
    this.activeMs = this.#owner.nowMs();
    this.#body.end(trailers);
  }

  cancelled(): void {
    this.#owner.touched();
    this.close();
    this.#owner.abandoned(this);
  }

  drain(): void {
    this.#owner.touched();
    this.activeMs = this.#owner.nowMs();
    this.#answer.drained();
  }
}

export function tooLarge(bodyBytesMax: number): ExchangeFault {
  const message = `the body is larger than ${bodyBytesMax} bytes, the most that the workload takes`;
  return { kind: "failed", reason: "tooLarge", message };
}

function shortened(fault: ExchangeFault): ExchangeFault {
  const { messageCharsMax } = servingLimits;
  if (fault.kind === "cancelled" || fault.message.length <= messageCharsMax) return fault;
  return { ...fault, message: `${fault.message.slice(0, messageCharsMax - 1)}…` };
}
