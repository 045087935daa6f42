/** Connections of clients, as their requests see them. */
import type { Socket } from "node:net";
import type { Clock } from "../../kit/clock.ts";
import type { ClientRequest } from "./client-side.ts";

/** A connection of a client, as far as its requests want to know. */
export interface Connection {
  readonly socket: Socket;
  readonly scheme: "http" | "https";
  /** What the client has asked for by SNI. */
  readonly serverName: string | undefined;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface RequestHandlers {
  readonly clock: Clock;
  take(request: ClientRequest): void;
  /** Whether a connection that was made for this name may ask for that host. */
  isSameHost(serverName: string, host: string): boolean;
}

/** What is known of one connection here. */
export class Http1Connection {
  readonly facts: Connection;
  /** Requests that are not answered yet. */
  active = 0;
  /** The one that is answered now, if its head has gone. */
  isAnswering = false;
  lastMs = 0;

  constructor(facts: Connection) {
    this.facts = facts;
  }
}
