/**
 * What a gateway does with requests: accepts them from clients and other gateways, finds the route, the workload and an instance,
 * forwards, and answers. The process around it (listening, the daemon, handing over, workers) is not its business.
 */
import type { Socket } from "node:net";
import { assertNever } from "../../kit/errors.ts";
import type { CalleeExchange } from "../link/exchange.ts";
import { Backends } from "./backends.ts";
import type { Teaching } from "./control.ts";
import { Deadlines } from "./deadlines.ts";
import { Front } from "./front.ts";
import { Traffic } from "./traffic.ts";
import type { GatewayEvents, GatewayOptions, GatewayPorts } from "./ports.ts";

/** What is about requests; identity is for links between nodes. */
export type GatewayTeaching = Exclude<Teaching, { readonly kind: "identity" }>;

export class Gateway {
  readonly #backends: Backends;
  readonly #traffic: Traffic;
  readonly #front: Front;

  constructor(options: GatewayOptions, ports: GatewayPorts, events: GatewayEvents) {
    const deadlines = new Deadlines(ports.clock);
    this.#backends = new Backends(ports, events, deadlines);
    this.#traffic = new Traffic(options, ports, this.#backends, deadlines);
    this.#front = new Front({
      clock: ports.clock,
      take: (request) => this.#traffic.take(request),
      isSameHost: (serverName, host) => this.#traffic.table.isSameHost(serverName, host),
    });
  }

  /** Each can be repeated. */
  apply(teaching: GatewayTeaching): void {
    switch (teaching.kind) {
      case "route":
        return this.#traffic.table.put(teaching.route);
      case "routeGone":
        return this.#traffic.table.remove(teaching.uid);
      case "workload":
        return this.#backends.putWorkload(teaching.workload);
      case "workloadGone":
        return this.#backends.removeWorkload(teaching.uid);
      case "endpoint":
        return this.#backends.putEndpoint(teaching.endpoint);
      case "endpointGone":
        return this.#backends.removeEndpoint(teaching.uid);
      case "drain":
        return this.#backends.drainEndpoint(teaching.uid);
      case "certificate":
      case "certificateGone":
        return;
      default:
        return assertNever(teaching, "teaching");
    }
  }

  /** A connection of a client, just accepted: nothing of it has been read. */
  accept(scheme: "http" | "https", socket: Socket): void {
    this.#front.accept(scheme, socket);
  }

  /** An exchange that another gateway has sent. Goes to instances of this node only. */
  answer(_exchange: CalleeExchange): void {}

  /**
   * Nothing is accepted any more: says so to clients on each answer and with GOAWAY, and resolves when nothing is under way any
   * more, or after `graceMs`, when what is left is cut off.
   */
  finish(_graceMs: number): Promise<void> {
    return Promise.resolve();
  }

  /** At once, whatever is under way. */
  close(): void {
    this.#front.close();
    this.#backends.close();
  }
}
