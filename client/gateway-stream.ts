/** The port between the calls of a workload and a stream to one gateway. */
import type { CallEndpoint } from "../api/call-ticket.ts";
import type { Clock } from "../kit/clock.ts";
import type { CallRequest, CallResponse } from "../proto/functions/messages.ts";
import type { FunctionCallError } from "./errors.ts";

export interface CallStreamEvents {
  response(response: CallResponse): void;
  /** Takes more calls again. */
  drain(): void;
  /** Takes no calls any more, and answers those that it has. */
  leaving(): void;
  /** Once and last; `why` undefined: it has answered everything. */
  closed(why: FunctionCallError | undefined): void;
}

export interface CallStreamTarget {
  readonly endpoint: CallEndpoint;
  readonly token: string;
  readonly caBundle: string;
}

export interface ConnectOptions {
  /** Its timers need not keep the process running. */
  readonly clock: Clock;
  /** Until the gateway has answered. */
  readonly connectMs: number;
  /** Gives up, as long as it is not open. */
  readonly signal: AbortSignal;
}

/** Rejects with a {@link FunctionCallError} Unavailable or Unauthenticated, or the reason of the signal. */
export type Connect = (
  target: CallStreamTarget,
  events: CallStreamEvents,
  options: ConnectOptions,
) => Promise<GatewayStream>;

/** It keeps the process running while it has calls to answer, and only then. */
export interface GatewayStream {
  /** Whether there is room for another request. */
  readonly hasRoom: boolean;
  send(request: CallRequest): void;
  /** No more requests; it closes when all is answered. */
  leave(): void;
  /** At once. */
  destroy(): void;
}
