/**
 * The gateway's side of the control connection. One daemon at a time: a new connection replaces the old one.
 *
 * Nothing is kept for a daemon that does not read: wakes are told again, and drained endpoints are remembered by their uids
 * until there is room, or until the daemon is gone, as the next one asks anew.
 */
import { createServer, type Server, type Socket } from "node:net";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { FrameReader, MessageWriter } from "../../shim/frames.ts";
import type { FromGateway, GatewayHello, ToGateway } from "../control.ts";

export interface ControlHandlers {
  hello(): GatewayHello;
  receive(message: ToGateway): void;
  /** `connected`: also when a daemon takes the place of another. */
  connectedChanged(connected: boolean): void;
}

export class ControlSocket {
  readonly #handlers: ControlHandlers;
  readonly #log: Log;
  readonly #server: Server;
  readonly #drained = new Set<string>();
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;

  constructor(handlers: ControlHandlers, log: Log) {
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

  /** Somebody listens, and keeps up. */
  get hasRoom(): boolean {
    return this.#writer !== undefined && !this.#writer.backlogged;
  }

  tell(message: Exclude<FromGateway, { readonly kind: "hello" | "drained" | "wake" }>): void {
    this.#writer?.send(message);
  }

  /** Dropped when nobody listens or the daemon is slow. */
  tellWake(workloads: readonly string[]): void {
    if (this.hasRoom) this.#writer?.send({ kind: "wake", workloads } satisfies FromGateway);
  }

  tellDrained(uid: string): void {
    if (!this.#writer) return;
    this.#drained.add(uid);
    this.#sendDrained();
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
    this.#drained.clear();
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket === socket) this.#receive(socket, reader, chunk);
    });
    socket.on("drain", () => {
      if (this.#socket === socket) this.#sendDrained();
    });
    socket.on("error", (error) => this.#log.warn("connection to the daemon failed", { err: error.message }));
    socket.on("close", () => this.#closed(socket));
    writer.send({ kind: "hello", ...this.#handlers.hello() } satisfies FromGateway);
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
      const known = asToGateway(message);
      if (known) this.#handlers.receive(known);
    }
  }

  #sendDrained(): void {
    for (const uid of this.#drained) {
      if (!this.#writer || this.#writer.backlogged) return;
      this.#writer.send({ kind: "drained", uid } satisfies FromGateway);
      this.#drained.delete(uid);
    }
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#drained.clear();
    this.#handlers.connectedChanged(false);
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
