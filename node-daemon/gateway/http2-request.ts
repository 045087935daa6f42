/** One request by HTTP/2 and its answer. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Timer } from "../../kit/clock.ts";
import type { ClientRequest, RequestTaker } from "./client-side.ts";
import type { Connection, RequestHandlers } from "./connection.ts";
import type { HeaderList } from "./core/headers.ts";
import { misdirected, type OwnAnswer } from "./core/own-answer.ts";
import { readRequestHeaders, type RequestHeaders } from "./core/request-headers.ts";
import { gatewayLimits } from "./limits.ts";
import { checkRequest } from "./request-checks.ts";
import { TurnAnswer } from "./turn-answer.ts";

export class Http2Request extends TurnAnswer implements ClientRequest {
  readonly protocol = "2.0";
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly headers: RequestHeaders;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly port: number;
  authority = "";
  host = "";
  path = "";
  query = "";
  bodyLength: number | undefined = 0;
  taker: RequestTaker | undefined;

  readonly #handlers: RequestHandlers;
  readonly #facts: Connection;
  readonly #stream: ServerHttp2Stream;
  readonly #onClosed: () => void;
  #trailers: HeaderList = [];
  #unwantedBytes = 0;
  #unread: Timer | undefined;
  #isReading = false;
  #isEnded = false;
  #isClosed = false;

  constructor(
    handlers: RequestHandlers,
    facts: Connection,
    stream: ServerHttp2Stream,
    method: string,
    raw: readonly string[],
    onClosed: () => void,
  ) {
    super();
    this.#handlers = handlers;
    this.#facts = facts;
    this.#stream = stream;
    this.#onClosed = onClosed;
    this.method = method;
    this.scheme = facts.scheme;
    this.headers = readRequestHeaders(raw);
    this.clientAddress = facts.clientAddress;
    this.clientPort = facts.clientPort;
    this.port = facts.localPort;
    stream.on("error", ignore);
    stream.on("close", () => this.#closed());
  }

  protected get isHead(): boolean {
    return this.method === "HEAD";
  }

  /** Undefined: it is fine. */
  check(pseudo: IncomingHttpHeaders, endsHere: boolean): OwnAnswer | undefined {
    const { ":path": target, ":authority": authority, ":protocol": protocol } = pseudo;
    if (this.method === "CONNECT" || protocol !== undefined) {
      return { status: 405, reason: "MethodNotAllowed", text: "The method CONNECT is not supported." };
    }
    const checked = checkRequest({
      protocol: "2.0",
      method: this.method,
      target: typeof target === "string" ? target : "",
      headers: this.headers,
      authority: typeof authority === "string" ? authority : undefined,
      localAddress: this.#facts.localAddress,
    });
    if (checked.kind === "refused") return checked.answer;
    this.authority = checked.authority;
    this.host = checked.host;
    this.path = checked.path;
    this.query = checked.query;
    this.bodyLength = endsHere ? 0 : checked.bodyLength;
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
    this.#read();
    stream.once("end", () => {
      // A stream that was reset ends, too.
      if (!this.#isEnded && !stream.aborted) this.taker?.bodyEnd(trailers);
    });
  }

  pauseBody(): void {
    this.#stream.pause();
  }

  resumeBody(): void {
    this.#stream.resume();
  }

  abort(): void {
    this.drop();
    this.#isEnded = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  protected failed(thrown: unknown): void {
    this.#handlers.bug(thrown);
    this.abort();
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
    this.#isEnded = true;
    if (this.#isGone) return;
    const isEmpty = bytes === undefined || this.isHead;
    this.#stream.respond(headOf(status, list, contentLength), { endStream: isEmpty });
    if (!isEmpty) this.#stream.end(bytes);
    this.#dropRest();
  }

  protected sendEnd(trailers: HeaderList): void {
    this.#isEnded = true;
    if (this.#isGone) return;
    this.#trailers = trailers;
    this.#stream.end();
    this.#dropRest();
  }

  get #isGone(): boolean {
    return this.#isClosed || this.#stream.destroyed || this.#stream.closed;
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#stream.on("data", (bytes: Buffer) => {
      if (this.#isEnded) this.#drop(bytes);
      else this.taker?.body(bytes);
    });
  }

  /** What still comes of the body is not wanted: the client is told so once it has the answer (RFC 9113 8.1). */
  #dropRest(): void {
    const stream = this.#stream;
    // Who does not read the answer does not keep it here for ever.
    this.#unread = this.#handlers.clock.setTimer(gatewayLimits.unreadMs, () =>
      stream.close(constants.NGHTTP2_CANCEL),
    );
    if (stream.readableEnded || stream.endAfterHeaders) return;
    this.#read();
    stream.resume();
    stream.once("finish", () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #drop(bytes: Buffer): void {
    this.#unwantedBytes += bytes.length;
    if (this.#unwantedBytes > gatewayLimits.unwantedBodyBytesMax)
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #closed(): void {
    this.#isClosed = true;
    this.#unread?.cancel();
    this.#onClosed();
    if (!this.#isEnded) this.taker?.clientGone();
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

function pairsOf(list: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}

/** The stream's close says the same. */
function ignore(): void {}
