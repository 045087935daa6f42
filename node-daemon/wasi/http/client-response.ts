import type { IncomingMessage } from "node:http";
import { errno } from "../abi.ts";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import { Wakers } from "../sockets/wakers.ts";
import type { InputSource, StreamFailure } from "../streams.ts";
import type { HttpErrorCode } from "./error-code.ts";
import type { HeaderList } from "./exchange.ts";

/**
 * What a server has answered; its body is pulled. Node reads ahead of that by what its buffers hold. Once the last of it is there
 * the connection is free, whether or not anybody reads it: guests that collect their garbage may let go of a body much later.
 */
export class ClientResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: InputSource;
  readonly #message: IncomingMessage;

  constructor(host: ComponentHost, message: IncomingMessage, betweenBytesNs: bigint | undefined) {
    this.#message = message;
    this.status = message.statusCode ?? 0;
    this.headers = lowered(message.rawHeaders);
    this.body = new ResponseBody(host, message, betweenBytesNs);
  }

  get trailers(): HeaderList | undefined {
    return this.#message.complete ? lowered(this.#message.rawTrailers) : undefined;
  }

  /** Nobody reads on. */
  discard(): void {
    if (!this.#message.complete) this.#message.destroy();
  }
}

class ResponseBody implements InputSource {
  readonly #host: ComponentHost;
  readonly #message: IncomingMessage;
  readonly #silenceMs: number;
  readonly #wakers = new Wakers();
  /** All that is left of it. */
  #rest: Uint8Array | undefined;
  #failure: HttpErrorCode | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(host: ComponentHost, message: IncomingMessage, betweenBytesNs: bigint | undefined) {
    this.#host = host;
    this.#message = message;
    this.#silenceMs = Math.min(
      Number(betweenBytesNs ?? 0n) / 1e6 || limits.httpTimeoutMs,
      limits.timerDelayMsMax,
    );
    message.on("readable", () => {
      // Read to its end, which Node waits for.
      if (message.complete) this.#rest ??= (message.read() as Uint8Array | null) ?? new Uint8Array();
      this.#heard();
      this.#wakers.wakeAll();
    });
    message.on("error", () => {});
    message.on("close", () => {
      if (!message.complete) this.#failure ??= { tag: "HTTP-response-incomplete" };
      this.#heard();
      this.#wakers.wakeAll();
    });
  }

  read(maxBytes: number): Uint8Array | "end" | "wait" | StreamFailure {
    if (this.#rest) return this.#readRest(this.#rest, maxBytes);
    const length = Math.min(maxBytes, this.#message.readableLength);
    if (length > 0) {
      // Node has no type for what a stream of bytes reads.
      const bytes = this.#message.read(length) as Uint8Array | null;
      if (bytes) return bytes;
    }
    if (this.#failure) return { errno: errno.connreset, http: this.#failure };
    if (this.#message.readableEnded) return "end";
    if (this.#message.destroyed && this.#message.complete) return "end";
    // An end is told only to who reads on.
    this.#message.read(0);
    this.#watch();
    return "wait";
  }

  onReadable(wake: () => void): () => void {
    const ready =
      this.#rest !== undefined ||
      this.#message.readableLength > 0 ||
      this.#failure !== undefined ||
      this.#message.readableEnded ||
      this.#message.destroyed;
    return this.#wakers.watch(ready, wake);
  }

  #readRest(rest: Uint8Array, maxBytes: number): Uint8Array | "end" {
    if (rest.byteLength === 0) return "end";
    this.#rest = rest.subarray(maxBytes);
    return rest.subarray(0, maxBytes);
  }

  #watch(): void {
    this.#cancelTimer ??= this.#host.setTimer(this.#silenceMs, () => {
      this.#failure ??= { tag: "connection-read-timeout" };
      this.#message.destroy();
      this.#wakers.wakeAll();
    });
  }

  #heard(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function lowered(raw: readonly string[]): HeaderList {
  return raw.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
}
