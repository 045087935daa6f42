/**
 * A request that is to become a WebSocket (RFC 6455): HTTP/1.1 up to its answer, and bytes both ways after a 101.
 *
 *   asked ── 101 ──────────────▶ tunnel ── the instance ends ─▶ leaving ─▶ closed
 *     │ └─── any other answer ─▶ answered, the last of its connection ─▶ leaving ─▶ closed
 *     └───── its client ends ──▶ closed
 *
 * - Node's parser is done with the connection, whatever comes of it: nothing that follows is read as a request.
 * - In a tunnel the end of what the client says is passed on; that of what the instance says is the end of both.
 * - Leaving: what was said is sent to whoever reads it, and what still comes is dropped, for a time each.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Timer } from "../../kit/clock.ts";
import type { RequestHandlers } from "./connection.ts";
import { type HeaderList, valueOf } from "./core/headers.ts";
import { badRequest, type OwnAnswer } from "./core/own-answer.ts";
import { Http1Request, type RequestConnection } from "./http1-request.ts";
import { gatewayLimits } from "./limits.ts";

/** Whether it has the form of RFC 6455 4.1. What has a body, or asks for something else as well, is two things at once. */
export function isHandshake({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === "GET" &&
    httpVersion === "1.1" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["transfer-encoding"] === undefined &&
    (headers["content-length"] ?? "0") === "0"
  );
}

/** Sixteen bytes in base64. */
const keyPattern = /^[A-Za-z0-9+/]{22}==$/;

export class Http1Upgrade extends Http1Request {
  readonly upgrade = "websocket";
  readonly #connection: RequestConnection;
  readonly #socket: Socket;
  readonly #response: ServerResponse;
  #isTunnel = false;
  #leaveTimer: Timer | undefined;

  constructor(
    connection: RequestConnection,
    incoming: IncomingMessage,
    response: ServerResponse,
    first: Buffer,
  ) {
    const { socket } = incoming;
    super(connection, incoming, response, false, socket);
    this.#connection = connection;
    this.#socket = socket;
    this.#response = response;
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on("finish", () => this.#leave());
    if (first.length > 0) socket.unshift(first);
    // Node has stopped to do so.
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#ended());
  }

  override check(handlers: RequestHandlers): OwnAnswer | undefined {
    const refused = super.check(handlers);
    if (refused !== undefined) return refused;
    const key = valueOf(this.headers.list, "sec-websocket-key");
    if (key === undefined || !keyPattern.test(key))
      return badRequest("The request for a WebSocket has no key of sixteen bytes in Sec-WebSocket-Key.");
    this.bodyLength = undefined;
    return undefined;
  }

  override openBody(): void {
    this.read();
  }

  override closed(): void {
    this.#leaveTimer?.cancel();
    super.closed();
  }

  protected override sendHead(status: number, list: string[], contentLength: number | undefined): void {
    if (status === 101) this.#switch(list);
    else super.sendHead(status, list, contentLength);
  }

  protected override sendBytes(bytes: Buffer): boolean {
    return this.#isTunnel ? this.#socket.write(bytes) : super.sendBytes(bytes);
  }

  protected override sendWhole(
    status: number,
    list: string[],
    contentLength: number | undefined,
    bytes: Buffer | undefined,
  ): void {
    if (status !== 101) return super.sendWhole(status, list, contentLength, bytes);
    this.#switch(list);
    if (bytes !== undefined) this.#socket.write(bytes);
    this.sendEnd([]);
  }

  protected override sendEnd(trailers: HeaderList): void {
    if (!this.#isTunnel) return super.sendEnd(trailers);
    this.isEnded = true;
    this.#leave();
  }

  #switch(list: readonly string[]): void {
    this.#isTunnel = true;
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    for (let i = 0; i + 1 < list.length; i += 2) head += `${list[i]}: ${list[i + 1]}\r\n`;
    this.#socket.write(`${head}\r\n`, "latin1");
  }

  #drained(): void {
    if (this.#isTunnel) this.taker?.clientDrained();
    else this.#response.emit("drain");
  }

  #ended(): void {
    if (this.isEnded) return;
    if (this.#isTunnel) this.taker?.bodyEnd([]);
    else this.#socket.destroy();
  }

  /** Closing at once would be a reset for whoever still sends, which takes away what was said last. */
  #leave(): void {
    const socket = this.#socket;
    const { clock } = this.#connection;
    const { unreadMs, unwantedBodyMs } = gatewayLimits;
    this.read();
    socket.resume();
    this.#leaveTimer = clock.setTimer(unreadMs, () => socket.destroy());
    socket.end(() => {
      this.#leaveTimer?.cancel();
      if (!socket.destroyed) this.#leaveTimer = clock.setTimer(unwantedBodyMs, () => socket.destroy());
    });
  }
}
