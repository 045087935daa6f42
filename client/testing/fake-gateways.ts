/** Test support: gateways that a test plays, at addresses of its choice, in place of streams over the network. */
import type { CallTicket } from "../../api/call-ticket.ts";
import type { CallRequest, CallResult } from "../../proto/functions/messages.ts";
import { FunctionCallError } from "../errors.ts";
import type { CallStreamEvents, CallStreamTarget, Connect, GatewayStream } from "../gateway-stream.ts";

/** One stream, as its gateway sees it. */
export class FakeStream implements GatewayStream {
  readonly address: string;
  readonly token: string;
  readonly requests: CallRequest[] = [];
  readonly #events: CallStreamEvents;
  hasRoom = true;
  isLeft = false;
  isClosed = false;

  constructor({ endpoint, token }: CallStreamTarget, events: CallStreamEvents) {
    this.address = endpoint.address;
    this.token = token;
    this.#events = events;
  }

  send(request: CallRequest): void {
    if (this.isLeft || this.isClosed) throw new Error("a request after the end");
    this.requests.push(request);
  }

  leave(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    this.hasRoom = false;
    this.#events.leaving();
  }

  destroy(): void {
    this.close(new FunctionCallError("Closed", "the client was closed", false));
  }

  close(why?: FunctionCallError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.hasRoom = false;
    this.#events.closed(why);
  }

  drain(): void {
    this.hasRoom = true;
    this.#events.drain();
  }

  /** With its own input, if nothing else is said. */
  answer(id: number, result?: CallResult): void {
    const input = this.requests.find((request) => request.id === id)?.input ?? new Uint8Array();
    this.#events.response({ id, result: result ?? { kind: "output", output: input }, usage: undefined });
  }

  fail(id: number, reason: string, notBegun = true): void {
    this.answer(id, { kind: "error", error: { reason, message: reason, code: 0, notBegun } });
  }

  answerAll(): void {
    for (const { id, input } of this.requests.splice(0)) this.answer(id, { kind: "output", output: input });
  }
}

type Behaviour = "accepts" | "refuses" | "does not know" | "silent";

export class FakeGateways {
  /** Attempts, by address, in order. */
  readonly tried: string[] = [];
  readonly patience: number[] = [];
  readonly streams: FakeStream[] = [];
  readonly #behaviours = new Map<string, Behaviour>();

  set(address: string, behaviour: Behaviour): void {
    this.#behaviours.set(address, behaviour);
  }

  get last(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error("there is no stream");
    return stream;
  }

  readonly connect: Connect = (target, events, { clock, connectMs, signal }) => {
    const { address } = target.endpoint;
    this.tried.push(address);
    this.patience.push(connectMs);
    const behaviour = this.#behaviours.get(address) ?? "accepts";
    if (behaviour === "refuses") return Promise.reject(unavailable(`${address} refuses`));
    if (behaviour === "does not know")
      return Promise.reject(new FunctionCallError("Unauthenticated", "no key", true));
    return new Promise((resolve, reject) => {
      if (behaviour === "silent") {
        clock.setTimer(connectMs, () => reject(unavailable(`${address} is silent`)));
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        return;
      }
      const stream = new FakeStream(target, events);
      this.streams.push(stream);
      resolve(stream);
    });
  };
}

export function unavailable(message: string): FunctionCallError {
  return new FunctionCallError("Unavailable", message, true);
}

/** `seconds`: until it ends, by a clock that begins at `nowMs`. */
export function ticketFor(
  addresses: readonly string[],
  nowMs: number,
  { token = "t", seconds = 600 } = {},
): CallTicket["status"] {
  return {
    token,
    expirationTimestamp: new Date(nowMs + seconds * 1_000).toISOString(),
    endpoints: addresses.map((address) => ({ node: address, address })),
    caBundle: "",
  };
}
