/** Requests to a shim: its socket for them, and the way there. */
import { chmodSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../kit/clock.ts";
import { errorCode, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import { connectInFolder } from "../shim/folder-socket.ts";
import type { CalleeExchange } from "./exchange.ts";
import { defaultLinkLimits } from "./limits.ts";
import { LinkCallee } from "./link-callee.ts";
import { LinkClient, shimClientLimits } from "./link-client.ts";

export const requestSocketName = "requests.sock";

/** Gateways of one node: the one that runs with its workers, and one that finishes. */
const connectionsMax = 64;

/** What both ends of a link need of the process. */
export interface LinkParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** The way to the shim whose folder this is. Connects when there is something to send. */
export function dialShim(folder: string, parts: LinkParts & { readonly random: Random }): LinkClient {
  return new LinkClient({
    dial: async () => {
      const socket = await connectInFolder(folder, requestSocketName);
      if (socket) return socket;
      throw new WherryError("shim-unreachable", `nobody listens at ${join(folder, requestSocketName)}`, {
        retryable: true,
      });
    },
    limits: shimClientLimits,
    upgrades: false,
    link: { ...parts, limits: defaultLinkLimits, keepalive: false },
    random: parts.random,
  });
}

/** The shim's request socket. */
export class RequestServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #callees = new Set<LinkCallee>();

  constructor(request: (exchange: CalleeExchange) => void, parts: LinkParts) {
    this.#server = createServer((socket) => {
      if (this.#callees.size >= connectionsMax) {
        parts.log.warn("refused another connection for requests", { connectionsMax });
        socket.destroy();
        return;
      }
      const callee = new LinkCallee(
        socket,
        { request, over: () => this.#callees.delete(callee) },
        { ...parts, limits: defaultLinkLimits, keepalive: false },
      );
      this.#callees.add(callee);
    });
  }

  /** `folder`: the shim's own. Relative to the working directory, as the path of a socket is short. */
  async listen(folder: string): Promise<void> {
    const path = join(folder, requestSocketName);
    try {
      unlinkSync(path);
    } catch (thrown) {
      if (errorCode(thrown) !== "ENOENT") throw thrown;
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  }

  /** Gives the system what was said in this turn: before guests run for long. */
  flush(): void {
    for (const callee of this.#callees) callee.flush();
  }

  /** No more connections and requests; those under way go on. */
  leave(): void {
    this.#server.close();
    for (const callee of this.#callees) callee.leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const callee of this.#callees) callee.destroy("the process ends");
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Opens the request socket in the shim's folder. */
export async function listenRequests(
  folder: string,
  request: (exchange: CalleeExchange) => void,
  parts: LinkParts,
): Promise<RequestServer> {
  const server = new RequestServer(request, parts);
  await server.listen(folder);
  return server;
}
