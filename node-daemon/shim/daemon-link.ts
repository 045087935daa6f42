/**
 * The shim's side of the connection.
 *
 * What a run is told about is looked up when it is sent: while the socket is full the runs to tell about are remembered,
 * each once, and sent when it drains. A new connection starts with the inventory, so nothing is remembered for it.
 */
import type { Log } from "../../kit/log.ts";
import type { RunId, RunUsage } from "../runtimes/runtime-driver.ts";
import { DaemonSocket } from "./daemon-socket.ts";
import type { MessageWriter } from "./frames.ts";
import {
  asToShim,
  type FromShim,
  protocolVersion,
  protocolVersionMin,
  runKey,
  type RunReport,
  type ShimIdentity,
  type ToShim,
} from "./protocol.ts";

export interface LinkHandlers {
  receive(message: ToShim): void;
  inventory(): readonly RunReport[];
  connectedChanged(connected: boolean): void;
}

/** Usages in one message. */
const usagesPerMessage = 500;

export class DaemonLink {
  /** It may be claimed between two connections. */
  readonly #identity: () => ShimIdentity;
  readonly #handlers: LinkHandlers;
  readonly #socket: DaemonSocket;
  /** By run and kind, in the order in which it happened. */
  readonly #held = new Map<string, FromShim>();

  constructor(identity: () => ShimIdentity, handlers: LinkHandlers, log: Log) {
    this.#identity = identity;
    this.#handlers = handlers;
    this.#socket = new DaemonSocket(
      {
        opened: (writer) => this.#opened(writer),
        message: (value) => {
          const known = asToShim(value);
          if (known) handlers.receive(known);
        },
        drained: () => this.#sendHeld(),
        closed: () => {
          this.#held.clear();
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

  /** About one run; kept while the socket is full, replaced by the inventory when there is none. */
  tell(message: FromShim & { readonly id: RunId }): void {
    if (!this.connected) return;
    if (this.#socket.hasRoom && this.#held.size === 0) this.#socket.writer?.send(message);
    else this.#held.set(`${message.kind} ${runKey(message.id)}`, message);
  }

  /** Dropped when nobody listens or the daemon is slow: the next one is cumulative. */
  tellUsage(usages: readonly RunUsage[]): void {
    if (!this.#socket.hasRoom) return;
    for (let from = 0; from < usages.length; from += usagesPerMessage) {
      this.#socket.writer?.send({ kind: "usage", usages: usages.slice(from, from + usagesPerMessage) });
    }
  }

  /** Gives the system what was told in this turn. */
  flush(): void {
    this.#socket.writer?.flush();
  }

  /** Says what there is to say, and closes. */
  close(): Promise<void> {
    this.#sendHeld();
    return this.#socket.close();
  }

  #opened(writer: MessageWriter): void {
    this.#held.clear();
    const hello: FromShim = {
      kind: "hello",
      protocol: protocolVersion,
      protocolMin: protocolVersionMin,
      ageMs: Math.round(performance.now()),
      pid: process.pid,
      ...this.#identity(),
    };
    writer.send(hello);
    for (const report of this.#handlers.inventory()) writer.send({ kind: "run", ...report });
    writer.send({ kind: "inventoryEnd" } satisfies FromShim);
    this.#handlers.connectedChanged(true);
  }

  #sendHeld(): void {
    for (const [key, message] of this.#held) {
      if (!this.#socket.hasRoom) return;
      this.#socket.writer?.send(message);
      this.#held.delete(key);
    }
  }
}
