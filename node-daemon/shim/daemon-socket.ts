/**
 * A Unix socket at which a process is told things by its daemon, in frames of JSON. One daemon at a time: a new connection replaces the old
 * one, of which nothing is heard any more.
 */
import { createServer, type Server, type Socket } from "node:net";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { FrameReader, MessageWriter } from "./frames.ts";

export interface DaemonSocketHandlers {
  /** A daemon is there; also when it takes the place of another, of which no end is told. */
  opened(writer: MessageWriter): void;
  /** Whatever it is. */
  message(value: unknown): void;
  /** There is room again. */
  drained(): void;
  closed(): void;
}

export class DaemonSocket {
  readonly #handlers: DaemonSocketHandlers;
  readonly #log: Log;
  readonly #server: Server;
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;

  constructor(handlers: DaemonSocketHandlers, log: Log) {
    this.#handlers = handlers;
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** To the daemon; undefined: there is none. */
  get writer(): MessageWriter | undefined {
    return this.#writer;
  }

  /** Somebody listens, and keeps up. */
  get hasRoom(): boolean {
    return this.#writer !== undefined && !this.#writer.backlogged;
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
  }

  /** Says what there is to say, and closes. */
  async close(): Promise<void> {
    this.#server.close();
    const socket = this.#socket;
    if (!socket) return;
    this.#writer?.flush();
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.end(resolve);
    });
  }

  #accept(socket: Socket): void {
    this.#socket?.destroy();
    const writer = new MessageWriter(socket);
    const reader = new FrameReader();
    this.#socket = socket;
    this.#writer = writer;
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket === socket) this.#receive(socket, reader, chunk);
    });
    socket.on("drain", () => {
      if (this.#socket === socket) this.#handlers.drained();
    });
    socket.on("error", (error) => this.#log.warn("connection to the daemon failed", { err: error.message }));
    socket.on("close", () => this.#closed(socket));
    this.#handlers.opened(writer);
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
    for (const message of messages) this.#handlers.message(message);
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#handlers.closed();
  }
}
