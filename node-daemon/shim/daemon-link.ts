/**
 * The shim's side of the connection. One daemon at a time: a new connection replaces the old one.
 *
 * What a run is told about is looked up when it is sent: while the socket is full the runs to tell about are remembered,
 * each once, and sent when it drains. A new connection starts with the inventory, so nothing is remembered for it.
 */
import { createServer, type Server, type Socket } from "node:net";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { RunId, RunUsage } from "../runtimes/runtime-driver.ts";
import { FrameReader, MessageWriter } from "./frames.ts";
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
  readonly #log: Log;
  readonly #server: Server;
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;
  /** By run and kind, in the order in which it happened. */
  readonly #held = new Map<string, FromShim>();

  constructor(identity: () => ShimIdentity, handlers: LinkHandlers, log: Log) {
    this.#identity = identity;
    this.#handlers = handlers;
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
  }

  /** About one run; kept while the socket is full, replaced by the inventory when there is none. */
  tell(message: FromShim & { readonly id: RunId }): void {
    if (!this.#writer) return;
    if (!this.#writer.backlogged && this.#held.size === 0) this.#writer.send(message);
    else this.#held.set(`${message.kind} ${runKey(message.id)}`, message);
  }

  /** Dropped when nobody listens or the daemon is slow: the next one is cumulative. */
  tellUsage(usages: readonly RunUsage[]): void {
    if (!this.#writer || this.#writer.backlogged) return;
    for (let from = 0; from < usages.length; from += usagesPerMessage) {
      this.#writer.send({ kind: "usage", usages: usages.slice(from, from + usagesPerMessage) });
    }
  }

  /** Gives the system what was told in this turn. */
  flush(): void {
    this.#writer?.flush();
  }

  /** Says what there is to say, and closes. */
  async close(): Promise<void> {
    this.#server.close();
    const socket = this.#socket;
    if (!socket) return;
    this.#sendHeld();
    this.#writer?.flush();
    await new Promise<void>((resolve) => socket.end(resolve));
  }

  #accept(socket: Socket): void {
    this.#socket?.destroy();
    const writer = new MessageWriter(socket);
    const reader = new FrameReader();
    this.#socket = socket;
    this.#writer = writer;
    this.#held.clear();
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket === socket) this.#receive(socket, reader, chunk);
    });
    socket.on("drain", () => {
      if (this.#socket === socket) this.#sendHeld();
    });
    socket.on("error", (error) => this.#log.warn("connection to the daemon failed", { err: error.message }));
    socket.on("close", () => this.#closed(socket));
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

  #receive(socket: Socket, reader: FrameReader, chunk: Buffer): void {
    let messages: unknown[];
    try {
      messages = reader.push(chunk);
    } catch (thrown) {
      this.#log.error("the daemon sent what is no frame", { err: errorMessage(thrown) });
      socket.destroy();
      return;
    }
    for (const message of messages) {
      const known = asToShim(message);
      if (known) this.#handlers.receive(known);
    }
  }

  #sendHeld(): void {
    for (const [key, message] of this.#held) {
      if (this.#writer?.backlogged) return;
      this.#writer?.send(message);
      this.#held.delete(key);
    }
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#held.clear();
    this.#handlers.connectedChanged(false);
  }
}
