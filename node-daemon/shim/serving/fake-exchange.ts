/** Test support: the callee's side of one exchange, without a link. */
import type {
  CalleeExchange,
  ExchangeEnd,
  ExchangeFault,
  RequestHead,
  RequestListener,
  ResponseHead,
} from "../../link/exchange.ts";

export function requestHead(more: Partial<RequestHead> = {}): RequestHead {
  return {
    target: { kind: "instance", uid: "one" },
    method: "GET",
    scheme: "http",
    authority: "example.com",
    path: "/",
    matchedPath: "/",
    headers: [],
    clientAddress: "192.0.2.1",
    clientPort: 40_000,
    timeoutMs: 0,
    bodyLength: 0,
    ...more,
  };
}

export type Ended = { readonly kind: "answered"; readonly end: ExchangeEnd } | ExchangeFault;

export interface FakeOptions {
  /** After so many bytes that nobody took, `write` answers false. */
  readonly windowBytes?: number;
}

export class FakeExchange implements CalleeExchange {
  readonly head: RequestHead;
  readonly #windowBytes: number;
  listener: RequestListener | undefined;
  response: ResponseHead | undefined;
  readonly pieces: Buffer[] = [];
  consumedBytes = 0;
  #untakenBytes = 0;
  #resolve: (ended: Ended) => void = () => {};
  readonly ended = new Promise<Ended>((resolve) => (this.#resolve = resolve));
  #waiting: (() => void)[] = [];

  constructor(head: Partial<RequestHead> = {}, { windowBytes = Number.POSITIVE_INFINITY }: FakeOptions = {}) {
    this.head = requestHead(head);
    this.#windowBytes = windowBytes;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString("latin1");
  }

  header(name: string): string | undefined {
    const headers = this.response?.headers ?? [];
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
    return undefined;
  }

  /** The whole request at once. */
  send(body = ""): void {
    if (body !== "") this.listener?.data(Buffer.from(body));
    this.listener?.end([]);
  }

  /** Resolves once the condition holds, which is looked at whenever something was said. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (holds()) resolve();
        else this.#waiting.push(look);
      };
      look();
    });
  }

  /** The caller has taken what was written. */
  take(): void {
    this.#untakenBytes = 0;
    this.listener?.drain();
  }

  // As the shim sees it.

  listen(listener: RequestListener): void {
    this.listener = listener;
    if (this.head.bodyLength === 0) listener.end([]);
  }

  consumed(bytes: number): void {
    this.consumedBytes += bytes;
    this.#said();
  }

  respond(head: ResponseHead): void {
    if (this.response) throw new Error("responded twice");
    this.response = head;
    this.#said();
  }

  write(bytes: Uint8Array): boolean {
    if (!this.response) throw new Error("written before the head");
    this.pieces.push(Buffer.from(bytes));
    this.#untakenBytes += bytes.byteLength;
    this.#said();
    return this.#untakenBytes < this.#windowBytes;
  }

  end(end: ExchangeEnd): void {
    if (!this.response) throw new Error("ended before the head");
    this.#resolve({ kind: "answered", end });
    this.#said();
  }

  fault(fault: ExchangeFault): void {
    this.#resolve(fault);
    this.#said();
  }

  #said(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) look();
  }
}
