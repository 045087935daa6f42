/** Test support: the interfaces of `wasi:http` 0.2 for one instance, and a request that a test answers for. */
import type { ComponentHost } from "../host.ts";
import { FakeComponentHost } from "../component-test-support.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import type { Exchange, ExchangeFailure, HeaderList, RequestHead } from "../http/exchange.ts";
import { FakeStream } from "../test-support.ts";
import type { Result } from "../component-values.ts";
import { httpContext, type HttpContext } from "./http-context.ts";
import type { Fields } from "./http-fields.ts";
import type { FutureIncomingResponse } from "./http-response-future.ts";
import type { FutureTrailers, IncomingBody, IncomingRequest, IncomingResponse } from "./http-incoming.ts";
import type { OutgoingBody, OutgoingRequest, OutgoingResponse } from "./http-outgoing.ts";
import type { ResponseOutparam } from "./http-outparam.ts";
import type { RequestOptions } from "./http-request-options.ts";
import { httpInterfaces } from "./http.ts";

export interface HttpTypes {
  readonly Fields: (new () => Fields) & {
    fromList(entries: readonly (readonly [string, Uint8Array])[]): Result<Fields, { readonly tag: string }>;
  };
  readonly OutgoingRequest: new (headers: Fields) => OutgoingRequest;
  readonly OutgoingResponse: new (headers: Fields) => OutgoingResponse;
  readonly RequestOptions: new () => RequestOptions;
  readonly OutgoingBody: typeof OutgoingBody;
  readonly IncomingBody: typeof IncomingBody;
  readonly IncomingRequest: typeof IncomingRequest;
  readonly IncomingResponse: typeof IncomingResponse;
  readonly FutureTrailers: typeof FutureTrailers;
  readonly ResponseOutparam: typeof ResponseOutparam;
  readonly httpErrorCode: (error: object) => HttpErrorCode | undefined;
}

export interface OutgoingHandler {
  handle(
    request: OutgoingRequest,
    options: RequestOptions | undefined,
  ): Result<FutureIncomingResponse, HttpErrorCode>;
}

export interface Http extends HttpTypes {
  readonly host: FakeComponentHost;
  readonly context: HttpContext;
  readonly send: OutgoingHandler["handle"];
}

export function httpOf(host = new FakeComponentHost()): Http {
  // What `make` answers is untyped, as jco's bindings take it.
  const [types, outgoing] = httpInterfaces.map((one) => one.make(host as ComponentHost)) as unknown as [
    HttpTypes,
    OutgoingHandler,
  ];
  return {
    ...types,
    host,
    context: httpContext(host),
    send: (request, options) => outgoing.handle(request, options),
  };
}

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

export class FakeExchange implements Exchange {
  readonly head: RequestHead;
  readonly body = new FakeStream();
  readonly output = new FakeStream();
  trailers: HeaderList | undefined;
  answer: { readonly status: number; readonly headers: HeaderList } | undefined;
  end: HeaderList | ExchangeFailure | undefined;

  constructor(head: Partial<RequestHead> = {}) {
    this.head = {
      method: "GET",
      pathWithQuery: "/",
      scheme: "http",
      authority: "a.test",
      headers: [],
      ...head,
    };
  }

  respond(status: number, headers: HeaderList): void {
    this.answer = { status, headers };
  }

  finish(trailers: HeaderList): void {
    this.end = trailers;
  }

  abort(why: ExchangeFailure): void {
    this.end ??= why;
  }
}

/** The value of a result that is to be one. */
export function valueOf<T, E>(result: Result<T, E>): T {
  if (result.tag === "err") throw new Error(`refused: ${JSON.stringify(result.val)}`);
  return result.val;
}
