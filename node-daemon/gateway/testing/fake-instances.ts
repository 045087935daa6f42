/** Instances that answer as a test says, behind the face of the link. */
import type {
  AnswerListener,
  CallerExchange,
  ExchangeFault,
  ExchangeUsage,
  HeaderList,
  RequestHead,
} from "../../link/exchange.ts";
import type { ExchangeClient } from "../ports.ts";

/** One request that has come to an instance. */
export class FakeCall {
  readonly head: RequestHead;
  readonly chunks: Buffer[] = [];
  trailers: HeaderList | undefined;
  cancelled = false;
  consumed = 0;
  /** What `write` answers to the gateway. */
  hasRoom = true;
  readonly #listener: AnswerListener;
  readonly #onEnd: (call: FakeCall) => void;

  constructor(head: RequestHead, listener: AnswerListener, onEnd: (call: FakeCall) => void) {
    this.head = head;
    this.#listener = listener;
    this.#onEnd = onEnd;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString();
  }

  respond(status: number, headers: HeaderList): void {
    if (!this.cancelled) this.#listener.head({ status, headers });
  }

  data(bytes: string | Buffer): void {
    if (!this.cancelled) this.#listener.data(Buffer.from(bytes));
  }

  end(trailers: HeaderList = [], usage?: ExchangeUsage): void {
    if (!this.cancelled) this.#listener.end(usage === undefined ? { trailers } : { trailers, usage });
  }

  fault(fault: ExchangeFault): void {
    if (!this.cancelled) this.#listener.fault(fault);
  }

  drain(): void {
    this.hasRoom = true;
    if (!this.cancelled) this.#listener.drain();
  }

  /** All in one. */
  answer(text: string, status = 200, headers: HeaderList = []): void {
    this.respond(status, headers);
    if (text !== "") this.data(text);
    this.end();
  }

  exchange(): CallerExchange {
    return {
      write: (bytes) => {
        this.chunks.push(Buffer.from(bytes));
        return this.hasRoom;
      },
      end: (trailers) => {
        this.trailers = trailers;
        queueMicrotask(() => this.#onEnd(this));
      },
      consumed: (bytes) => {
        this.consumed += bytes;
      },
      cancel: () => {
        this.cancelled = true;
      },
    };
  }
}

export interface FakeHandler {
  /** The head is there. */
  begin?(call: FakeCall): void;
  /** The body has ended. */
  end?(call: FakeCall): void;
}

/** By the folder of the shim, or the name of the node. */
export class FakeInstances {
  readonly calls: FakeCall[] = [];
  readonly closed: string[] = [];
  readonly #handlers = new Map<string, FakeHandler>();

  set(key: string, handler: FakeHandler): void {
    this.#handlers.set(key, handler);
  }

  dial(key: string): ExchangeClient {
    return {
      open: (head, listener) => {
        const call = new FakeCall(head, listener, (ended) => {
          if (!ended.cancelled) this.#handlers.get(key)?.end?.(ended);
        });
        this.calls.push(call);
        queueMicrotask(() => {
          if (!call.cancelled) this.#handlers.get(key)?.begin?.(call);
        });
        return call.exchange();
      },
      close: () => void this.closed.push(key),
    };
  }
}
