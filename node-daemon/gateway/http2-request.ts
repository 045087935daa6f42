/** One request by HTTP/2 and its answer. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Timer } from "../../kit/clock.ts";
import type { Connection, RequestHandlers } from "./connection.ts";
import type { HeaderList } from "./core/headers.ts";
import { misdirected, type OwnAnswer } from "./core/own-answer.ts";
import { HttpRequest, pairsOf } from "./http-request.ts";
import { gatewayLimits } from "./limits.ts";

export class Http2Request extends HttpRequest {
  readonly protocol = "2.0";
  readonly #handlers: RequestHandlers;
  readonly #facts: Connection;
  readonly #stream: ServerHttp2Stream;
  readonly #onClosed: () => void;
  #trailers: HeaderList = [];
  #unread: Timer | undefined;
  #isClosed = false;

  constructor(
    handlers: RequestHandlers,
    facts: Connection,
    stream: ServerHttp2Stream,
    method: string,
    raw: readonly string[],
    onClosed: () => void,
  ) {
    super(facts, method, raw, stream);
    this.#handlers = handlers;
    this.#facts = facts;
    this.#stream = stream;
    this.#onClosed = onClosed;
    stream.on("error", ignore);
    stream.on("close", () => this.#closed());
  }

  /** Undefined: it is fine. */
  check(pseudo: IncomingHttpHeaders, endsHere: boolean): OwnAnswer | undefined {
    const { ":path": target, ":authority": authority, ":protocol": protocol } = pseudo;
    if (this.method === "CONNECT" || protocol !== undefined) {
      return { status: 405, reason: "MethodNotAllowed", text: "The method CONNECT is not supported." };
    }
    const refused = this.checkTarget({
      target: typeof target === "string" ? target : "",
      authority: typeof authority === "string" ? authority : undefined,
    });
    if (refused !== undefined) return refused;
    if (endsHere) this.bodyLength = 0;
    const { serverName } = this.#facts;
    return serverName === undefined || this.#handlers.isSameHost(serverName, this.host)
      ? undefined
      : misdirected;
  }

  openBody(): void {
    const stream = this.#stream;
    // It may have been reset just now, and throws then.
    if (this.headers.expect !== undefined && !this.#isGone) stream.additionalHeaders({ ":status": 100 });
    let trailers: HeaderList = [];
    stream.on("trailers", (_headers: unknown, _flags: unknown, raw: unknown) => {
      // @types/node leaves out what Node gives as the third.
      if (Array.isArray(raw)) trailers = raw.map(String);
    });
    this.read();
    stream.once("end", () => {
      // A stream that was reset ends, too.
      if (!this.isEnded && !stream.aborted) this.taker?.bodyEnd(trailers);
    });
  }

  abort(): void {
    this.drop();
    this.isEnded = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  protected bug(thrown: unknown): void {
    this.#handlers.bug(thrown);
  }

  protected tooMuchUnwanted(): void {
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  protected sendHead(status: number, list: string[], contentLength: number | undefined): void {
    if (this.#isGone) return;
    if (this.isHead || status === 204 || status === 205 || status === 304) {
      this.#stream.respond(headOf(status, list, contentLength), { endStream: true });
      return;
    }
    this.#stream.once("wantTrailers", () =>
      this.#stream.sendTrailers(Object.fromEntries(pairsOf(this.#trailers))),
    );
    this.#stream.respond(headOf(status, list, contentLength), { waitForTrailers: true });
  }

  protected sendBytes(bytes: Buffer): boolean {
    if (this.#isGone || this.#stream.write(bytes)) return true;
    this.#stream.once("drain", () => this.taker?.clientDrained());
    return false;
  }

  protected sendWhole(
    status: number,
    list: string[],
    contentLength: number | undefined,
    bytes: Buffer | undefined,
  ): void {
    this.isEnded = true;
    if (this.#isGone) return;
    const isEmpty = bytes === undefined || this.isHead;
    this.#stream.respond(headOf(status, list, contentLength), { endStream: isEmpty });
    if (!isEmpty) this.#stream.end(bytes);
    this.#dropRest();
  }

  protected sendEnd(trailers: HeaderList): void {
    this.isEnded = true;
    if (this.#isGone) return;
    this.#trailers = trailers;
    this.#stream.end();
    this.#dropRest();
  }

  get #isGone(): boolean {
    return this.#isClosed || this.#stream.destroyed || this.#stream.closed;
  }

  /** What still comes of the body is not wanted: the client is told so once it has the answer (RFC 9113 8.1). */
  #dropRest(): void {
    const stream = this.#stream;
    // Who does not read the answer does not keep it here for ever.
    this.#unread = this.#handlers.clock.setTimer(gatewayLimits.unreadMs, () =>
      stream.close(constants.NGHTTP2_CANCEL),
    );
    if (stream.readableEnded || stream.endAfterHeaders) return;
    this.read();
    stream.resume();
    stream.once("finish", () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #closed(): void {
    this.#isClosed = true;
    this.#unread?.cancel();
    this.#onClosed();
    if (!this.isEnded) this.taker?.clientGone();
    // Node's table of streams keeps those that are over up to the next full collection: not what they were for.
    this.taker = undefined;
    this.#stream.removeAllListeners();
    this.#stream.on("error", ignore);
  }
}

function headOf(status: number, list: string[], contentLength: number | undefined): string[] {
  const head = [":status", String(status), ...list];
  if (contentLength !== undefined && status !== 204) head.push("content-length", String(contentLength));
  return head;
}

/** The stream's close says the same. */
function ignore(): void {}
