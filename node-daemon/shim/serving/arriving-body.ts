import type { CalleeExchange, HeaderList } from "../../link/exchange.ts";
import type { RequestBody } from "./handler.ts";

const noTrailers: HeaderList = [];

/** Pieces below this size are put together, so that a caller that sends letter by letter costs no object for each. */
const smallBytes = 1_024;
const gatheredBytes = 8 * 1_024;
/** Pieces that were read and are let go of together. */
const readKept = 8;

interface Piece {
  readonly buffer: Uint8Array;
  /** Of the buffer; the rest of it is free. */
  length: number;
}

/** What has arrived of a request's body and was not read yet: no more than the link's window. */
export class ArrivingBody implements RequestBody {
  readonly #exchange: Pick<CalleeExchange, "consumed">;
  #pieces: Piece[] = [];
  /** Those before it are read. */
  #next = 0;
  /** Of the next piece. */
  #taken = 0;
  #ended = false;
  #closed = false;
  #waiting: Set<() => void> | undefined;
  trailers: HeaderList = noTrailers;
  receivedBytes = 0;

  constructor(exchange: Pick<CalleeExchange, "consumed">) {
    this.#exchange = exchange;
  }

  add(bytes: Uint8Array): void {
    this.receivedBytes += bytes.byteLength;
    if (this.#closed) this.#exchange.consumed(bytes.byteLength);
    else if (bytes.byteLength > 0) {
      this.#keep(bytes);
      this.#wake();
    }
  }

  end(trailers: HeaderList): void {
    this.trailers = trailers;
    this.#ended = true;
    this.#wake();
  }

  /** Nobody reads it any more: what comes is dropped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    let left = -this.#taken;
    for (const { length } of this.#pieces.slice(this.#next)) left += length;
    this.#pieces = [];
    this.#next = 0;
    if (left > 0) this.#exchange.consumed(left);
    this.#wake();
  }

  read(maxBytes: number): Uint8Array | "end" | "wait" {
    const piece = this.#pieces[this.#next];
    if (piece === undefined) return this.#ended || this.#closed ? "end" : "wait";
    const from = this.#taken;
    const to = Math.min(piece.length, from + maxBytes);
    this.#taken = to;
    if (to === piece.length) this.#pieceRead();
    this.#exchange.consumed(to - from);
    return piece.buffer.subarray(from, to);
  }

  #pieceRead(): void {
    this.#taken = 0;
    const left = this.#pieces.length - ++this.#next;
    if (left > 0 && (this.#next < readKept || this.#next < left)) return;
    // Also while more is always there: a body that is read as fast as it comes is not kept whole.
    this.#pieces.splice(0, this.#next);
    this.#next = 0;
  }

  #keep(bytes: Uint8Array): void {
    const { byteLength } = bytes;
    const last = this.#pieces.at(-1);
    if (byteLength >= smallBytes || last === undefined) {
      this.#pieces.push({ buffer: bytes, length: byteLength });
    } else if (last.buffer.byteLength - last.length >= byteLength) {
      last.buffer.set(bytes, last.length);
      last.length += byteLength;
    } else {
      const buffer = Buffer.allocUnsafeSlow(gatheredBytes);
      buffer.set(bytes);
      this.#pieces.push({ buffer, length: byteLength });
    }
  }

  onReadable(wake: () => void): () => void {
    if (this.#next < this.#pieces.length || this.#ended || this.#closed) {
      wake();
      return () => {};
    }
    const waiting = (this.#waiting ??= new Set());
    waiting.add(wake);
    return () => void waiting.delete(wake);
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }
}
