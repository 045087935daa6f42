/** The answer of an instance on its way to the client: exactly as long as it says, and no faster than it is read. */
import type { CallerExchange, ExchangeEnd } from "../link/exchange.ts";
import type { ClientRequest } from "./client-side.ts";
import { cleanTrailers } from "./core/answer-headers.ts";

export class AnswerRelay {
  status = 0;
  bytes = 0;
  readonly #request: ClientRequest;
  /** Undefined: as much as comes. */
  #length: number | undefined;
  #unconsumed = 0;
  #mayWrite = true;

  constructor(request: ClientRequest) {
    this.#request = request;
  }

  respond(status: number, list: string[], contentLength: number | undefined): void {
    this.status = status;
    this.#length = hasNoBody(this.#request.method, status) ? 0 : contentLength;
    this.#request.respond(status, list, contentLength);
  }

  data(bytes: Buffer, exchange: CallerExchange | undefined): void {
    // What is beyond its length would be the beginning of another answer.
    const left = this.#length === undefined ? bytes.length : this.#length - this.bytes;
    const taken = bytes.length <= left ? bytes : bytes.subarray(0, left);
    this.bytes += taken.length;
    if (taken.length > 0) this.#mayWrite = this.#request.write(taken);
    if (this.#mayWrite) exchange?.consumed(bytes.length);
    else this.#unconsumed += bytes.length;
  }

  drained(exchange: CallerExchange | undefined): void {
    this.#mayWrite = true;
    const bytes = this.#unconsumed;
    this.#unconsumed = 0;
    if (bytes > 0) exchange?.consumed(bytes);
  }

  end({ trailers, usage }: ExchangeEnd): void {
    if (this.#length !== undefined && this.bytes < this.#length) this.#request.abort();
    else this.#request.end(cleanTrailers(trailers), usage);
  }
}

function hasNoBody(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 205 || status === 304;
}
