/**
 * A connected stream that is pulled. Node reads ahead into the socket's own buffer up to `receiveBufferBytes` and then leaves
 * the rest to the kernel, so a guest that does not read slows its peer down; the guest is told to wait as soon as
 * `sendBufferBytes` have not been taken by the kernel.
 *
 *   open ─ shutdown ─▶ one half closed ─ close ─▶ closing: sends what it has, for `lingerMs` at most ─▶ gone
 *     └──────────────────── reset, timeout ─────────────────────────────────────────────────────────▶ broken
 *
 * Invariants:
 * - Nothing is read before someone asks for it. What was read before the connection broke can still be read.
 * - The seat is given back exactly when the host's descriptor is closed.
 */
import type { Socket } from "node:net";

import type { Clock, Timer } from "../../../kit/clock.ts";
import { errno } from "../abi.ts";
import type { InputSource, StreamFailure } from "../streams.ts";
import { socketLimits } from "./limits.ts";
import type { SocketAddress, SocketError, TcpConnection, TcpOptions } from "./network.ts";
import { type Failure, failureOf } from "./socket-errors.ts";
import type { Seat } from "./socket-seats.ts";
import { HostTcpOptions } from "./tcp-options.ts";
import { Wakers } from "./wakers.ts";

const brokenPipe: StreamFailure = { errno: errno.pipe };

