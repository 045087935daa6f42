/**
 * The gRPC service for calls (proto/wherry/v1/functions.proto) on a listener of its own: TLS with the node's certificate, HTTP/2, a
 * ticket on each stream. node:http2 and a few lines of ours, as the gateway's program has no packages.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { Server as TlsServer, type TLSSocket } from "node:tls";
import type { Clock } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import { grpcStatus } from "../../../proto/functions/grpc.ts";
import { callPath, callsPath } from "../../../proto/functions/messages.ts";
import { clientKey, ClientCounts } from "../core/client-counts.ts";
import { FloodGuard } from "../core/flood-guard.ts";
import type { CallOutcome, FunctionCall } from "../function-call.ts";
import { gatewayLimits } from "../limits.ts";
import { CallStream, percentEncoded } from "./call-stream.ts";
import { ByteBudget } from "../core/byte-budget.ts";
import { functionLimits } from "./limits.ts";
import { TicketDesk } from "./ticket-desk.ts";

export interface FunctionServerParts {
  readonly clock: Clock;
  readonly log: Log;
  /** From one address; 0: no bound. */
  readonly connectionsPerClientMax: number;
  readonly call: (call: FunctionCall, done: (outcome: CallOutcome) => void) => () => void;
}

interface Client {
  readonly address: string;
  readonly port: number;
}

export class FunctionServer {
  readonly #parts: FunctionServerParts;
  readonly #desk: TicketDesk;
  readonly #inputs = new ByteBudget(functionLimits.inputBytesInAll);
  readonly #outputs = new ByteBudget(functionLimits.outputBytesInAll);
  readonly #tls: TlsServer;
  readonly #http2: Http2Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients: ClientCounts;
  readonly #sessions = new Set<ServerHttp2Session>();
  #hasIdentity = false;
  #isFinishing = false;
  #whenEmpty: (() => void) | undefined;

