/**
 * What a gateway does with requests: accepts them from clients and other gateways, finds the route, the workload and an instance,
 * forwards, and answers. The process around it (sockets of the daemon, handing over, workers) is not its business.
 */
import type { CalleeExchange } from "../link/exchange.ts";
import type { ToGateway } from "./control.ts";
import type {
  BoundListener,
  ChangedFigures,
  GatewayEvents,
  GatewayListener,
  GatewayOptions,
  GatewayPorts,
} from "./ports.ts";

/** The messages of the daemon that are about requests; the others are about the process. */
export type GatewayChange = Exclude<ToGateway, { readonly kind: "identity" | "handOver" | "exit" }>;

export class Gateway {
  constructor(_options: GatewayOptions, _ports: GatewayPorts, _events: GatewayEvents) {}

  /** Each can be repeated. Between snapshotBegin and snapshotEnd everything old goes on; what was not named is gone at the end. */
  apply(_change: GatewayChange): void {}

  /** Rejects with the system's error when the address cannot be had. */
  listen(_listener: GatewayListener): Promise<BoundListener> {
    return Promise.reject(new Error("not yet"));
  }

  /** An exchange that another gateway has sent: `target.kind` must be "workload". Goes to instances of this node only. */
  answer(_exchange: CalleeExchange): void {}

  /**
   * Accepts no connections any more (the listening sockets are closed here; inherited copies go on), says so to clients on each answer
   * and with GOAWAY, and resolves when nothing is under way any more, or after `graceMs`, when what is left is cut off.
   */
  drain(_graceMs: number): Promise<void> {
    return Promise.resolve();
  }

  /** Since the gateway began. */
  changedFigures(): ChangedFigures {
    return [];
  }

  /** At once, whatever is under way. */
  close(): void {}
}
