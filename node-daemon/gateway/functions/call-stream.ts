/**
 * One stream of calls, with a good ticket:
 *
 *   requests ─▶ begun, as long as few are under way and the client reads ─▶ responses, in the order in which calls end
 *   the client has sent all, and all is answered ─▶ status 0
 *   the client has gone ─▶ calls are cancelled
 *
 * Responses of one turn leave in one write. A unary call is a stream that brings one request.
 */
import type { ServerHttp2Stream } from "node:http2";
import { framed, GrpcReader, grpcStatus, prefixBytes } from "../../../proto/functions/grpc.ts";
import {
  type CallRequest,
  type CallResponse,
  readRequest,
  writeResponse,
} from "../../../proto/functions/messages.ts";
import { WireError } from "../../../proto/functions/wire.ts";
import type { CallOutcome, FunctionCall } from "../function-call.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { HeaderList } from "../core/headers.ts";
import type { ByteBudget } from "../core/byte-budget.ts";
import { failure, responseOf } from "./call-result.ts";
import { functionLimits } from "./limits.ts";
import { OutgoingResponses } from "./outgoing-responses.ts";
import type { Ticket } from "./ticket-desk.ts";

export interface CallStreamParts {
  readonly stream: ServerHttp2Stream;
  readonly ticket: Ticket;
  readonly isUnary: boolean;
  /** Of a unary call, for all of it; 0: none. */
  readonly timeoutMs: number;
  readonly client: { readonly address: string; readonly port: number };
  /** Of all calls of the stream. */
  readonly headers: HeaderList;
  readonly call: (call: FunctionCall, done: (outcome: CallOutcome) => void) => () => void;
  readonly isGood: (ticket: Ticket) => boolean;
  readonly inputs: ByteBudget;
  readonly outputs: ByteBudget;
  readonly clock: Clock;
}

export class CallStream {
  readonly #parts: CallStreamParts;
  readonly #reader = new GrpcReader(functionLimits.messageBytesMax);
  readonly #cancels = new Set<() => void>();
  readonly #responses: OutgoingResponses;
  #underWay = 0;
  #requests = 0;
  /** Of messages that are coming in or whose calls are under way. */
  #heldBytes = 0;
  #hasEnded = false;
  #isOver = false;
  #flushes = false;
  #takes = false;

  constructor(parts: CallStreamParts) {
    this.#parts = parts;
    const { stream, outputs, clock } = parts;
    this.#responses = new OutgoingResponses(stream, outputs, clock);
  }

  /** Takes what the client sends from now on. */
  begin(): void {
    const { stream } = this.#parts;
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("end", () => {
      this.#hasEnded = true;
      this.#take();
    });
    stream.on("drain", () => this.#take());
    stream.on("error", () => {});
    stream.once("close", () => this.#gone());
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#parts.inputs.take(chunk.byteLength)) {
      this.#finish(grpcStatus.resourceExhausted, "too many inputs are under way here; try again");
      return;
    }
    this.#heldBytes += chunk.byteLength;
    this.#reader.push(chunk);
    this.#take();
  }

  /** Begins what can be begun. */
  #take(): void {
    // What is refused at once comes back here before it has returned.
    if (this.#takes) return;
    this.#takes = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#begin(next);
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown;
      this.#finish(grpcStatus.invalidArgument, `the request cannot be read: ${thrown.message}`);
    } finally {
      this.#takes = false;
    }
    if (this.#isOver) return;
    const { stream } = this.#parts;
    if (this.#isFull) stream.pause();
    else if (stream.isPaused()) stream.resume();
    this.#endIfDone();
  }

  get #isFull(): boolean {
    const { callsPerStream, unreadBytes } = functionLimits;
    return this.#underWay >= callsPerStream || this.#parts.stream.writableLength > unreadBytes;
  }

  #next(): Buffer | undefined {
    return this.#isOver || this.#isFull ? undefined : this.#reader.next();
  }

  #begin(message: Buffer): void {
    const { isUnary, ticket, isGood } = this.#parts;
    if (isUnary && this.#requests > 0) throw new WireError("there is a second message");
    const request = readRequest(message);
    const fault = faultOf(request);
    this.#requests++;
    this.#underWay++;
    const done = (response: CallResponse, outputBytes = 0) => {
      this.#underWay--;
      this.#give(message.byteLength + prefixBytes);
      this.#respond(response, outputBytes);
    };
    if (!isGood(ticket)) done(failure(request.id, "TicketExpired", "the ticket of this stream has expired"));
    else if (fault !== undefined) done(failure(request.id, "InvalidCall", fault));
    else this.#call(request, done);
  }

  #give(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#parts.inputs.give(bytes);
  }

  #call(request: CallRequest, done: (response: CallResponse, outputBytes: number) => void): void {
    const { call, ticket, client, headers, timeoutMs, outputs } = this.#parts;
    const { id, fuel, memoryBytes, seed, input } = request;
    let cancel: (() => void) | undefined;
    let isDone = false;
    cancel = call(
      {
        workload: ticket.workload.uid,
        name: request.function,
        // What is kept for another attempt is kept as it is.
        input: Buffer.from(input.buffer, input.byteOffset, input.byteLength),
        limits: {
          ...(fuel > 0 && { fuelMax: fuel }),
          ...(memoryBytes > 0 && { memoryBytesMax: memoryBytes }),
          ...(seed !== undefined && { seed }),
        },
        timeoutMs: lesser(request.timeoutMs, timeoutMs),
        headers,
        outputs,
        clientAddress: client.address,
        clientPort: client.port,
      },
      (outcome) => {
        isDone = true;
        const outputBytes = outcome.kind === "answered" ? outcome.output.length : 0;
        if (this.#isOver) {
          outputs.give(outputBytes);
          return;
        }
        if (cancel) this.#cancels.delete(cancel);
        done(responseOf(id, outcome), outputBytes);
      },
    );
    if (!isDone) this.#cancels.add(cancel);
  }

  #respond(response: CallResponse, outputBytes: number): void {
    this.#responses.add(framed(writeResponse(response)), outputBytes);
    if (this.#flushes) return;
    this.#flushes = true;
    setImmediate(() => {
      this.#flushes = false;
      if (this.#isOver) return;
      this.#responses.flush();
      this.#take();
    });
  }

  #endIfDone(): void {
    if (!this.#hasEnded || this.#underWay > 0 || this.#flushes) return;
    if (this.#reader.isWithin) this.#finish(grpcStatus.invalidArgument, "the stream ends within a message");
    else if (this.#parts.isUnary && this.#requests === 0)
      this.#finish(grpcStatus.invalidArgument, "there is no message");
    else this.#finish(grpcStatus.ok, "");
  }

  #finish(status: number, message: string): void {
    if (this.#isOver) return;
    this.#responses.flush();
    this.#gone();
    const { stream } = this.#parts;
    stream.once("wantTrailers", () => {
      stream.sendTrailers({
        "grpc-status": String(status),
        ...(message !== "" && { "grpc-message": percentEncoded(message) }),
      });
    });
    stream.end();
    stream.resume();
  }

  #gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#give(this.#heldBytes);
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}

function faultOf({ function: name, seed }: CallRequest): string | undefined {
  const { nameLengthMax } = functionLimits;
  if (name === "") return "function is empty";
  if (name.length > nameLengthMax) return `function has more than ${nameLengthMax} letters`;
  return seed !== undefined && seed.length > nameLengthMax
    ? `seed has more than ${nameLengthMax} letters`
    : undefined;
}

/** 0: none. */
function lesser(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

/** Of texts in trailers, as gRPC has it. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%20", " ");
}
