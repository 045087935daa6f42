/** Connections of clients: which protocol each speaks. */
import type { Socket } from "node:net";
import type { Clock } from "../../kit/clock.ts";
import type { Connection, RequestHandlers } from "./connection.ts";
import { Http1Server } from "./http1.ts";

export class Front {
  readonly #clock: Clock;
  readonly #http1: Http1Server;

  constructor(handlers: RequestHandlers) {
    this.#clock = handlers.clock;
    this.#http1 = new Http1Server(handlers);
  }

  accept(scheme: "http" | "https", socket: Socket): void {
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    this.#http1.accept(factsOf(socket, scheme, undefined));
  }

  close(): void {
    this.#http1.close();
  }
}

function factsOf(socket: Socket, scheme: "http" | "https", serverName: string | undefined): Connection {
  return {
    socket,
    scheme,
    serverName,
    clientAddress: plain(socket.remoteAddress),
    clientPort: socket.remotePort ?? 0,
    localAddress: plain(socket.localAddress),
    localPort: socket.localPort ?? 0,
  };
}

/** IPv4, as sockets for both families write it. */
function plain(address: string | undefined): string {
  return address?.startsWith("::ffff:") === true ? address.slice(7) : (address ?? "");
}
