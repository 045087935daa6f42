/** The listening sockets of the process: each accepted connection is handed on, and what is listened at can be handed over. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../../kit/log.ts";
import type { ListenerKind } from "../control.ts";
import type { Listen } from "./listening.ts";
import { processLimits } from "./limits.ts";

export class Acceptors {
  readonly #accept: (kind: ListenerKind, socket: Socket) => void;
  readonly #log: Log;
  readonly #servers = new Set<Server>();

  constructor(accept: (kind: ListenerKind, socket: Socket) => void, log: Log) {
    this.#accept = accept;
    this.#log = log;
  }

  readonly listen: Listen = (kind, at) => {
    // As Node's own HTTP servers have it: who has sent all of a request may still want the answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(kind, socket),
    );
    server.maxConnections = processLimits.connectionsMax;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      const place = at.kind === "descriptor" ? { fd: at.fd } : { host: at.host, port: at.port };
      server.listen({ ...place, backlog: processLimits.backlog }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#log.error("accepting failed", { for: kind, err: error.message }));
        this.#servers.add(server);
        resolve({ port: (server.address() as AddressInfo).port, fd: descriptorOf(server) });
      });
    });
  };

  /** Connections that are accepted already go on; so do copies of these sockets in other processes. */
  close(): void {
    for (const server of this.#servers) server.close();
    this.#servers.clear();
  }
}

/** Node has no public name for it, and no other way to start a process that listens at the same socket. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}
