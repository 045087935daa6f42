/**
 * HTTP/2 of clients. nghttp2 checks frames, header blocks and lengths, and bounds resets, continuations and what waits to be sent; what it
 * leaves to us is counted in flood-guard.ts. Each bound is in limits.ts.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import type { Connection, RequestHandlers } from "./connection.ts";
import { FloodGuard } from "./core/flood-guard.ts";
import { tooManyConnections } from "./core/own-answer.ts";
import { Http2Request } from "./http2-request.ts";
import { gatewayLimits } from "./limits.ts";
import { answerOwn } from "./own-answers.ts";

export class Http2Endpoint {
  readonly #handlers: RequestHandlers;
  readonly #server: Http2Server;
  readonly #facts = new Map<Duplex, Connection>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #onClosed: () => void;
  #isFinishing = false;

  /** `onClosed`: a connection has ended. */
  constructor(handlers: RequestHandlers, onClosed: () => void) {
    const { http2 } = gatewayLimits;
    this.#handlers = handlers;
    this.#onClosed = onClosed;
    this.#server = createServer({
      maxSessionMemory: http2.sessionMegabytes,
      maxHeaderListPairs: gatewayLimits.headersMax,
      maxSendHeaderBlockLength: 2 * gatewayLimits.answerHeaderBytesMax,
      maxOutstandingPings: 4,
      maxSettings: 16,
      maxSessionInvalidFrames: http2.invalidFramesMax,
      maxSessionRejectedStreams: http2.invalidFramesMax,
      streamResetBurst: http2.resetBurst,
      streamResetRate: http2.resetsPerSecond,
      // Guests may say what they like; what is there twice goes on as it is.
      strictSingleValueFields: false,
      settings: {
        maxConcurrentStreams: http2.streamsMax,
        maxHeaderListSize: gatewayLimits.headerBytesMax,
        initialWindowSize: http2.windowBytes,
        enablePush: false,
        enableConnectProtocol: false,
      },
    });
    this.#server.on("session", (session) => this.#opened(session));
    // Sessions end by themselves with it.
    this.#server.on("sessionError", () => {});
  }

  get size(): number {
    return this.#facts.size;
  }

  accept(facts: Connection): void {
    this.#facts.set(facts.socket, facts);
    facts.socket.once("close", () => {
      this.#facts.delete(facts.socket);
      this.#onClosed();
    });
    facts.socket.on("error", () => {});
    // Who has ended its side can say nothing more of its streams, not even that it has read something.
    facts.socket.allowHalfOpen = false;
    this.#current = facts;
    this.#server.emit("connection", facts.socket);
  }

  /** Whose session is being made: that happens while it is accepted. */
  #current: Connection | undefined;

  /** Streams that were begun are answered; clients learn that they are to begin others elsewhere. */
  finish(): void {
    this.#isFinishing = true;
    for (const session of this.#sessions) this.#leave(session);
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#facts.keys()) socket.destroy();
    this.#server.close();
  }

  #opened(session: ServerHttp2Session): void {
    const facts = this.#current;
    if (facts === undefined) {
      session.destroy();
      return;
    }
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.setLocalWindowSize(gatewayLimits.http2.sessionWindowBytes);
    const guard = new FloodGuard(gatewayLimits.http2.control, this.#handlers.clock.monotonic());
    const note = () => {
      if (guard.note(this.#handlers.clock.monotonic())) return;
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
    session.on("ping", note);
    session.on("remoteSettings", note);
    let active = 0;
    session.setTimeout(gatewayLimits.keepAliveMs, () => {
      if (active === 0) session.destroy(undefined, constants.NGHTTP2_NO_ERROR);
    });
    session.on(
      "stream",
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: unknown) => {
        active++;
        // Node gives names and values in turn.
        this.#begin(facts, stream, headers, flags, raw as readonly string[], () => active--);
      },
    );
    if (this.#isFinishing || facts.isBeyond) this.#leave(session);
  }

  #begin(
    facts: Connection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    raw: readonly string[],
    onClosed: () => void,
  ): void {
    const request = new Http2Request(this.#handlers, facts, stream, headers[":method"] ?? "", raw, onClosed);
    const endsHere = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    try {
      const answer = facts.isBeyond ? tooManyConnections : request.check(headers, endsHere);
      if (answer === undefined) this.#handlers.take(request);
      else {
        this.#handlers.counts.refused(answer.reason);
        answerOwn(request, answer);
      }
    } catch (thrown) {
      this.#handlers.bug(thrown);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  /** RFC 9113 6.8: first that there is an end, and which stream is the last only when what is under way has arrived. */
  #leave(session: ServerHttp2Session): void {
    if (session.destroyed || session.closed) return;
    session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    this.#handlers.clock.setTimer(gatewayLimits.http2.leaveMs, () => {
      if (!session.destroyed && !session.closed) session.close();
    });
  }
}
