/**
 * The gateway's side of the control connection.
 *
 * Nothing is kept for a daemon that does not read: wakes are told again, and drained endpoints are remembered by their uids
 * until there is room, or until the daemon is gone, as the next one asks anew.
 */
import type { Log } from "../../../kit/log.ts";
import { DaemonSocket } from "../../shim/daemon-socket.ts";
import type { FromGateway, GatewayHello, ToGateway } from "../control.ts";

export interface ControlHandlers {
  hello(): GatewayHello;
  receive(message: ToGateway): void;
  /** `connected`: also when a daemon takes the place of another. */
  connectedChanged(connected: boolean): void;
}

export class ControlSocket {
  readonly #socket: DaemonSocket;
  readonly #drained = new Set<string>();

  constructor(handlers: ControlHandlers, log: Log) {
    this.#socket = new DaemonSocket(
      {
        opened: (writer) => {
          this.#drained.clear();
          writer.send({ kind: "hello", ...handlers.hello() } satisfies FromGateway);
          handlers.connectedChanged(true);
        },
        message: (value) => {
          const known = asToGateway(value);
          if (known) handlers.receive(known);
        },
        drained: () => this.#sendDrained(),
        closed: () => {
          this.#drained.clear();
          handlers.connectedChanged(false);
        },
      },
      log,
    );
  }

  get connected(): boolean {
    return this.#socket.writer !== undefined;
  }

  listen(path: string): Promise<void> {
    return this.#socket.listen(path);
  }

  /** Somebody listens, and keeps up. */
  get hasRoom(): boolean {
    return this.#socket.hasRoom;
  }

  tell(message: Exclude<FromGateway, { readonly kind: "hello" | "drained" | "wake" }>): void {
    this.#socket.writer?.send(message);
  }

  /** Dropped when nobody listens or the daemon is slow. */
  tellWake(workloads: readonly string[]): void {
    if (this.hasRoom) this.#socket.writer?.send({ kind: "wake", workloads } satisfies FromGateway);
  }

  tellDrained(uid: string): void {
    if (!this.connected) return;
    this.#drained.add(uid);
    this.#sendDrained();
  }

  /** Says what there is to say, and closes. */
  close(): Promise<void> {
    return this.#socket.close();
  }

  #sendDrained(): void {
    for (const uid of this.#drained) {
      if (!this.hasRoom) return;
      this.#socket.writer?.send({ kind: "drained", uid } satisfies FromGateway);
      this.#drained.delete(uid);
    }
  }
}

/** A record, so that none is forgotten. */
const kinds: Readonly<Record<ToGateway["kind"], true>> = {
  route: true,
  routeGone: true,
  workload: true,
  workloadGone: true,
  certificate: true,
  certificateGone: true,
  ticketKey: true,
  ticketKeyGone: true,
  endpoint: true,
  endpointGone: true,
  drain: true,
  identity: true,
  snapshotBegin: true,
  snapshotEnd: true,
  spawn: true,
  exit: true,
  ping: true,
};

/** Undefined for what this version does not know: a newer daemon may say more. */
function asToGateway(value: unknown): ToGateway | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
  if (typeof value.kind !== "string" || !Object.hasOwn(kinds, value.kind)) return undefined;
  // The daemon is of the same user, and writes what control.ts says.
  return value as ToGateway;
}
