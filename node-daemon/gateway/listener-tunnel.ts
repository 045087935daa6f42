/** What follows an upgrade at an instance that is a server itself: bytes both ways, no faster than they are taken, until it ends. */
import { hash } from "node:crypto";
import type { Socket } from "node:net";
import type { AnswerListener } from "../link/exchange.ts";
import { type HeaderList, valueOf } from "./core/headers.ts";
import { gatewayLimits } from "./limits.ts";

/** RFC 6455 1.3. */
const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Undefined: the server has switched as it was asked to. What says 101 for another reason, as an answer that a client may choose the
 * status of, would let that client speak to the server past the routes.
 */
export function whyNotSwitched(
  headers: HeaderList,
  answer: { readonly upgrade?: string | undefined; readonly "sec-websocket-accept"?: string | undefined },
): string | undefined {
  if (answer.upgrade?.toLowerCase() !== "websocket") return "it has changed to another protocol";
  const key = valueOf(headers, "sec-websocket-key") ?? "";
  const accept = hash("sha1", key + handshakeGuid, "base64");
  return answer["sec-websocket-accept"] === accept
    ? undefined
    : "its Sec-WebSocket-Accept is not for this key";
}

export class ListenerTunnel {
  readonly #socket: Socket;
  readonly #listener: AnswerListener;
  readonly #onOver: () => void;
  #unconsumed = 0;
  #isOver = false;

  /** `first`: what the server has said already. `onOver`: once, before the listener hears of it. */
  constructor(socket: Socket, first: Buffer, listener: AnswerListener, onOver: () => void) {
    this.#socket = socket;
    this.#listener = listener;
    this.#onOver = onOver;
    socket.on("error", () => {});
    socket.on("drain", () => {
      if (!this.#isOver) listener.drain();
    });
    socket.once("end", () => {
      if (this.#isOver) return;
      this.destroy();
      listener.end({ trailers: [] });
    });
    socket.once("close", () => {
      if (this.#isOver) return;
      this.destroy();
      listener.fault({ kind: "failed", reason: "lost", message: "its connection has broken off" });
    });
    if (first.length > 0) socket.unshift(first);
    socket.on("data", (bytes: Buffer) => this.#data(bytes));
  }

  write(bytes: Uint8Array): boolean {
    return this.#isOver || this.#socket.write(bytes);
  }

  /** The server hears of it, and may go on. */
  end(): void {
    if (!this.#isOver) this.#socket.end();
  }

  consumed(bytes: number): void {
    this.#unconsumed -= bytes;
    if (this.#unconsumed < gatewayLimits.listener.windowBytes) this.#socket.resume();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    this.#socket.destroy();
  }

  #data(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#unconsumed += bytes.length;
    if (this.#unconsumed >= gatewayLimits.listener.windowBytes) this.#socket.pause();
    this.#listener.data(bytes);
  }
}
