/**
 * A request that waits for its answer, as whoever took it in hands it to a guest: the port between what speaks HTTP and
 * `wasi:http`. It knows nothing of guests, and guests nothing of connections.
 *
 *     head, body, trailers ─▶ guest ─▶ respond ─▶ output … ─▶ finish
 *                               └─ error, trap, drop, deadline ─▶ abort
 *
 * After `finish` or `abort` nothing follows. `abort` may come first of all.
 */
import type { HeaderList } from "../../link/exchange.ts";
import type { InputSource, OutputSink } from "../streams.ts";

/** Each character is a byte, as in Latin-1; names are in lower case, and no value has a CR, LF or NUL. */
export type { HeaderList } from "../../link/exchange.ts";

export interface RequestHead {
  /** As in the request line: `GET`. */
  readonly method: string;
  /** Empty where the request has none, as with CONNECT. */
  readonly pathWithQuery: string;
  readonly scheme: "http" | "https";
  /** What the client called the host: `example.com:8080`. */
  readonly authority: string;
  readonly headers: HeaderList;
}

export interface Exchange {
  readonly head: RequestHead;
  /** It may break: then the client is gone. */
  readonly body: InputSource;
  /** Once the body has ended. */
  readonly trailers: HeaderList | undefined;
  /** Once. The headers are valid, and have none that belongs to the connection; a `content-length` is what the body will have. */
  respond(status: number, headers: HeaderList): void;
  /** The body of the answer; nothing is written before `respond`. A client that is gone makes it fail. */
  readonly output: OutputSink;
  /** All has been written. */
  finish(trailers: HeaderList): void;
  /** The answer is none, or is not whole: the client has to be told so by the protocol's own means. */
  abort(why: ExchangeFailure): void;
}

export type ExchangeFailure =
  /** The guest answered with an error code of its interface. */
  | { readonly kind: "error"; readonly code: string }
  /** It has let go of what it was to answer with. */
  | { readonly kind: "no-response" }
  /** The body was dropped before its end, or has not the length that was said. */
  | { readonly kind: "incomplete" };
