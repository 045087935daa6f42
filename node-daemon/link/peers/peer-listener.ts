import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { CalleeExchange } from "../exchange.ts";
import { defaultLinkLimits } from "../limits.ts";
import { LinkCallee } from "../link-callee.ts";
import { peerLimits } from "./limits.ts";
import { type NodeIdentity, nodeOf, peerProtocol, peerTls, secureContextOf } from "./node-identity.ts";

export interface PeerListenerParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes links of the connections that other nodes open. Who is no node of this cluster does not get as far as a request. */
export class PeerListener implements Disposable {
  readonly #request: (exchange: CalleeExchange, node: string) => void;
  readonly #parts: PeerListenerParts;
  /** By where they come from. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #links = new Map<LinkCallee, string>();
  readonly #countOf = new Map<string, number>();
  /** One for each identity, so that nobody resumes what an earlier one has allowed. */
  #tls: Server | undefined;
  #leaving = false;
  #warnAgainAtMs = 0;
  /** Of links, also of those that are over and say their last words. */
  readonly #sockets = new Set<TLSSocket>();
  #allClosed: () => void = () => {};

  constructor(request: (exchange: CalleeExchange, node: string) => void, parts: PeerListenerParts) {
    this.#request = request;
    this.#parts = parts;
  }

  /** Links that are open. */
  get count(): number {
    return this.#links.size;
  }

  /**
   * Until the first one every connection is closed. Links under an earlier one take no more requests, so that their nodes prove
   * anew who they are. One that cannot be used is logged, and changes nothing.
   */
  replaceIdentity(identity: NodeIdentity): void {
    try {
      this.#tls = this.#serverFor(identity);
    } catch (thrown) {
      this.#parts.log.error("the node's certificate cannot be used", { err: errorMessage(thrown) });
      return;
    }
    for (const link of this.#links.keys()) link.leave();
  }

  /** A connection to the port for peers: TLS begins with its first byte. */
  accept(socket: Socket): void {
    if (!this.#tls || this.#leaving) {
      socket.destroy();
      return;
    }
    if (this.#handshakes.size >= peerLimits.handshakesMax) this.#dropOldestHandshake();
    const from = originOf(socket);
    this.#handshakes.set(from, socket);
    socket.once("close", () => this.#handshakes.delete(from));
    socket.on("error", () => socket.destroy());
    this.#tls.emit("connection", socket);
  }

  /** Takes no more connections and requests, and finishes those it has. */
  leave(): void {
    this.#leaving = true;
    for (const socket of this.#handshakes.values()) socket.destroy();
    for (const link of this.#links.keys()) link.leave();
  }

  /** Leaves, and resolves once the last connection is closed: what was answered has been read, or `graceMs` are over. */
  async finish(graceMs: number): Promise<void> {
    this.leave();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.setTimer(graceMs, resolve);
      this.#allClosed = () => {
        timer.cancel();
        resolve();
      };
    });
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.leave();
    for (const link of this.#links.keys()) link.destroy("the gateway ends");
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Who means it has finished long before as many others have come. */
  #dropOldestHandshake(): void {
    for (const [from, socket] of this.#handshakes) {
      this.#warnOfFlood(from);
      this.#handshakes.delete(from);
      socket.destroy();
      return;
    }
  }

  /** Anyone who reaches the port can make it happen: the log has better things to keep. */
  #warnOfFlood(from: string): void {
    const nowMs = this.#parts.clock.monotonic();
    if (nowMs < this.#warnAgainAtMs) return;
    this.#warnAgainAtMs = nowMs + peerLimits.warnMs;
    this.#parts.log.warn("connections for peers come faster than they say who they are", { from });
  }

  #serverFor(identity: NodeIdentity): Server {
    // Says what is wrong with it, which a server only says to whoever connects.
    secureContextOf(identity);
    const { caPem: ca, certPem: cert, keyPem: key } = identity;
    const server = createServer({
      ...peerTls,
      ca,
      cert,
      key,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: peerLimits.handshakeMs,
    });
    server.on("tlsClientError", (error, socket) => {
      this.#parts.log.debug("a connection of no peer", { from: socket.remoteAddress, err: error.message });
      socket.destroy();
    });
    server.on("secureConnection", (socket) => this.#greet(server, socket));
    return server;
  }

  #greet(server: Server, socket: TLSSocket): void {
    this.#handshakes.delete(originOf(socket));
    socket.on("error", () => socket.destroy());
    const why = this.#refusal(server, socket);
    if (why !== undefined) {
      this.#parts.log.warn("refused a peer", { from: socket.remoteAddress, why });
      socket.destroy();
    }
  }

  /** Undefined: it is a link now. */
  #refusal(server: Server, socket: TLSSocket): string | undefined {
    if (server !== this.#tls || this.#leaving) return "the node's certificate was replaced meanwhile";
    if (socket.alpnProtocol !== peerProtocol) return `it does not speak ${peerProtocol}`;
    const claim = nodeOf(socket.getPeerCertificate(), this.#parts.clock.now());
    if (claim.kind === "refused") return claim.why;
    const ofNode = this.#countOf.get(claim.name) ?? 0;
    if (ofNode >= peerLimits.connectionsPerNode) return `node ${claim.name} has ${ofNode} connections`;
    if (this.#links.size >= peerLimits.connectionsMax) return `there are ${this.#links.size} connections`;
    this.#open(socket, claim.name, claim.notAfterMs);
    return undefined;
  }

  #open(socket: TLSSocket, node: string, notAfterMs: number): void {
    const { clock, log } = this.#parts;
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#allClosed();
    });
    let expiry: Timer | undefined;
    const link: LinkCallee = new LinkCallee(
      socket,
      {
        request: (exchange) => this.#request(exchange, node),
        over: () => {
          expiry?.cancel();
          this.#forget(link);
        },
      },
      { limits: defaultLinkLimits, clock, log: log.bind({ peer: node }), keepalive: true },
    );
    this.#links.set(link, node);
    this.#countOf.set(node, (this.#countOf.get(node) ?? 0) + 1);
    const look = () => {
      const leftMs = notAfterMs - clock.now();
      if (leftMs < 0) link.leave();
      else expiry = clock.setTimer(Math.min(leftMs + 1, peerLimits.lookMs), look);
    };
    look();
  }

  #forget(link: LinkCallee): void {
    const node = this.#links.get(link);
    if (node === undefined) return;
    this.#links.delete(link);
    const left = (this.#countOf.get(node) ?? 1) - 1;
    if (left > 0) this.#countOf.set(node, left);
    else this.#countOf.delete(node);
  }
}

/** TLS hides the socket that it was given, but not this. */
function originOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
