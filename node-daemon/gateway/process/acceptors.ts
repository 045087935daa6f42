/** The listening sockets of the process: each accepted connection is handed on, and what is listened at can be handed over. */
import { type AddressInfo, BoundSocket, createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../../kit/log.ts";
import type { ListenerKind } from "../control.ts";
import type { Listen } from "./listening.ts";
import { processLimits } from "./limits.ts";

export class Acceptors {
  readonly #accept: (kind: ListenerKind, socket: Socket) => void;
  readonly #log: Log;
  readonly #servers = new Set<Server>();
  /** By kind, of those that were accepted here. */
  readonly connections: Record<ListenerKind, number> = { http: 0, https: 0, peer: 0, functions: 0 };
  readonly accepted: Record<ListenerKind, number> = { http: 0, https: 0, peer: 0, functions: 0 };

  constructor(accept: (kind: ListenerKind, socket: Socket) => void, log: Log) {
    this.#accept = accept;
    this.#log = log;
  }

  readonly listen: Listen = async (kind, at) => {
    // As Node's own HTTP servers have it: who has sent all of a request may still want the answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.accepted[kind]++;
      this.connections[kind]++;
      socket.once("close", () => this.connections[kind]--);
      this.#accept(kind, socket);
    });
    server.maxConnections = processLimits.connectionsMax;
    const bound = at.kind === "descriptor" ? undefined : new BoundSocket({ host: at.host, port: at.port });
    // Known only as long as nobody listens at it; it stays what it is.
    const fd = at.kind === "descriptor" ? at.fd : (bound?.fd() ?? -1);
    try {
      await listening(server, bound ?? { fd });
    } catch (thrown) {
      bound?.close();
      throw thrown;
    }
    server.on("error", (error) => this.#log.error("accepting failed", { for: kind, err: error.message }));
    this.#servers.add(server);
    return { port: (server.address() as AddressInfo).port, fd };
  };

  /** Connections that are accepted already go on; so do copies of these sockets in other processes. */
  close(): void {
    for (const server of this.#servers) server.close();
    this.#servers.clear();
  }
}

function listening(server: Server, at: BoundSocket | { readonly fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, processLimits.backlog, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
