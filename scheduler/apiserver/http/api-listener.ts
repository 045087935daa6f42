import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { failedAuthentication } from "../audit/audit-event.ts";
import { type AuditSink, RequestAudit } from "../audit/request-audit.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { clientCertificateTls, hasCertificate } from "../authentication/client-certificate.ts";
import { ApiError, badRequest, type Status, toApiError } from "../status.ts";
import type { ApiContext } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { isPublicPath, type PathContext, servePath } from "./path-handlers.ts";
import { requestAttributes } from "./request-attributes.ts";
import { parseTarget } from "./request-target.ts";
import { isLongRunning, serveResource } from "./resource-handlers.ts";

/** Every limit of the HTTP surface, with its reason. */
export const limits = {
  /** Selectors and field lists fit; floods do not. */
  headerBytesMax: 64 * 1024,
  headersMax: 100,
  /** Time for a client to send its headers, and the whole of its request. */
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  /** Longer than any client keeps an idle connection, so that the client is the one to close it. */
  keepAliveTimeoutMs: 95_000,
  /** Refused beyond by closing at once. */
  connectionsMax: 10_000,
  /** As kube-apiserver's 400 + 200, watches and logs apart. Beyond: TooManyRequests. */
  inFlightMax: 600,
  /** How long a stop waits for requests in flight. */
  drainTimeoutMs: 5_000,
} as const;

export interface ApiListenerOptions {
  readonly api: ApiContext;
  readonly paths: PathContext;
  readonly authenticator: Authenticator;
  /** undefined: no audit log. */
  readonly audit: AuditSink | undefined;
  readonly tls: {
    readonly key: string | Buffer;
    readonly cert: string | Buffer;
    readonly ca: string | Buffer;
  };
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}

/** The HTTPS server: authenticates, bounds, routes, and turns whatever is thrown into a Status. */
export class ApiListener {
  readonly #options: ApiListenerOptions;
  readonly #server: Server;
  #inFlight = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ApiListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        key: options.tls.key,
        cert: options.tls.cert,
        ...clientCertificateTls(options.tls.ca),
        minVersion: "TLSv1.2",
        ALPNProtocols: ["http/1.1"],
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        noDelay: true,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = limits.connectionsMax;
    // Node would drop what exceeds a limit of its own without a word: an Impersonate-User, for one.
    this.#server.maxHeadersCount = 0;
    // A client that speaks no TLS, or not ours, is its own affair; the connection is closed by Node.
    this.#server.on("tlsClientError", () => {});
  }

  async listen(): Promise<{ readonly url: string }> {
    const { host, port } = this.#options;
    this.#server.listen(port, host);
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
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticator, log, api } = this.#options;
    // A client that resets its connection is noticed by the response's `close`.
    request.on("error", () => {});
    response.on("error", () => {});
    const authentication = authenticator.authenticate({
      authorization: request.headers.authorization,
      // Every socket of an HTTPS server is one.
      socket: request.socket as TLSSocket,
    });
    const user = authentication.kind === "user" ? authentication.user : undefined;
    const exchange = new Exchange(request, response, user);
    const { clock, random } = api;
    const audit = new RequestAudit({ sink: this.#options.audit, clock, random }, request, response);
    audit.user = user;
    let counted = false;
    try {
      if (request.rawHeaders.length > limits.headersMax * 2)
        throw badRequest(`a request may have ${limits.headersMax} headers`);
      const target = parseTarget(exchange.path);
      audit.attributes = requestAttributes(exchange, target);
      if (isLongRunning(exchange, target)) audit.expectLong();
      if (authentication.kind === "refused") throw new ApiError("Unauthorized", "Unauthorized");
      if (!exchange.user && !(target.kind === "path" && isPublicPath(target.parts)))
        throw new ApiError("Unauthorized", "Unauthorized");
      if (!isLongRunning(exchange, target)) {
        this.#admit();
        counted = true;
      }
      if (target.kind === "path") await servePath(this.#options.paths, exchange, target.parts);
      else {
        this.#checkReady();
        await serveResource(this.#options.api, exchange, target);
      }
    } catch (thrown) {
      const error = toApiError(thrown);
      audit.failure = auditedStatus(error, request);
      if (exchange.signal.aborted) return;
      if (error.httpCode === 500)
        log.error("request failed", { method: exchange.method, path: exchange.path, err: thrown });
      await exchange.fail(error).catch((failure: unknown) => {
        log.warn("answer could not be sent", { path: exchange.path, err: failure });
        response.destroy();
      });
    } finally {
      audit.end();
      if (counted) this.#release();
    }
  }

  #checkReady(): void {
    const problem = this.#options.paths.unreadiness();
    if (problem !== undefined) throw new ApiError("ServiceUnavailable", problem, { retryAfterSeconds: 1 });
  }

  #admit(): void {
    if (this.#inFlight >= limits.inFlightMax)
      throw new ApiError("TooManyRequests", `${limits.inFlightMax} requests are in flight already`, {
        retryAfterSeconds: 1,
      });
    this.#inFlight++;
  }

  #release(): void {
    if (--this.#inFlight === 0) this.#whenIdle?.();
  }
}

function auditedStatus(error: ApiError, { headers, socket }: IncomingMessage): Status {
  const status = error.toStatus();
  if (error.reason !== "Unauthorized") return status;
  const message = failedAuthentication(headers.authorization, hasCertificate(socket as TLSSocket)); // As above.
  return { ...status, message };
}
