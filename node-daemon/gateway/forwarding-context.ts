import type { Clock } from "../../kit/clock.ts";
import type { Backends } from "./backends.ts";
import type { Backend, Workload } from "./workload.ts";
import type { ClientRequest } from "./client-side.ts";
import type { ByteBudget } from "./core/byte-budget.ts";
import type { Deadlines } from "./deadlines.ts";
import type { GatewayOptions } from "./ports.ts";

/** What a forwarding needs of the gateway that it is part of. */
export interface ForwardingContext {
  readonly clock: Clock;
  readonly options: GatewayOptions;
  readonly backends: Backends;
  readonly deadlines: Deadlines;
  /** For bodies that are gathered. */
  readonly bodies: ByteBudget;
  /** An instance has answered with what is no HTTP. */
  warn(workload: Workload, why: string): void;
  /** The request is over: for the access log. `place` undefined: it reached none. */
  note(
    request: ClientRequest,
    workload: Workload,
    place: Backend | undefined,
    status: number,
    bytes: number,
    durationMs: number,
  ): void;
}
