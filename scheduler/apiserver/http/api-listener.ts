/**
 * The HTTPS server. Every request goes through the same doors, and whatever is thrown becomes a Status:
 *
 *   connection gate ─▶ TLS ─▶ who is it? ─▶ may they? ─▶ body ─▶ fair queue ─▶ handler ─▶ answer ─▶ audit, metrics
 *
 * Health checks need no credentials and do not queue, so that they tell of the server and not of its clients.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { failedAuthentication } from "../audit/audit-event.ts";
import { type AuditSink, RequestAudit } from "../audit/request-audit.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { clientCertificateTls, hasCertificate } from "../authentication/client-certificate.ts";
import { impersonate } from "../authentication/impersonation.ts";
import type { User } from "../authentication/user.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import type { ApiMetrics } from "../metrics/api-metrics.ts";
import { ApiError, badRequest, methodNotAllowed, type Status, toApiError } from "../status.ts";
import { longYamlOf, receiveBody, replaceBody } from "./body.ts";
import { AnswerBudget, BodyBudget } from "./byte-budgets.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { answerRaw, ConnectionTurns } from "./connection-turns.ts";
import type { ApiContext } from "./context.ts";
import { Exchange, flowOf } from "./exchange.ts";
import type { FairQueue, Seat } from "./fair-queue.ts";
import { isIssuerPath, serveIssuer } from "./issuer-handlers.ts";
import { limits } from "./limits.ts";
import { isPublicPath, type PathContext, servePath } from "./path-handlers.ts";
import { isLongRunning, requestAttributes } from "./request-attributes.ts";
import { checkTimeout } from "./request-timeout.ts";
import { parseTarget, type RequestTarget } from "./request-target.ts";
import { serveResource } from "./resource-handlers.ts";
import { SharedTurns } from "./shared-turns.ts";
import { addCount } from "./turn-queue.ts";
import { YamlReader } from "./yaml-reader.ts";

export interface ApiListenerOptions {
  readonly api: ApiContext;
  readonly paths: PathContext;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** undefined: no audit log. */
  readonly audit: AuditSink | undefined;
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
  readonly #connections = new ConnectionTurns();
  readonly #turns = new SharedTurns();
  readonly #bodies = new BodyBudget(limits.bodies);
  readonly #answers: AnswerBudget;
  readonly #yaml: YamlReader;
  /** Logs that are being read, by user. */
  readonly #streams = new Map<string, number>();
  #inFlight = 0;
  /** Of those in flight, the logs that go on for as long as the server does. */
  #followed = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ApiListenerOptions) {
    this.#options = options;
    this.#answers = new AnswerBudget(limits.answers, options.api.clock);
    this.#yaml = new YamlReader(options.api.clock);
    this.#server = createServer(
      {
        key: options.tls.key,
        cert: options.tls.cert,
        ...clientCertificateTls(options.tls.ca),
        minVersion: "TLSv1.2",
        ALPNProtocols: ["http/1.1"],
        handshakeTimeout: limits.handshakeTimeoutMs,
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        noDelay: true,
        // Checked below, so that it is answered like everything else.
        requireHostHeader: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    // Node would drop what exceeds a limit of its own without a word: an Impersonate-User, for one.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = limits.connectionsMax;
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) =>
      this.#connections.refuse(error, socket),
    );
    // Node would answer these by itself, or not at all.
    this.#server.on("checkExpectation", (request, response) => void this.#serve(request, response));
    this.#server.on("connect", (_request, socket) => answerRaw(socket, methodNotAllowed()));
    this.#gate = this.#makeGate();
  }

  /** What a new connection meets is the gate; who comes through it gets what Node had there: TLS, then HTTP. */
  #makeGate(): ConnectionGate {
    const server = this.#server;
    const handshakes = server.listeners("connection");
    const gate = new ConnectionGate(
      {
        handshakes: limits.handshakesMax,
        handshakeMs: limits.handshakeMs,
        waiting: limits.connectionsWaitingMax,
        ofAddress: limits.connectionsOfAddressMax,
        silentMs: limits.handshakeTimeoutMs,
      },
      this.#options.api.clock,
      (socket) => {
        for (const handshake of handshakes) handshake.call(server, socket);
      },
    );
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => gate.enter(socket));
    server.on("secureConnection", (socket) => gate.finished(socket));
    // A client that speaks no TLS, or not ours, is its own affair; the connection is closed by Node.
    server.on("tlsClientError", (_error, socket) => gate.finished(socket));
    return gate;
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

  get #isIdle(): boolean {
    return this.#inFlight === this.#followed;
  }

  /** Waits for the requests in flight that end by themselves, with a limit. */
  async drain(): Promise<void> {
    this.#options.api.watches.endAll();
    this.#options.queue.flush();
    // The ends of the watches are written in the next turn.
    await nextTurn();
    if (this.#isIdle) return;
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
    this.#answers[Symbol.dispose]();
    this.#yaml[Symbol.dispose]();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that resets its connection is noticed by the response's `close`.
    request.on("error", () => {});
    response.on("error", () => {});
    if (!(await this.#connections.enter(request, response))) return;
    const { audit: sink, api } = this.#options;
    const { clock, random } = api;
    const receivedMs = clock.monotonic();
    const audit = new RequestAudit({ sink, clock, random }, request, response);
    const exchange = new Exchange(request, response, audit, { answers: this.#answers, turns: this.#turns });
    response.once("close", () => this.#finished(exchange, (clock.monotonic() - receivedMs) / 1000));
    this.#inFlight++;
    try {
      await this.#admit(exchange);
    } catch (thrown) {
      await this.#fail(exchange, thrown);
    } finally {
      audit.end();
      this.#inFlight--;
      if (this.#isIdle) this.#whenIdle?.();
    }
  }

  /** From door to door. */
  async #admit(exchange: Exchange): Promise<void> {
    const { authorizer, queue, paths } = this.#options;
    const { audit, request } = exchange;
    if (request.rawHeaders.length > limits.headersMax * 2)
      throw badRequest(`a request may have ${limits.headersMax} headers`);
    if (request.headers.host === undefined && request.httpVersion !== "1.0")
      throw badRequest("missing required Host header");
    const target = parseTarget(exchange.path);
    audit.attributes = requestAttributes(exchange, target);
    if (!isLongRunning(audit.attributes)) checkTimeout(exchange.query);
    const isPublic = target.kind === "path" && isPublicPath(target.parts);
    const user = this.#identify(exchange, isPublic);
    if (isPublic) return servePath(paths, exchange, target.parts);
    if (!user) throw new ApiError("Unauthorized", "Unauthorized");
    exchange.user = user;
    const attributes = { ...audit.attributes, user };
    audit.decision = authorizer.authorize(attributes);
    if (!audit.decision.allowed) throw forbiddenRequest(attributes, audit.decision.reason);
    if (isLongRunning(attributes)) audit.expectLong();
    if (attributes.kind === "resource" && attributes.subresource === "log")
      return this.#stream(exchange, target);
    if (bodyMethods.has(exchange.method)) await this.#receive(exchange);
    const work = async (seat: Seat) => {
      exchange.seat = seat;
      await this.#handle(exchange, target);
    };
    return queue.run(flowOf(exchange), work, exchange.signal);
  }

  /** Before the request has a seat: however slowly a body comes, nobody else waits for it. */
  async #receive(exchange: Exchange): Promise<void> {
    const { request, response, user } = exchange;
    let bytes = 0;
    response.once("close", () => this.#bodies.give(user.name, bytes));
    await receiveBody(request, (more) => {
      this.#bodies.take(user.name, more);
      bytes += more;
    });
    const yaml = longYamlOf(request);
    if (yaml !== undefined) replaceBody(request, await this.#yaml.read(flowOf(exchange), yaml));
  }

  /** In whose name the request is made. undefined: nobody said. Throws for credentials that are no good, wherever. */
  #identify({ request, audit }: Exchange, isPublic: boolean): User | undefined {
    const { authenticator, authorizer } = this.#options;
    const authentication = authenticator.authenticate({
      authorization: request.headers.authorization,
      // Every socket of an HTTPS server is one.
      socket: request.socket as TLSSocket,
    });
    if (authentication.kind === "refused") throw new ApiError("Unauthorized", "Unauthorized");
    if (authentication.kind === "anonymous") return undefined;
    audit.user = authentication.user;
    if (isPublic) return authentication.user;
    const user = impersonate(authentication.user, request.rawHeaders, authorizer);
    if (user !== authentication.user) audit.impersonatedUser = user;
    return user;
  }

  async #handle(exchange: Exchange, target: RequestTarget): Promise<void> {
    if (target.kind === "path")
      return isIssuerPath(target.parts)
        ? serveIssuer(this.#options.api, exchange, target.parts)
        : servePath(this.#options.paths, exchange, target.parts);
    this.#checkReady();
    await serveResource(this.#options.api, exchange, target);
  }

  /** A log may go on for days: it takes no seat, and has a bound of its own. */
  async #stream(exchange: Exchange, target: RequestTarget): Promise<void> {
    const { name } = exchange.user;
    const own = this.#streams.get(name) ?? 0;
    const all = [...this.#streams.values()].reduce((sum, count) => sum + count, 0);
    if (own >= limits.streamsOfUserMax || all >= limits.streamsMax)
      throw new ApiError("TooManyRequests", `${all} logs are being read already, ${own} of them by you`, {
        retryAfterSeconds: 5,
      });
    const followed = exchange.flag("follow") ? 1 : 0;
    this.#followed += followed;
    addCount(this.#streams, name, 1);
    try {
      await this.#handle(exchange, target);
    } finally {
      this.#followed -= followed;
      addCount(this.#streams, name, -1);
    }
  }

  async #fail(exchange: Exchange, thrown: unknown): Promise<void> {
    const { log } = this.#options;
    const error = toApiError(thrown);
    exchange.audit.failure = auditedStatus(error, exchange.request);
    if (exchange.signal.aborted) return;
    if (!(thrown instanceof ApiError) && error.httpCode === 500)
      log.error("request failed", { method: exchange.method, path: exchange.path, err: thrown });
    await exchange.fail(error).catch((failure: unknown) => {
      log.warn("answer could not be sent", { path: exchange.path, err: failure });
      exchange.response.destroy();
    });
  }

  #finished({ audit, response }: Exchange, seconds: number): void {
    const { metrics, api } = this.#options;
    const { attributes } = audit;
    const isKnown =
      attributes.kind === "path" ||
      api.registry.find(attributes.group, attributes.version, attributes.resource) !== undefined;
    const labels = { isKnown, isLongRunning: isLongRunning(attributes) };
    metrics.finished(attributes, response.statusCode, seconds, labels);
  }

  #checkReady(): void {
    const problem = this.#options.paths.unreadiness();
    if (problem !== undefined) throw new ApiError("ServiceUnavailable", problem, { retryAfterSeconds: 1 });
  }
}

/** Those whose bodies mean something. */
const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

function auditedStatus(error: ApiError, { headers, socket }: IncomingMessage): Status {
  const status = error.toStatus();
  if (error.reason !== "Unauthorized") return status;
  // As above.
  const message = failedAuthentication(headers.authorization, hasCertificate(socket as TLSSocket));
  return { ...status, message };
}
