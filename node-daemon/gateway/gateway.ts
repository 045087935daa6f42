/**
 * What a gateway does with requests: accepts them from clients and other gateways, finds the route, the workload and an instance,
 * forwards, and answers. The process around it (listening, the daemon, handing over, workers) is not its business.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../kit/clock.ts";
import { assertNever } from "../../kit/errors.ts";
import type { CalleeExchange } from "../link/exchange.ts";
import { Backends } from "./backends.ts";
import type { CallOutcome, FunctionCall } from "./function-call.ts";
import { Certificates } from "./certificates.ts";
import type { ConnectionFigures, ProcessFigures, Teaching, WorkloadFigures } from "./control.ts";
import type { ClientRequest } from "./client-side.ts";
import { Deadlines } from "./deadlines.ts";
import { Front } from "./front.ts";
import { GatewayCounts } from "./gateway-counts.ts";
import { gatewayLimits } from "./limits.ts";
import { Relay, unknownHere } from "./relay.ts";
import { Traffic } from "./traffic.ts";
import type { GatewayEvents, GatewayOptions, GatewayPorts } from "./ports.ts";

/** What is about requests; identity is for links between nodes, ticket keys are for calls. */
export type GatewayTeaching = Exclude<
  Teaching,
  { readonly kind: "identity" | "ticketKey" | "ticketKeyGone" }
>;

export class Gateway {
  readonly #backends: Backends;
  readonly #traffic: Traffic;
  readonly #front: Front;
  readonly #certificates: Certificates;
  readonly #counts = new GatewayCounts();
  readonly #clock: Clock;

  constructor(options: GatewayOptions, ports: GatewayPorts, events: GatewayEvents) {
    const deadlines = new Deadlines(ports.clock);
    this.#clock = ports.clock;
    this.#backends = new Backends(ports, events, deadlines, 2 * options.bufferBytesMax);
    this.#traffic = new Traffic(options, ports, this.#backends, deadlines, this.#counts);
    const { table } = this.#traffic;
    this.#certificates = new Certificates((host) => table.certificateOf(host), ports.log);
    const handlers = {
      clock: ports.clock,
      take: (request: ClientRequest) => this.#traffic.take(request),
      bug: (thrown: unknown) => ports.log.error("a request has met a bug", { err: thrown }),
      counts: this.#counts,
      isSameHost: (serverName: string, host: string) => table.isSameHost(serverName, host),
    };
    this.#front = new Front(handlers, this.#certificates, {
      inAll: options.connectionsMax,
      perClient: options.connectionsPerClientMax,
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
        return this.#certificates.put(teaching.certificate);
      case "certificateGone":
        return this.#certificates.remove(teaching.name);
      default:
        return assertNever(teaching, "teaching");
    }
  }

  /** A connection of a client, just accepted: nothing of it has been read. */
  accept(scheme: "http" | "https", socket: Socket): void {
    this.#front.accept(scheme, socket);
  }

  /** An exchange that another gateway has sent. Goes to instances of this node only. */
  answer(exchange: CalleeExchange): void {
    const { target } = exchange.head;
    const workload = target.kind === "workload" ? this.#backends.get(target.uid) : undefined;
    if (target.kind !== "workload" || workload === undefined) exchange.fault(unknownHere);
    else new Relay(this.#traffic, exchange, workload, target.templateHash).begin();
  }

  /**
   * A call of a function of this workload, which finds its instance as requests do: here or on another node, woken if there is none.
   * `done` is called once, unless it is cancelled: by the function that this answers.
   */
  call(call: FunctionCall, done: (outcome: CallOutcome) => void): () => void {
    return this.#traffic.call(call, done);
  }

  /**
   * Nothing is accepted any more: says so to clients on each answer and with GOAWAY, and resolves when nothing is under way any
   * more, or after `graceMs`, when what is left is cut off; what is held still is answered with 503 shortly before. A connection
   * between two requests may bring one more.
   */
  async finish(graceMs: number): Promise<void> {
    const lastMs = Math.max(0, graceMs - gatewayLimits.lastAnswersMs);
    const timer = this.#clock.setTimer(lastMs, () => this.#backends.giveUpHeld());
    await this.#front.finish(graceMs);
    timer.cancel();
  }

  /** Since the gateway began; of those workloads that have changed since the last call. */
  figures(): readonly WorkloadFigures[] {
    const changed: WorkloadFigures[] = [];
    for (const { uid, figures, pool, facts } of this.#backends.workloads()) {
      // Nobody wants to hear of one that is gone, though some of it may be under way.
      if (!figures.changed || facts === undefined) continue;
      figures.changed = false;
      changed.push(figures.toMessage(uid, pool.busy()));
    }
    return changed;
  }

  connections(): ConnectionFigures {
    return this.#front.figures;
  }

  /** Since the gateway began. */
  counts(): Pick<ProcessFigures, "connectionsRefused" | "handshakesFailed" | "refusals" | "droppedLogLines"> {
    const { handshakesFailed, refusals } = this.#counts;
    return {
      connectionsRefused: this.#front.figures.refused,
      handshakesFailed,
      refusals,
      droppedLogLines: this.#traffic.droppedLines,
    };
  }

  /** At once, whatever is under way. */
  close(): void {
    this.#front.close();
    this.#backends.close();
  }
}
