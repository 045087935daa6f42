/** What a gateway is given by the process that it lives in, and what it tells it. */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { AnswerListener, CallerExchange, RequestHead } from "../link/exchange.ts";
import type { WorkloadFigures } from "./control.ts";

/**
 * The way to one shim, one server or one other node: connections that are opened when they are needed and shared by many
 * exchanges.
 */
export interface ExchangeClient {
  /**
   * Never throws. What cannot be reached is a fault "refused" with reason "broken"; no event comes before this has returned.
   */
  open(head: RequestHead, listener: AnswerListener): CallerExchange;
  /** No exchanges are opened any more; those under way go on, then its connections end. */
  close(): void;
}

export interface GatewayPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** To the request socket in a shim's folder. */
  dialShim(folder: string): ExchangeClient;
  /** To the gateway of another node, at HOST:PORT, which has to prove that it is this node. */
  dialPeer(node: string, address: string): ExchangeClient;
  /** Lines of the access log, each without a line end. False: full; the line is dropped, and counted. Absent: there is none. */
  readonly accessLog?: (line: string) => boolean;
}

export interface GatewayOptions {
  /** Of `via`; the node's name. */
  readonly name: string;
  /** Whether x-forwarded-* of clients are kept and continued, as there is a proxy before this one. */
  readonly trustForwarded: boolean;
  /** Whether requests may ask for timings by `wherry-debug: timing`. */
  readonly debugHeaders: boolean;
  readonly accessLogFormat: "json" | "common";
  /** Of one gateway process. */
  readonly connectionsMax: number;
}

export const defaultGatewayOptions: GatewayOptions = {
  name: "wherry",
  trustForwarded: false,
  debugHeaders: false,
  accessLogFormat: "json",
  connectionsMax: 16_384,
};

/** Where clients connect. */
export interface GatewayListener {
  /** http: HTTP/1.1 and HTTP/2 with prior knowledge on one port. https: both by ALPN. */
  readonly scheme: "http" | "https";
  readonly at:
    | { readonly kind: "address"; readonly host: string; readonly port: number }
    /** A listening socket that was inherited. */
    | { readonly kind: "descriptor"; readonly fd: number };
}

export interface BoundListener {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Of the listening socket, to be inherited by a child; it is this process's as long as it accepts. */
  readonly fd: number;
}

/** Must not throw. */
export interface GatewayEvents {
  /** Requests wait for these and nobody can answer. Told at once, and then every second as long as it is so. */
  wake(workloads: readonly string[]): void;
  /** After `drain` of this endpoint: nothing is under way there any more. */
  drained(uid: string): void;
}

/** The figures of those workloads that have changed since the last call. */
export type ChangedFigures = readonly WorkloadFigures[];