export class HostConnection implements TcpConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly options: TcpOptions;
  readonly #socket: Socket;
  readonly #seat: Seat;
  readonly #clock: Clock;
  readonly #readers = new Wakers();
  readonly #writers = new Wakers();
  readonly #flushers = new Wakers();
  /** Taken out of the socket's buffer by a peek. */
  #peeked: Uint8Array | undefined;
  #reading = false;
  #ended = false;
  #receiveShut = false;
  #sendShut = false;
  #closed = false;
  #linger: Timer | undefined;

  constructor(socket: Socket, seat: Seat, clock: Clock, local: SocketAddress, remote: SocketAddress) {
    this.#socket = socket;
    this.#seat = seat;
    this.#clock = clock;
    this.local = local;
    this.remote = remote;
    this.options = new HostTcpOptions(socket);
    seat.end = () => this.close();
    seat.abort = () => this.#abort();
    socket.on("end", () => {
      this.#ended = true;
      this.#readers.wakeAll();
    });
    // Told by `socket.errored`, which is set earlier.
    socket.on("error", () => {});
    socket.on("drain", () => this.#writers.wakeAll());
    socket.on("finish", () => this.#onFinish());
    socket.on("close", () => this.#onGone());
  }

  get buffered(): number {
    if (this.#receiveShut) return 0;
    return (this.#peeked?.byteLength ?? 0) + this.#socket.readableLength;
  }

  get broken(): SocketError | undefined {
    return this.#failure?.error;
  }

  get #failure(): Failure | undefined {
    const { errored } = this.#socket;
    return errored === null ? undefined : failureOf(errored);
  }

  read(maxBytes: number): ReturnType<InputSource["read"]> {
    const peeked = this.#peeked;
    if (peeked === undefined) return this.#take(maxBytes) ?? this.#nothingToRead();
    this.#peeked = peeked.byteLength > maxBytes ? peeked.subarray(maxBytes) : undefined;
    const more = this.#take(maxBytes - peeked.byteLength);
    return more === undefined ? peeked.subarray(0, maxBytes) : Buffer.concat([peeked, more]);
  }

  peek(maxBytes: number): ReturnType<InputSource["read"]> {
    const wanted = Math.min(maxBytes, socketLimits.receiveBufferBytes);
    const have = this.#peeked;
    const more =
      have === undefined || have.byteLength < wanted
        ? this.#take(wanted - (have?.byteLength ?? 0))
        : undefined;
    if (more !== undefined) this.#peeked = have === undefined ? more : Buffer.concat([have, more]);
    return this.#peeked?.subarray(0, wanted) ?? this.#nothingToRead();
  }

  onReadable(wake: () => void): () => void {
    const ready = this.buffered > 0 || this.#nothingToRead() !== "wait";
    return this.#readers.watch(ready, wake);
  }

  write(bytes: Uint8Array): number | StreamFailure {
    const failure = this.#failure;
    if (failure !== undefined) return { errno: failure.errno };
    if (this.#sendShut || this.#closed || this.#socket.destroyed) return brokenPipe;
    if (!this.#hasRoom || bytes.byteLength === 0) return 0;
    const accepted = Buffer.from(bytes.subarray(0, socketLimits.sendBufferBytes));
    this.#socket.write(accepted);
    return accepted.byteLength;
  }

  onWritable(wake: () => void): () => void {
    const fails = this.#sendShut || this.#closed || this.#socket.destroyed;
    return this.#writers.watch(fails || this.#hasRoom, wake);
  }

  shutdown(how: "receive" | "send" | "both"): void {
    if (how !== "send") this.#shutReceive();
    if (how !== "receive" && !this.#sendShut) {
      this.#sendShut = true;
      this.#socket.end();
      this.#writers.wakeAll();
    }
  }

  async flushed(): Promise<void> {
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      this.#flushers.watch(socket.destroyed || socket.writableFinished, resolve);
    });
  }

  spare(giveUp: () => void): () => void {
    return this.#seat.spare(giveUp);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#shutReceive();
    this.#writers.wakeAll();
    const socket = this.#socket;
    if (socket.destroyed || socket.writableFinished || socket.writableLength === 0) {
      this.#destroy();
      return;
    }
    this.shutdown("send");
    this.#linger = this.#clock.setTimer(socketLimits.lingerMs, () => this.#abort());
  }

  get #hasRoom(): boolean {
    return this.#socket.writableLength < socketLimits.sendBufferBytes;
  }

  /** What the socket has buffered, up to `maxBytes`. */
  #take(maxBytes: number): Uint8Array | undefined {
    if (this.#receiveShut) return undefined;
    const length = Math.min(maxBytes, this.#socket.readableLength);
    if (length <= 0) return undefined;
    // Node has no type for what a stream of bytes reads.
    return (this.#socket.read(length) as Uint8Array | null) ?? undefined;
  }

  #nothingToRead(): "end" | "wait" | StreamFailure {
    if (this.#receiveShut) return "end";
    const failure = this.#failure;
    if (failure !== undefined) return { errno: failure.errno };
    if (this.#ended || this.#socket.destroyed) return "end";
    if (!this.#reading) {
      this.#reading = true;
      this.#socket.on("readable", () => this.#onReadable());
    } else {
      // An end that came while there was more to read is told only to who reads on.
      this.#socket.read(0);
    }
    return "wait";
  }

  #onReadable(): void {
    this.#seat.event();
    // At the end of the stream there is nothing to read, and only a read tells so.
    if (this.#socket.readableLength === 0) this.#socket.read();
    else this.#readers.wakeAll();
  }

  #shutReceive(): void {
    if (this.#receiveShut) return;
    this.#receiveShut = true;
    this.#peeked = undefined;
    this.#readers.wakeAll();
  }

  #onFinish(): void {
    this.#flushers.wakeAll();
    if (this.#closed) this.#destroy();
  }

  /** A reset tells the peer that it has not got everything. */
  #abort(): void {
    this.#closed = true;
    this.#receiveShut = true;
    const { writableLength, writableFinished } = this.#socket;
    if (writableLength > 0 && !writableFinished) this.#socket.resetAndDestroy();
    this.#destroy();
  }

  #destroy(): void {
    this.#socket.destroy();
    this.#onGone();
  }

  #onGone(): void {
    this.#linger?.cancel();
    this.#seat.release();
    this.#readers.wakeAll();
    this.#writers.wakeAll();
    this.#flushers.wakeAll();
  }
}
