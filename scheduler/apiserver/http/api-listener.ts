/**
 * The HTTPS server. Every request goes through the same doors, and whatever is thrown becomes a Status:
 *
 *   connection gate ─▶ TLS ─▶ who is it? ─▶ may they? ─▶ fair queue ─▶ handler ─▶ answer ─▶ audit, metrics
 *
 * Health checks need no credentials and do not queue, so that they tell of the server and not of its clients.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Attributes } from "../authorization/authorizer.ts";
import type { ApiMetrics } from "../metrics/api-metrics.ts";
import { ApiError, toApiError } from "../status.ts";
import type { Access } from "./access.ts";
import { attributesOf } from "./attributes.ts";
import { ConnectionGate } from "./connection-gate.ts";
import type { ApiContext } from "./context.ts";
import { Exchange, flowOf } from "./exchange.ts";
import type { FairQueue } from "./fair-queue.ts";
import { limits } from "./limits.ts";
import { isPublicPath, type PathContext, servePath } from "./path-handlers.ts";
import { parseTarget, type RequestTarget } from "./request-target.ts";
import { isLongRunning, serveResource } from "./resource-handlers.ts";

export interface ApiListenerOptions {
  readonly api: ApiContext;
  readonly paths: PathContext;
  readonly access: Access;
  readonly queue: FairQueue;
  readonly metrics: ApiMetrics;
  readonly tls: {
    readonly key: string | Buffer;
    readonly cert: string | Buffer;
    readonly ca: string | Buffer;
  };
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}

export class ApiListener {
  readonly #options: ApiListenerOptions;
  readonly #server: Server;
  readonly #gate: ConnectionGate;
  #inFlight = 0;
  #streams = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ApiListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        ...options.access.tls(options.tls),
        minVersion: "TLSv1.2",
        ALPNProtocols: ["http/1.1"],
        handshakeTimeout: limits.handshakeTimeoutMs,
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        noDelay: true,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxHeadersCount = limits.headersMax;
    this.#server.maxConnections = limits.connectionsMax;
    // What a new connection meets is the gate; who comes through it gets what Node had there: TLS, then HTTP.
    const handshakes = this.#server.listeners("connection");
    this.#server.removeAllListeners("connection");
    this.#server.on("connection", (socket: Socket) => this.#gate.enter(socket));
    this.#gate = new ConnectionGate(
      { handshakes: limits.handshakesMax, waiting: limits.connectionsWaitingMax },
      (socket) => {
        for (const handshake of handshakes) handshake.call(this.#server, socket);
      },
    );
    this.#server.on("secureConnection", () => this.#gate.finished());
    // A client that speaks no TLS, or not ours, is its own affair; the connection is closed by Node.
    this.#server.on("tlsClientError", () => this.#gate.finished());
  }

  async listen(): Promise<{ readonly url: string }> {
    const { host, port } = this.#options;
    this.#server.listen({ port, host, backlog: limits.backlog });
    try {
      await once(this.#server, "listening");
    } catch (thrown) {
      const advice =
        errorCode(thrown) === "EADDRINUSE"
          ? " (the port is taken: stop what uses it, or choose another)"
          : "";
      throw new WherryError("ListenFailed", `listen on ${host}:${port}: ${errorMessage(thrown)}${advice}`, {
        cause: thrown,
      });
    }
    // A TCP server always has an AddressInfo.
    const address = this.#server.address() as AddressInfo;
    return { url: `https://${host.includes(":") ? `[${host}]` : host}:${address.port}` };
  }

  /** Waits for the requests in flight, with a limit. */
  async drain(): Promise<void> {
    this.#options.api.watches.endAll();
    // The ends of the watches are written in the next turn.
    await nextTurn();
    if (this.#inFlight === 0) return;
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    const { clock } = this.#options.api;
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
    using _timer = clock.setTimer(limits.drainTimeoutMs, giveUp);
    await Promise.race([idle, late]);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#gate.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedMs = this.#options.api.clock.monotonic();
    // A client that resets its connection is noticed by the response's `close`.
    request.on("error", () => {});
    response.on("error", () => {});
    const exchange = new Exchange(request, response);
    this.#inFlight++;
    try {
      const target = parseTarget(exchange.path);
      if (target.kind === "path" && isPublicPath(target.parts))
        await servePath(this.#options.paths, exchange, target.parts);
      else await this.#serveKnown(exchange, target, receivedMs);
    } catch (thrown) {
      await this.#fail(exchange, thrown);
    } finally {
      if (--this.#inFlight === 0) this.#whenIdle?.();
    }
  }

  /** For those who say who they are, and may do what they want to do. */
  async #serveKnown(exchange: Exchange, target: RequestTarget, receivedMs: number): Promise<void> {
    const { access, queue, log } = this.#options;
    const identity = access.identify(exchange.request);
    exchange.user = identity.user;
    const attributes = attributesOf(exchange, identity.user, target);
    const isLong = isLongRunning(exchange, target);
    exchange.response.once("close", () => {
      const seconds = (this.#options.api.clock.monotonic() - receivedMs) / 1000;
      this.#finished(attributes, exchange, seconds, isLong);
    });
    const record = access.record(exchange, identity, attributes, isLong);
    try {
      const decision = access.authorize(attributes);
      record.decided(decision);
      if (isLong && attributes.kind === "resource" && attributes.subresource === "log")
        await this.#stream(exchange, target);
      else await queue.run(flowOf(exchange), () => this.#handle(exchange, target), exchange.signal);
    } catch (thrown) {
      // Answered here, so that the record of it tells how.
      await this.#fail(exchange, thrown);
      if (!(thrown instanceof ApiError)) log.debug("request ended early", { path: exchange.path });
    }
  }

  async #handle(exchange: Exchange, target: RequestTarget): Promise<void> {
    if (target.kind === "path") return servePath(this.#options.paths, exchange, target.parts);
    this.#checkReady();
    await serveResource(this.#options.api, exchange, target);
  }

  /** A log may go on for days: it takes no seat, and has a bound of its own. */
  async #stream(exchange: Exchange, target: RequestTarget): Promise<void> {
    if (this.#streams >= limits.streamsMax)
      throw new ApiError("TooManyRequests", `${limits.streamsMax} logs are being read already`, {
        retryAfterSeconds: 5,
      });
    this.#streams++;
    try {
      await this.#handle(exchange, target);
    } finally {
      this.#streams--;
    }
  }

  async #fail(exchange: Exchange, thrown: unknown): Promise<void> {
    if (exchange.signal.aborted) return;
    const { log } = this.#options;
    const error = toApiError(thrown);
    if (!(thrown instanceof ApiError) && error.httpCode === 500)
      log.error("request failed", { method: exchange.method, path: exchange.path, err: thrown });
    await exchange.fail(error).catch((failure: unknown) => {
      log.warn("answer could not be sent", { path: exchange.path, err: failure });
      exchange.response.destroy();
    });
  }

  #finished(attributes: Attributes, exchange: Exchange, seconds: number, isLongRunning: boolean): void {
    const { metrics, api } = this.#options;
    const isKnown =
      attributes.kind === "path" ||
      api.registry.find(attributes.group, attributes.version, attributes.resource) !== undefined;
    metrics.finished(attributes, exchange.response.statusCode, seconds, { isKnown, isLongRunning });
  }

  #checkReady(): void {
    const problem = this.#options.paths.unreadiness();
    if (problem !== undefined) throw new ApiError("ServiceUnavailable", problem, { retryAfterSeconds: 1 });
  }
}
