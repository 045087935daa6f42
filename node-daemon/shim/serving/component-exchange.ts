import type { Exchange, ExchangeFailure, RequestHead } from "../../wasi/http/exchange.ts";
import type { HeaderList } from "../../link/exchange.ts";
import type { InputSource, OutputSink } from "../../wasi/streams.ts";
import type { Served, ServedRequest } from "./handler.ts";

/** A request as `wasi:http` sees it, and how its answer came out. */
export class ComponentExchange implements Exchange {
  readonly head: RequestHead;
  readonly #request: ServedRequest;
  readonly #over = Promise.withResolvers<Served>();

  constructor(request: ServedRequest) {
    this.#request = request;
    const { method, path, scheme, authority, headers } = request.head;
    this.head = { method, pathWithQuery: path, scheme, authority, headers };
  }

  get body(): InputSource {
    return this.#request.body;
  }

  get output(): OutputSink {
    return this.#request.answer;
  }

  get trailers(): HeaderList {
    return this.#request.body.trailers;
  }

  /** Once the answer has ended, or none will come. */
  get over(): Promise<Served> {
    return this.#over.promise;
  }

  respond(status: number, headers: HeaderList): void {
    this.#request.answer.respond({ status, headers });
  }

  finish(trailers: HeaderList): void {
    this.#request.answer.end(trailers);
    this.#over.resolve({ kind: "answered", reusable: true });
  }

  abort(why: ExchangeFailure): void {
    switch (why.kind) {
      case "error":
        return this.#answerError(why.code);
      case "no-response":
        return this.#fail("the handler has returned without an answer (response-outparam.set)");
      case "incomplete":
        return this.#fail(
          "the handler has not finished the body of its answer (outgoing-body.finish), or it has not the length that was said",
        );
    }
  }

  /** Nobody waits for the answer any more. */
  stop(): void {
    this.#fail("it was stopped");
  }

  /** Who does not do what it has to once, may never do it again. */
  #fail(message: string): void {
    this.#over.resolve({ kind: "failed", reason: "invalid", message, reusable: false });
  }

  /** An answer of the guest's, though not in HTTP's words. */
  #answerError(code: string): void {
    const text = Buffer.from(`the handler answers with the error ${code}\n`);
    const headers = ["content-type", "text/plain", "content-length", `${text.byteLength}`];
    this.respond(statusOf(code), headers);
    if (this.head.method !== "HEAD") this.#request.answer.write(text);
    this.finish([]);
  }
}

/** The status by which servers say the same. */
function statusOf(code: string): number {
  switch (code) {
    case "HTTP-request-denied":
      return 403;
    case "HTTP-request-length-required":
      return 411;
    case "HTTP-request-body-size":
      return 413;
    case "HTTP-request-URI-too-long":
      return 414;
    case "HTTP-request-header-size":
    case "HTTP-request-header-section-size":
    case "HTTP-request-trailer-size":
    case "HTTP-request-trailer-section-size":
      return 431;
    case "HTTP-request-method-invalid":
    case "HTTP-request-URI-invalid":
      return 400;
    case "loop-detected":
      return 508;
    case "DNS-timeout":
    case "connection-timeout":
    case "connection-read-timeout":
    case "connection-write-timeout":
    case "HTTP-response-timeout":
      return 504;
    default:
      return code.startsWith("DNS-") || /^(?:destination|connection|TLS|HTTP-response)-/.test(code)
        ? 502
        : 500;
  }
}
