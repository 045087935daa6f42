/**
 * HTTP/1.1 of clients. Node's parser, in its strict mode, refuses what is ambiguous (two lengths, a length and chunks, folded lines, bare
 * line ends, NUL); what it lets through is checked in request-checks.ts. Each bound is in limits.ts.
 *
 * A connection ends by its protocol's own means: an answer says `Connection: close`; those between two requests may bring one more.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../kit/clock.ts";
import { errorCode } from "../../kit/errors.ts";
import type { Connection, RequestHandlers } from "./connection.ts";
import { tooManyConnections, tooManyPipelined } from "./core/own-answer.ts";
import { Http1Request } from "./http1-request.ts";
import { Http1Upgrade, isHandshake } from "./http1-upgrade.ts";
import { gatewayLimits } from "./limits.ts";

/** What is known of one connection here. */
class Http1Connection {
  readonly facts: Connection;
  readonly #handlers: RequestHandlers;
  isFinishing: boolean;
  /** Requests that are not answered yet. */
  #active = 0;
  /** Whether some of an answer has gone out, so that nothing else may. */
  isAnswering = false;
  #isEndingLater = false;

  constructor(facts: Connection, handlers: RequestHandlers, isFinishing: boolean) {
    this.facts = facts;
    this.#handlers = handlers;
    this.isFinishing = isFinishing;
  }

  get clock(): Clock {
    return this.#handlers.clock;
  }

  bug(thrown: unknown): void {
    this.#handlers.bug(thrown);
  }

  get isIdle(): boolean {
    return this.#active === 0;
  }

  /** False: too many are under way already. */
  began(): boolean {
    return ++this.#active <= gatewayLimits.pipelinedMax;
  }

  closed(): void {
    this.#active--;
    this.isAnswering = false;
    if (this.isFinishing) this.endLater();
  }

  /** Unless another request comes. */
  endLater(): void {
    if (this.#isEndingLater || this.#active > 0) return;
    this.#isEndingLater = true;
    this.#handlers.clock.setTimer(gatewayLimits.finishIdleMs, () => {
      this.#isEndingLater = false;
      if (this.#active === 0) this.facts.socket.destroySoon();
    });
  }
}

export class Http1Server {
  readonly #handlers: RequestHandlers;
  readonly #server: Server<typeof IncomingMessage, typeof Http1Response>;
  readonly #connections = new Map<Duplex, Http1Connection>();
  readonly #onClosed: () => void;
  #isFinishing = false;

  /** `onClosed`: a connection has ended. */
  constructor(handlers: RequestHandlers, onClosed: () => void) {
    this.#handlers = handlers;
    this.#onClosed = onClosed;
    this.#server = createServer(
      {
        ServerResponse: Http1Response,
        httpValidation: "strict",
        // Ours says more, and is in the log.
        requireHostHeader: false,
        maxHeaderSize: gatewayLimits.headerBytesMax,
        headersTimeout: gatewayLimits.headersMs,
        // Bodies have deadlines of their own.
        requestTimeout: 0,
        keepAliveTimeout: gatewayLimits.keepAliveMs,
        connectionsCheckingInterval: gatewayLimits.connectionCheckMs,
        optimizeEmptyRequests: true,
        shouldUpgradeCallback: (incoming) => this.#mayUpgrade(incoming),
      },
      (incoming, response) => this.#begin(incoming, response, false),
    );
    this.#server.maxHeadersCount = gatewayLimits.headersMax;
    this.#server.on("checkContinue", (incoming, response: Http1Response) =>
      this.#begin(incoming, response, true),
    );
    this.#server.on("upgrade", (incoming, _socket, first) => this.#beginUpgrade(incoming, first));
    this.#server.on("clientError", (error, socket) => this.#refuse(error, socket));
    this.#server.on("connect", (_incoming, socket) => this.#refuseRaw(socket, 405, "MethodNotAllowed"));
    // Node keeps the times of connections only for servers that listen, and begins to when they do.
    this.#server.emit("listening");
  }

  get size(): number {
    return this.#connections.size;
  }

  accept(facts: Connection): void {
    const connection = new Http1Connection(facts, this.#handlers, this.#isFinishing);
    this.#connections.set(facts.socket, connection);
    if (this.#isFinishing) connection.endLater();
    facts.socket.once("close", () => {
      this.#connections.delete(facts.socket);
      this.#onClosed();
    });
    this.#server.emit("connection", facts.socket);
  }

  /** From now on each answer is the last of its connection. */
  finish(): void {
    this.#isFinishing = true;
    for (const connection of this.#connections.values()) {
      connection.isFinishing = true;
      connection.endLater();
    }
  }

  close(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.close();
  }

  /** What may not is answered as a request. So is what comes before those that came before it are answered. */
  #mayUpgrade(incoming: IncomingMessage): boolean {
    return this.#connections.get(incoming.socket)?.isIdle === true && isHandshake(incoming);
  }

  #begin(incoming: IncomingMessage, response: Http1Response, expectsContinue: boolean): void {
    const connection = this.#connections.get(incoming.socket);
    if (connection === undefined) {
      incoming.destroy();
      return;
    }
    this.#take(connection, response, new Http1Request(connection, incoming, response, expectsContinue));
  }

  /** `first`: what has come of the other protocol already. */
  #beginUpgrade(incoming: IncomingMessage, first: Buffer): void {
    const connection = this.#connections.get(incoming.socket);
    if (connection === undefined) {
      incoming.destroy();
      return;
    }
    const response = new Http1Response(incoming);
    this.#take(connection, response, new Http1Upgrade(connection, incoming, response, first));
  }

  #take(connection: Http1Connection, response: Http1Response, request: Http1Request): void {
    const mayBegin = connection.began();
    response.request = request;
    response.on("close", onResponseClose);
    try {
      const answer = connection.facts.isBeyond
        ? tooManyConnections
        : mayBegin
          ? request.check(this.#handlers)
          : tooManyPipelined;
      if (answer === undefined) this.#handlers.take(request);
      else {
        this.#handlers.counts.refused(answer.reason);
        request.refuse(answer);
      }
    } catch (thrown) {
      this.#handlers.bug(thrown);
      connection.facts.socket.destroy();
    }
  }

  #refuse(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    const code = errorCode(error);
    if (code === "ECONNRESET" || !socket.writable || connection?.isAnswering === true) {
      socket.destroy();
      return;
    }
    if (code === "HPE_HEADER_OVERFLOW") this.#refuseRaw(socket, 431, "HeadersTooLarge");
    else if (code === "ERR_HTTP_REQUEST_TIMEOUT") this.#refuseRaw(socket, 408, "RequestTooSlow");
    else if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW")
      this.#refuseRaw(socket, 413, "ChunkExtensionsTooLarge");
    else this.#refuseRaw(socket, 400, "BadRequest");
  }

  /** For what never became a request. What the client still sends is read for a moment, so that it gets to read this. */
  #refuseRaw(socket: Duplex, status: number, reason: string): void {
    this.#handlers.counts.refused(reason);
    const text = statusTexts[status] ?? "Bad Request";
    const body = `${text}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${body.length}\r\nwherry-reason: ${reason}\r\n\r\n${body}`,
    );
    socket.resume();
    const timer = this.#handlers.clock.setTimer(gatewayLimits.unwantedBodyMs, () => socket.destroy());
    socket.once("close", () => timer.cancel());
  }
}

class Http1Response extends ServerResponse {
  request: Http1Request | undefined;
}

function onResponseClose(this: Http1Response): void {
  this.request?.closed();
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
};
