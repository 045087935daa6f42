import { connect, type SecureContext, type TLSSocket } from "node:tls";
import type { Clock } from "../../../kit/clock.ts";
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import { defaultLinkLimits } from "../limits.ts";
import { LinkClient, peerClientLimits } from "../link-client.ts";
import { peerLimits } from "./limits.ts";
import { type NodeIdentity, nodeOf, peerProtocol, peerTls, secureContextOf } from "./node-identity.ts";

export interface PeerDialerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
}

/** Ways to the gateways of other nodes, over mutual TLS. Each end proves which node it is. */
export class PeerDialer {
  readonly #parts: PeerDialerParts;
  readonly #clients = new Set<LinkClient>();
  #context: SecureContext | undefined;

  constructor(parts: PeerDialerParts) {
    this.#parts = parts;
  }

  /**
   * Until the first one nobody can be dialled. What is open with an earlier one takes no more exchanges, and ends with the
   * last of those it has. One that cannot be used is logged, and changes nothing.
   */
  replaceIdentity(identity: NodeIdentity): void {
    try {
      this.#context = secureContextOf(identity);
    } catch (thrown) {
      this.#parts.log.error("the node's certificate cannot be used", { err: errorMessage(thrown) });
      return;
    }
    for (const client of this.#clients) client.renew();
  }

  /** The way to one node, at HOST:PORT. Connects when there is something to send. Close it when it is not needed any more. */
  dial(node: string, address: string): LinkClient {
    const { clock, log, random } = this.#parts;
    const client: LinkClient = new LinkClient({
      dial: (signal) => this.#connect(node, address, signal),
      limits: peerClientLimits,
      upgrades: true,
      link: { limits: defaultLinkLimits, clock, log: log.bind({ peer: node }), keepalive: true },
      random,
      closed: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    return client;
  }

  /** All that it has dialled. */
  close(): void {
    for (const client of this.#clients) client.close();
  }

  #connect(node: string, address: string, signal: AbortSignal): Promise<TLSSocket> {
    const secureContext = this.#context;
    const where = parseAddress(address);
    if (!secureContext) return Promise.reject(unreachable(node, address, "this node has no certificate yet"));
    if (!where) return Promise.reject(unreachable(node, address, "that is not HOST:PORT"));
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...where,
        ...peerTls,
        secureContext,
        // Names of hosts mean nothing here. That it is the right node is all that counts.
        servername: "",
        checkServerIdentity: (_host, certificate) => {
          const claim = nodeOf(certificate, this.#parts.clock.now());
          if (claim.kind === "refused") return new Error(claim.why);
          return claim.name === node ? undefined : new Error(`it is node ${claim.name}`);
        },
      });
      const fail = (why: string) => {
        socket.destroy();
        timer.cancel();
        reject(unreachable(node, address, why));
      };
      const timer = this.#parts.clock.setTimer(peerLimits.handshakeMs, () => fail("it does not answer"));
      signal.addEventListener("abort", () => fail("it is not needed any more"), { once: true });
      socket.once("error", (error) => fail(error.message));
      socket.once("close", () => fail("it has closed the connection"));
      socket.once("secureConnect", () => {
        if (socket.alpnProtocol !== peerProtocol) {
          fail(`it does not speak ${peerProtocol}`);
          return;
        }
        timer.cancel();
        socket.setNoDelay(true);
        resolve(socket);
      });
    });
  }
}

function unreachable(node: string, address: string, why: string): WherryError {
  return new WherryError("peer-unreachable", `connect to node ${node} at ${address}: ${why}`, {
    retryable: true,
  });
}

function parseAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
}
