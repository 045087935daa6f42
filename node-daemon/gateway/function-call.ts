/** Calls of functions, as requests that come from within: bytes in, bytes out. */
import type { RuleEntry } from "../../api/route-table.ts";
import type { ExchangeFault, ExchangeUsage, HeaderList, RequestHead } from "../link/exchange.ts";
import type { ClientRequest, RequestTaker } from "./client-side.ts";
import { bodyTooLarge, type OwnAnswer } from "./core/own-answer.ts";
import { readRequestHeaders, type RequestHeaders } from "./core/request-headers.ts";
import { gatewayLimits } from "./limits.ts";

export interface FunctionCall {
  /** Its uid. */
  readonly workload: string;
  readonly name: string;
  readonly input: Buffer;
  readonly limits: NonNullable<RequestHead["call"]>;
  /** For all of it, waiting and waking included; 0: as long as the instance allows. */
  readonly timeoutMs: number;
  readonly headers: HeaderList;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Room for outputs, which this call takes as its own comes. That of an answer is whose it is given to; the rest is given back. */
  readonly outputs?: { take(bytes: number): boolean; give(bytes: number): void };
}

export type CallOutcome =
  /** The handler's answer; `status` is what it means by it. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: HeaderList;
      readonly output: Buffer;
      readonly trailers: HeaderList;
      readonly usage: ExchangeUsage | undefined;
    }
  /** No answer: what the gateway says to that, and the fault of the last attempt, if there was one. */
  | { readonly kind: "refused"; readonly answer: OwnAnswer; readonly fault: ExchangeFault | undefined };

/** Nobody knows whether a call may be repeated; what was not begun goes elsewhere all the same. */
export const callRule: RuleEntry = {
  matches: [],
  backends: [],
  requestTimeoutMs: 0,
  attemptTimeoutMs: 0,
  retry: { attempts: 0, codes: [] },
};

const lost: ExchangeFault = { kind: "failed", reason: "lost", message: "its answer has broken off" };

export class CallRequest implements ClientRequest {
  readonly protocol = "2.0";
  readonly method = "CALL";
  readonly scheme = "http";
  readonly authority = "";
  readonly host = "";
  readonly path: string;
  readonly query = "";
  readonly headers: RequestHeaders;
  readonly bodyLength: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly port = 0;
  readonly call: NonNullable<RequestHead["call"]>;
  taker: RequestTaker | undefined;

  readonly #input: Buffer;
  readonly #done: (outcome: CallOutcome) => void;
  readonly #outputs: FunctionCall["outputs"];
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #list: HeaderList = [];
  #isDone = false;

  constructor(call: FunctionCall, done: (outcome: CallOutcome) => void) {
    this.path = call.name;
    this.headers = readRequestHeaders(call.headers);
    this.bodyLength = call.input.length;
    this.clientAddress = call.clientAddress;
    this.clientPort = call.clientPort;
    this.call = call.limits;
    this.#input = call.input;
    this.#done = done;
    this.#outputs = call.outputs;
  }

  cancel(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#outputs?.give(this.#bytes);
    this.taker?.clientGone();
  }

  openBody(): void {
    this.taker?.body(this.#input);
    this.taker?.bodyEnd([]);
  }

  /** It is all sent already. */
  pauseBody(): void {}
  resumeBody(): void {}

  respond(status: number, list: string[]): void {
    this.#status = status;
    this.#list = list;
  }

  write(bytes: Buffer): boolean {
    if (this.#isDone) return true;
    if (this.#bytes + bytes.length > gatewayLimits.callOutputBytesMax) this.#refuse(outputTooLarge);
    else if (this.#outputs?.take(bytes.length) === false) this.#refuse(noRoomForOutput);
    else {
      this.#bytes += bytes.length;
      this.#chunks.push(bytes);
    }
    return true;
  }

  #refuse(text: string): void {
    this.#finish({ kind: "refused", answer: { ...bodyTooLarge, status: 502, text }, fault: undefined });
    // Whoever is telling us of these bytes has to have said so first.
    queueMicrotask(() => this.taker?.clientGone());
  }

  end(trailers: HeaderList, usage?: ExchangeUsage): void {
    const output = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    this.#finish({
      kind: "answered",
      status: this.#status,
      headers: this.#list,
      output: output ?? Buffer.concat(this.#chunks),
      trailers,
      usage,
    });
  }

  explain(answer: OwnAnswer, fault: ExchangeFault | undefined): void {
    this.#finish({ kind: "refused", answer, fault });
  }

  abort(): void {
    this.#finish({
      kind: "refused",
      answer: { status: 502, reason: "InstanceLost", text: "The instance has gone before it had answered." },
      fault: lost,
    });
  }

  #finish(outcome: CallOutcome): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (outcome.kind === "refused") this.#outputs?.give(this.#bytes);
    this.#done(outcome);
  }
}

const outputTooLarge = `The output of the function has more than ${gatewayLimits.callOutputBytesMax} bytes.`;
const noRoomForOutput =
  "The outputs of other calls take all the room that there is for them; try again later.";
