/** One request by HTTP/1.1 and its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../kit/clock.ts";
import type { Connection, RequestHandlers } from "./connection.ts";
import type { HeaderList } from "./core/headers.ts";
import { badRequest, misdirected, type OwnAnswer } from "./core/own-answer.ts";
import { type BodySource, HttpRequest, pairsOf } from "./http-request.ts";
import { gatewayLimits } from "./limits.ts";
import { answerOwn } from "./own-answers.ts";

/** Bodies up to this are sent with their head as one string: cheaper than two buffers. */
const joinedBytesMax = 8 * 1024;

/** What a request needs of its connection. */
export interface RequestConnection {
  readonly facts: Connection;
  readonly isFinishing: boolean;
  isAnswering: boolean;
  readonly clock: Clock;
  closed(): void;
  bug(thrown: unknown): void;
}

export class Http1Request extends HttpRequest {
  readonly protocol: "1.0" | "1.1";
  readonly #connection: RequestConnection;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  #isClosed = false;

  constructor(
    connection: RequestConnection,
    incoming: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
    source: BodySource = incoming,
  ) {
    super(connection.facts, incoming.method ?? "", incoming.rawHeaders, source);
    this.#connection = connection;
    this.#incoming = incoming;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    this.protocol = incoming.httpVersionMinor === 0 ? "1.0" : "1.1";
  }

  /** Undefined: it is fine. */
  check(handlers: RequestHandlers): OwnAnswer | undefined {
    const { facts } = this.#connection;
    const { httpVersion, rawHeaders } = this.#incoming;
    if (httpVersion !== "1.1" && httpVersion !== "1.0")
      return badRequest("The version of HTTP is none of this port.");
    // What is beyond Node has left out.
    if (rawHeaders.length >= 2 * gatewayLimits.headersMax) {
      return { status: 431, reason: "HeadersTooLarge", text: "The request has too many headers." };
    }
    const refused = this.checkTarget({ target: this.#incoming.url ?? "", authority: undefined });
    if (refused !== undefined) return refused;
    if (facts.serverName === undefined || handlers.isSameHost(facts.serverName, this.host)) return undefined;
    return misdirected;
  }

  /** What is not clear is not followed by more on the same connection. */
  refuse(answer: OwnAnswer): void {
    this.#response.shouldKeepAlive = false;
    answerOwn(this, answer);
  }

  openBody(): void {
    if (this.#expectsContinue) this.#response.writeContinue();
    this.read();
    this.#incoming.once("end", () => {
      if (!this.isEnded) this.taker?.bodyEnd(this.#incoming.rawTrailers);
    });
  }

  abort(): void {
    this.drop();
    this.isEnded = true;
    this.#incoming.socket.destroy();
  }

  protected bug(thrown: unknown): void {
    this.#connection.bug(thrown);
  }

  protected tooMuchUnwanted(): void {
    this.#incoming.socket.destroy();
  }

  closed(): void {
    this.#isClosed = true;
    this.#connection.closed();
    if (!this.isEnded) this.taker?.clientGone();
  }

  protected sendHead(status: number, list: string[], contentLength: number | undefined): void {
    if (this.#isClosed) return;
    this.#writeHead(status, list, contentLength);
    this.#response.flushHeaders();
  }

  protected sendBytes(bytes: Buffer): boolean {
    if (this.#isClosed || this.#response.write(bytes)) return true;
    this.#response.once("drain", () => this.taker?.clientDrained());
    return false;
  }

  protected sendWhole(
    status: number,
    list: string[],
    contentLength: number | undefined,
    bytes: Buffer | undefined,
  ): void {
    this.isEnded = true;
    if (this.#isClosed) return;
    this.#writeHead(status, list, contentLength);
    if (bytes === undefined) this.#response.end();
    else if (bytes.length <= joinedBytesMax) this.#response.end(bytes.toString("latin1"), "latin1");
    else this.#response.end(bytes);
    this.#ended();
  }

  protected sendEnd(trailers: HeaderList): void {
    this.isEnded = true;
    if (this.#isClosed) return;
    if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairsOf(trailers));
    this.#response.end();
    this.#ended();
  }

  #writeHead(status: number, list: string[], contentLength: number | undefined): void {
    this.#connection.isAnswering = true;
    if (contentLength !== undefined && status !== 204) list.push("content-length", String(contentLength));
    // With a body that is still coming, closing would be a reset, which takes away the answer.
    if (this.#connection.isFinishing && this.#incoming.complete) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, list);
  }

  #ended(): void {
    if (!this.#incoming.complete) this.#dropRest();
    // Who does not read it does not keep it here for ever; Node ends connections that have passed this.
    if (this.#response.writableLength > 0) this.#incoming.socket.setTimeout(gatewayLimits.unreadMs);
  }

  /** The answer is given, and the body still comes. It is read for a while, as closing at once would take away the answer. */
  #dropRest(): void {
    // Node closes after this, as nobody knows whether the body comes.
    if (this.#expectsContinue && !this.isReading) return;
    this.read();
    this.#incoming.resume();
    const timer = this.#connection.clock.setTimer(gatewayLimits.unwantedBodyMs, () => {
      if (!this.#incoming.complete) this.#incoming.socket.destroy();
    });
    this.#incoming.once("close", () => timer.cancel());
  }
}