  constructor(parts: FunctionServerParts) {
    this.#parts = parts;
    this.#desk = new TicketDesk(parts.clock);
    this.#clients = new ClientCounts(parts.connectionsPerClientMax);
    this.#tls = new TlsServer({
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.2",
      handshakeTimeout: gatewayLimits.headersMs,
    });
    this.#tls.on("secureConnection", (socket) => this.#secured(socket));
    this.#tls.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#http2 = makeHttp2();
    this.#http2.on("session", (session) => this.#opened(session));
    this.#http2.on("sessionError", () => {});
  }

  /** The node's certificate, at first and later ones. */
  replaceIdentity({ certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }): void {
    this.#tls.setSecureContext({ cert: certPem, key: keyPem });
    this.#hasIdentity = true;
  }

  /** Public keys, PEM, of those who sign tickets. */
  addKey(pem: string): void {
    try {
      this.#desk.addKey(pem);
    } catch (thrown) {
      this.#parts.log.error("a key for tickets cannot be read", { err: String(thrown) });
    }
  }

  removeKey(pem: string): void {
    this.#desk.removeKey(pem);
  }

  /** An accepted TCP connection, of which nothing has been read. */
  accept(socket: Socket): void {
    if (!this.#hasIdentity || this.#isFinishing || this.#sockets.size >= functionLimits.connectionsMax) {
      socket.destroy();
      return;
    }
    const client = clientKey(socket.remoteAddress ?? "");
    const admission = this.#clients.add(client);
    if (admission !== "refused") socket.once("close", () => this.#clients.remove(client));
    // Programs try again, more and more slowly; who is not let in by TLS cannot be told more.
    if (admission !== "admitted") {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    socket.on("error", () => {});
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#tellIfEmpty();
    });
    this.#tls.emit("connection", socket);
  }

  /** No stream begins any more; resolves when all have ended, or the grace is over. */
  finish(graceMs: number): Promise<void> {
    this.#isFinishing = true;
    for (const session of this.#sessions) leave(session);
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimer(graceMs, () => {
        this.#whenEmpty = undefined;
        this.close();
        resolve();
      });
      this.#whenEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** At once. */
  close(): void {
    this.#isFinishing = true;
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #tellIfEmpty(): void {
    if (this.#sockets.size > 0) return;
    this.#whenEmpty?.();
    this.#whenEmpty = undefined;
  }

  #secured(socket: TLSSocket): void {
    socket.on("error", () => {});
    if (socket.alpnProtocol === "h2") this.#http2.emit("connection", socket);
    else socket.destroy();
  }

  #opened(session: ServerHttp2Session): void {
    const { clock } = this.#parts;
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.on("error", () => {});
    session.setLocalWindowSize(gatewayLimits.http2.sessionWindowBytes);
    const guard = new FloodGuard(gatewayLimits.http2.control, clock.monotonic());
    const note = () => {
      if (!guard.note(clock.monotonic())) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
    session.on("ping", note);
    session.on("remoteSettings", note);
    let active = 0;
    session.setTimeout(functionLimits.idleMs, () => {
      if (active === 0) session.close();
    });
    const { remoteAddress = "", remotePort = 0 } = session.socket;
    const client = { address: remoteAddress, port: remotePort };
    session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      active++;
      stream.on("error", () => {});
      stream.once("close", () => active--);
      try {
        this.#begin(stream, headers, client);
      } catch (thrown) {
        this.#parts.log.error("a stream of calls has met a bug", { err: thrown });
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      }
    });
    if (this.#isFinishing) leave(session);
  }

  #begin(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, client: Client): void {
    const { call, clock } = this.#parts;
    const path = headers[":path"] ?? "";
    const isGrpc = /^application\/grpc(?:\+proto)?(?:;|$)/.test(headers["content-type"] ?? "");
    if (headers[":method"] !== "POST" || !isGrpc) return refuseHttp(stream);
    if (path !== callPath && path !== callsPath)
      return refuse(stream, grpcStatus.unimplemented, `there is no method ${path.slice(0, 100)}`);
    const token = /^Bearer +([\w.-]+) *$/i.exec(headers.authorization ?? "")?.[1];
    if (token === undefined)
      return refuse(stream, grpcStatus.unauthenticated, "there is no ticket: authorization: Bearer TICKET");
    const outcome = this.#desk.check(token);
    if (outcome.kind === "refused") return refuse(stream, grpcStatus.unauthenticated, outcome.reason);
    const timeoutMs = readTimeout(headers["grpc-timeout"]);
    if (timeoutMs === undefined) return refuse(stream, grpcStatus.invalidArgument, "grpc-timeout is invalid");
    const { traceparent } = headers;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    new CallStream({
      stream,
      ticket: outcome.ticket,
      isUnary: path === callPath,
      timeoutMs,
      client,
      // Several come as one, which is none.
      headers: traceparent === undefined ? [] : ["traceparent", String(traceparent)],
      call,
      isGood: (ticket) => this.#desk.isGood(ticket),
      inputs: this.#inputs,
      outputs: this.#outputs,
      clock,
    }).begin();
  }
}

function makeHttp2(): Http2Server {
  const { http2, headersMax, headerBytesMax } = gatewayLimits;
  return createServer({
    maxSessionMemory: http2.sessionMegabytes,
    maxHeaderListPairs: headersMax,
    maxOutstandingPings: 4,
    maxSettings: 16,
    maxSessionInvalidFrames: http2.invalidFramesMax,
    maxSessionRejectedStreams: http2.invalidFramesMax,
    streamResetBurst: http2.resetBurst,
    streamResetRate: http2.resetsPerSecond,
    settings: {
      maxConcurrentStreams: functionLimits.streamsMax,
      maxHeaderListSize: headerBytesMax,
      initialWindowSize: http2.windowBytes,
      enablePush: false,
    },
  });
}

/** gRPC's answer without messages: all of it in one block of headers. */
function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(status),
      "grpc-message": percentEncoded(message),
    },
    { endStream: true },
  );
  stream.resume();
}

function refuseHttp(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 415, "content-type": "text/plain" });
  stream.end("This is a gRPC service: wherry.v1.FunctionService.\n");
  stream.resume();
}

/** 0: none; undefined: invalid. */
function readTimeout(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return 0;
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(text));
  if (!match) return undefined;
  const unitMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }[match[2] ?? ""] ?? 0;
  return Math.max(1, Math.ceil(Number(match[1]) * unitMs));
}

/** Streams that were begun go on. */
function leave(session: ServerHttp2Session): void {
  if (!session.destroyed && !session.closed) session.close();
}
