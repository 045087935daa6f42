/**
 * One request by HTTP/1.1 and its answer. What an instance answers in one go is sent in one go, with its length: head and first bytes
 * are kept to the end of the turn.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClientRequest, RequestTaker } from "./client-side.ts";
import type { HeaderList } from "./core/headers.ts";
import { badRequest, misdirected, type OwnAnswer } from "./core/own-answer.ts";
import { readRequestHeaders, type RequestHeaders } from "./core/request-headers.ts";
import type { Http1Connection, RequestHandlers } from "./connection.ts";
import { gatewayLimits } from "./limits.ts";
import { answerOwn } from "./own-answers.ts";
import { checkRequest } from "./request-checks.ts";

/** Bodies up to this are sent with their head as one string: cheaper than two buffers. */
const joinedBytesMax = 8 * 1024;

export class Http1Request implements ClientRequest {
  readonly protocol: "1.0" | "1.1";
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

  readonly #server: { readonly isFinishing: boolean };
  readonly #connection: Http1Connection;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;

  /** Waits for the end of the turn. */
  #list: string[] | undefined;
  #status = 0;
  #contentLength: number | undefined;
  #first: Buffer | undefined;
  #isEnded = false;
  #isClosed = false;
  #unwantedBytes = 0;

  constructor(
    server: { readonly isFinishing: boolean },
    connection: Http1Connection,
    incoming: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ) {
    const { facts } = connection;
    this.#server = server;
    this.#connection = connection;
    this.#incoming = incoming;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    this.protocol = incoming.httpVersionMinor === 0 ? "1.0" : "1.1";
    this.method = incoming.method ?? "";
    this.scheme = facts.scheme;
    this.headers = readRequestHeaders(incoming.rawHeaders);
    this.clientAddress = facts.clientAddress;
    this.clientPort = facts.clientPort;
    this.port = facts.localPort;
  }

  /** Undefined: it is fine. */
  check(handlers: RequestHandlers): OwnAnswer | undefined {
    const { headers, method } = this;
    const { facts } = this.#connection;
    const { httpVersion, rawHeaders } = this.#incoming;
    if (httpVersion !== "1.1" && httpVersion !== "1.0")
      return badRequest("The version of HTTP is none of this port.");
    if (rawHeaders.length >= 2 * gatewayLimits.headersMax) {
      return { status: 431, reason: "HeadersTooLarge", text: "The request has too many headers." };
    }
    const target = this.#incoming.url ?? "";
    const checked = checkRequest({
      protocol: this.protocol,
      method,
      target,
      headers,
      authority: undefined,
      localAddress: facts.localAddress,
    });
    if (checked.kind === "refused") return checked.answer;
    this.authority = checked.authority;
    this.host = checked.host;
    this.path = checked.path;
    this.query = checked.query;
    this.bodyLength = checked.bodyLength;
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
    this.#incoming.on("data", (bytes: Buffer) => {
      if (this.#isEnded) this.#drop(bytes);
      else this.taker?.body(bytes);
    });
    this.#incoming.once("end", () => this.taker?.bodyEnd(this.#incoming.rawTrailers));
  }

  pauseBody(): void {
    this.#incoming.pause();
  }

  resumeBody(): void {
    this.#incoming.resume();
  }

  respond(status: number, list: string[], contentLength: number | undefined): void {
    this.#status = status;
    this.#list = list;
    this.#contentLength = contentLength;
    flushLater(this);
  }

  write(bytes: Buffer): boolean {
    if (this.#list !== undefined) {
      if (this.#first === undefined) {
        this.#first = bytes;
        return true;
      }
      this.flush();
    }
    if (this.#isClosed) return true;
    if (this.#response.write(bytes)) return true;
    this.#response.once("drain", () => this.taker?.clientDrained());
    return false;
  }

  end(trailers: HeaderList): void {
    this.#isEnded = true;
    if (this.#isClosed) return;
    const response = this.#response;
    const list = this.#list;
    if (list === undefined) {
      if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairsOf(trailers));
      response.end();
    } else if (trailers.length > 0) {
      this.flush();
      if (response.chunkedEncoding) response.addTrailers(pairsOf(trailers));
      response.end();
    } else {
      if (this.#contentLength === undefined && this.method !== "HEAD")
        this.#contentLength = this.#first?.length ?? 0;
      this.#writeHead(list);
      this.#endWith(this.#first);
      this.#first = undefined;
    }
    if (!this.#incoming.complete) this.#dropRest();
  }

  abort(): void {
    this.#list = undefined;
    this.#isEnded = true;
    this.#incoming.socket.destroy();
  }

  /** The end of the turn in which the head has come. */
  flush(): void {
    const list = this.#list;
    if (list === undefined || this.#isClosed) return;
    this.#writeHead(list);
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined) this.#response.flushHeaders();
    else if (!this.#response.write(first)) this.#response.once("drain", () => this.taker?.clientDrained());
  }

  closed(): void {
    this.#isClosed = true;
    this.#connection.active--;
    this.#connection.isAnswering = false;
    if (!this.#isEnded) this.taker?.clientGone();
  }

  #writeHead(list: string[]): void {
    this.#list = undefined;
    this.#connection.isAnswering = true;
    const response = this.#response;
    if (this.#contentLength !== undefined && this.#status !== 204)
      list.push("content-length", String(this.#contentLength));
    // With a body that is still coming, closing would be a reset, which takes away the answer.
    if (this.#server.isFinishing && this.#incoming.complete) response.shouldKeepAlive = false;
    response.writeHead(this.#status, list);
  }

  #endWith(bytes: Buffer | undefined): void {
    if (bytes === undefined) this.#response.end();
    else if (bytes.length <= joinedBytesMax) this.#response.end(bytes.toString("latin1"), "latin1");
    else this.#response.end(bytes);
  }

  /** The answer is given, and its body still comes. It is read for a while, as closing at once would take away the answer. */
  #dropRest(): void {
    if (this.#expectsContinue && this.#incoming.listenerCount("data") === 0) return;
    if (this.#incoming.listenerCount("data") === 0)
      this.#incoming.on("data", (bytes: Buffer) => this.#drop(bytes));
    this.#incoming.resume();
    const timer = setTimeout(() => {
      if (!this.#incoming.complete) this.#incoming.socket.destroy();
    }, gatewayLimits.unwantedBodyMs);
    timer.unref();
    this.#incoming.once("close", () => clearTimeout(timer));
  }

  #drop(bytes: Buffer): void {
    this.#unwantedBytes += bytes.length;
    if (this.#unwantedBytes > gatewayLimits.unwantedBodyBytesMax) this.#incoming.socket.destroy();
  }
}

function pairsOf(list: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}

/** Those whose heads wait for the end of the turn. */
let waiting: Http1Request[] = [];

function flushLater(request: Http1Request): void {
  if (waiting.push(request) === 1) queueMicrotask(flushAll);
}

function flushAll(): void {
  const all = waiting;
  waiting = [];
  for (const request of all) request.flush();
}
