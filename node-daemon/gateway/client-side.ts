/** A request as it came from a client, whatever it speaks, and the way to answer it. */
import type { ExchangeFault, ExchangeUsage, RequestHead } from "../link/exchange.ts";
import type { HeaderList } from "./core/headers.ts";
import type { OwnAnswer } from "./core/own-answer.ts";
import type { RequestHeaders } from "./core/request-headers.ts";

/** Whoever takes care of a request. Must not throw. */
export interface RequestTaker {
  body(bytes: Buffer): void;
  bodyEnd(trailers: HeaderList): void;
  /** It will not read the answer any more. Once at most, and not after the answer has ended. */
  clientGone(): void;
  /** It can take more after `write` answered false. */
  clientDrained(): void;
}

export interface ClientRequest {
  readonly protocol: "1.0" | "1.1" | "2.0";
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As it was said, with its port. */
  readonly authority: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: RequestHeaders;
  /** 0: none; undefined: unknown. */
  readonly bodyLength: number | undefined;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Of this gateway. */
  readonly port: number;

  /** It is to become this once it is answered with 101. Until then nothing of `openBody` is anybody's but the client's. */
  readonly upgrade?: RequestHead["upgrade"];
  /** Of calls of functions. */
  readonly call?: RequestHead["call"];

  taker: RequestTaker | undefined;
  /** Lets the body come: `taker` gets it. Says `100 Continue` where the client waits for it. */
  openBody(): void;
  pauseBody(): void;
  resumeBody(): void;
  /** `list` is the callee's from then on. `contentLength` undefined: it is not known. */
  respond(status: number, list: string[], contentLength: number | undefined): void;
  /** False: wait for `clientDrained`. */
  write(bytes: Buffer): boolean;
  end(trailers: HeaderList, usage?: ExchangeUsage): void;
  /** Instead of an answer of the gateway's own, for those that want to know more. `fault`: what has led to it. */
  explain?(answer: OwnAnswer, fault: ExchangeFault | undefined): void;
  /** After `respond`: the answer cannot be finished, and the client has to see that. */
  abort(): void;
}
