/** What a gateway is given by the process that it lives in, and what it tells it. */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Tracer } from "../../kit/tracing/tracer.ts";
import { gatewayLimits } from "./limits.ts";
import type { AnswerListener, CallerExchange, RequestHead } from "../link/exchange.ts";

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
  /** Takes a line of the access log, without a line end. False: it is full; the line is dropped, and counted. Absent: there is none. */
  readonly accessLog?: (line: string) => boolean;
  /** Absent: there are no traces. */
  readonly tracer?: Tracer;
}

export interface GatewayOptions {
  /** Of `via`; the node's name. */
  readonly name: string;
  /** Whether x-forwarded-* of clients are kept and continued, as there is a proxy before this one. */
  readonly trustForwarded: boolean;
  /** Whether requests may ask for timings by `wherry-debug: timing`. */
  readonly debugHeaders: boolean;
  readonly accessLogFormat: "json" | "common";
  /** Of one gateway process; more are closed at once. */
  readonly connectionsMax: number;
  /** From one address; 0: no bound. */
  readonly connectionsPerClientMax: number;
  /** What bodies may take that no instance has got yet; requests that are held may take twice as much. */
  readonly bufferBytesMax: number;
  /** Where plain requests are sent to that are to come by HTTPS; undefined: to the scheme's own port. */
  readonly httpsPort: number | undefined;
  /** Of the requests whose clients have not decided, those that are traced, if there are traces: 0 to 1. */
  readonly traceSampleRatio: number;
}

export const defaultGatewayOptions: GatewayOptions = {
  name: "wherry",
  trustForwarded: false,
  debugHeaders: false,
  accessLogFormat: "json",
  connectionsMax: 16_384,
  connectionsPerClientMax: 0,
  bufferBytesMax: gatewayLimits.bufferBytesMax,
  httpsPort: undefined,
  traceSampleRatio: 0,
};

/** Must not throw. */
export interface GatewayEvents {
  /** Requests wait for these and nobody can answer. Told at once, and then every second as long as it is so. */
  wake(workloads: readonly string[]): void;
  /** After `drain` of this endpoint: nothing is under way there any more that is waited for. */
  drained(uid: string): void;
}
