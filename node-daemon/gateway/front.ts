/**
 * Connections of clients, and which protocol each of them speaks.
 *
 *   http  ── first bytes: the preface of HTTP/2? ─┬─▶ HTTP/2
 *                                                 └─▶ HTTP/1.1
 *   https ── TLS, certificate by SNI ── ALPN ─────┴─▶ either
 */
import type { Socket } from "node:net";
import { Server as TlsServer, type TLSSocket } from "node:tls";
import type { Certificates } from "./certificates.ts";
import { connectionOf, type RequestHandlers } from "./connection.ts";
import { clientKey, ClientCounts, type ConnectionBounds } from "./core/client-counts.ts";
import { Http1Server } from "./http1.ts";
import { Http2Endpoint } from "./http2.ts";
import { gatewayLimits } from "./limits.ts";
import type { ConnectionFigures, GatewayCertificate } from "./control.ts";

/** RFC 9113 3.4. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

interface Undecided {
  readonly socket: Socket;
  readonly isBeyond: boolean;
}

export class Front {
  readonly #handlers: RequestHandlers;
  readonly #http1: Http1Server;
  readonly #http2: Http2Endpoint;
  readonly #tls: TlsServer;
  readonly #certificates: Certificates;
  /** Those that have not said yet what they speak; by their other end, which is all that a TLS socket tells of the one below. */
  readonly #undecided = new Map<string, Undecided>();
  #fallback: GatewayCertificate | undefined;
  readonly #connectionsMax: number;
  readonly #clients: ClientCounts;
  readonly #refused = { perClient: 0, inAll: 0 };
  #whenEmpty: (() => void) | undefined;

  constructor(handlers: RequestHandlers, certificates: Certificates, bounds: ConnectionBounds) {
    this.#handlers = handlers;
    this.#certificates = certificates;
    this.#connectionsMax = bounds.inAll;
    this.#clients = new ClientCounts(bounds.perClient);
    const onClosed = () => this.#tellIfEmpty();
    this.#http1 = new Http1Server(handlers, onClosed);
    this.#http2 = new Http2Endpoint(handlers, onClosed);
    this.#tls = new TlsServer({
      ALPNProtocols: ["h2", "http/1.1"],
      minVersion: "TLSv1.2",
      handshakeTimeout: gatewayLimits.headersMs,
      // Without one the connection is closed, with no alert: Node has none for it, and would go on with the certificate for no name.
      SNICallback: (serverName, done) => {
        const context = certificates.find(serverName);
        if (context === undefined) done(new Error(`no certificate for ${serverName}`));
        else done(null, context);
      },
    });
    this.#tls.on("secureConnection", (socket) => this.#secured(socket));
    this.#tls.on("tlsClientError", (_error, socket) => {
      handlers.counts.handshakesFailed++;
      socket.destroy();
    });
  }

  get size(): number {
    return this.#http1.size + this.#http2.size + this.#undecided.size;
  }

  /** Since the gateway began. */
  get figures(): ConnectionFigures {
    return { open: this.size, refused: { ...this.#refused } };
  }

  accept(scheme: "http" | "https", socket: Socket): void {
    if (this.size >= this.#connectionsMax) {
      this.#refused.inAll++;
      socket.destroy();
      return;
    }
    const client = clientKey(socket.remoteAddress ?? "");
    const admission = this.#clients.add(client);
    if (admission !== "admitted") this.#refused.perClient++;
    if (admission === "refused") {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    const end = endOf(socket);
    const undecided = { socket, isBeyond: admission === "beyond" };
    this.#undecided.set(end, undecided);
    socket.on("error", ignore);
    socket.once("close", () => {
      this.#clients.remove(client);
      if (this.#undecided.get(end) !== undecided) return;
      this.#undecided.delete(end);
      this.#tellIfEmpty();
    });
    if (scheme === "http") this.#sniff(undecided, end);
    else this.#secure(socket);
  }

  finish(graceMs: number): Promise<void> {
    this.#http1.finish();
    this.#http2.finish();
    // Their first request may be on its way.
    this.#handlers.clock.setTimer(gatewayLimits.finishIdleMs, () => {
      for (const { socket } of this.#undecided.values()) socket.destroySoon();
    });
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#handlers.clock.setTimer(graceMs, () => {
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

  close(): void {
    this.#http1.close();
    this.#http2.close();
    for (const { socket } of this.#undecided.values()) socket.destroy();
  }

  #tellIfEmpty(): void {
    if (this.size > 0) return;
    this.#whenEmpty?.();
    this.#whenEmpty = undefined;
  }

  /** Reads the first bytes, and gives them back to whoever they are for. */
  #sniff(undecided: Undecided, end: string): void {
    const { socket, isBeyond } = undecided;
    let first: Buffer = Buffer.alloc(0);
    socket.setTimeout(gatewayLimits.headersMs, () => {
      if (this.#undecided.get(end) === undecided) socket.destroy();
    });
    const onData = (bytes: Buffer) => {
      first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
      const isPreface = preface.subarray(0, first.length).equals(first.subarray(0, preface.length));
      if (isPreface && first.length < preface.length) return;
      socket.off("data", onData);
      socket.pause();
      socket.unshift(first);
      socket.setTimeout(0);
      this.#undecided.delete(end);
      const facts = connectionOf(socket, "http", undefined, isBeyond);
      if (isPreface) this.#http2.accept(facts);
      else this.#http1.accept(facts);
      process.nextTick(() => socket.resume());
    };
    socket.on("data", onData);
    // Whoever ends before saying anything wants nothing.
    socket.once("end", () => {
      if (this.#undecided.get(end) === undecided) socket.destroy();
    });
  }

  #secure(socket: Socket): void {
    const { fallback } = this.#certificates;
    if (fallback !== this.#fallback) {
      this.#fallback = fallback;
      this.#tls.setSecureContext(
        fallback === undefined ? {} : { cert: fallback.chainPem, key: fallback.keyPem },
      );
    }
    this.#tls.emit("connection", socket);
  }

  #secured(socket: TLSSocket): void {
    socket.allowHalfOpen = true;
    // Node's parser listens only as long as it is there.
    socket.on("error", ignore);
    const serverName = typeof socket.servername === "string" ? socket.servername.toLowerCase() : undefined;
    const end = endOf(socket);
    const facts = connectionOf(socket, "https", serverName, this.#undecided.get(end)?.isBeyond ?? false);
    this.#undecided.delete(end);
    if (socket.alpnProtocol === "h2") this.#http2.accept(facts);
    else this.#http1.accept(facts);
  }
}

function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

function ignore(): void {}
