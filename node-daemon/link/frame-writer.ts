/**
 * Gathers the frames of one turn of the event loop in slabs of memory, and writes them in one go, or in a few where there are many.
 *
 * What is said of an exchange one after another (head, a piece of its body, the end) becomes one frame as long as nothing else
 * was said in between: `extend` and `finish` change the frame that was begun last. Slabs are not used twice: what was given to
 * the stream may still be on its way.
 */
import type { Duplex } from "node:stream";
import { frameType, headerBytes, lastFlag, lengthMask } from "./frame.ts";
import { batchBytesMax, batchFramesMax, frameLimits, slabBytes } from "./limits.ts";

const emptySlab = Buffer.alloc(0);

export class FrameWriter {
  readonly #stream: Duplex;
  /** Where payloads are written to, from the offset that {@link begin} returns. */
  slab = emptySlab;
  /** Of the slab: what was handed on, and what is taken. */
  #from = 0;
  #used = 0;
  /** Full, and not written. */
  #sealed: Buffer[] = [];
  #sealedBytes = 0;
  #scheduled = false;
  /** Of the frame that may be extended, if its stream is not 0. */
  #lastStream = 0;
  #lastAt = 0;
  /** How much body it has. */
  #lastBody = 0;
  /** Begun, and not written. */
  #frames = 0;
  /** How many times something was written: what is said now goes out with the next one. */
  writes = 0;
  /** The system takes no more for now: bodies wait until `drained`. */
  blocked = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Bytes that the other end has not taken, and that are not gathered any more. */
  get waitingBytes(): number {
    return this.#stream.writableLength;
  }

  drained(): void {
    this.blocked = false;
  }

  /** Begins a frame whose payload the caller writes into `slab` at the offset returned, before anything else is said. */
  begin(type: number, flags: number, stream: number, payloadBytes: number): number {
    if (this.#frames >= batchFramesMax) this.flush();
    this.#frames++;
    const at = this.#reserve(headerBytes + payloadBytes);
    const { slab } = this;
    putWord(slab, at, payloadBytes | (type << 24) | (flags << 28));
    putWord(slab, at + 4, stream);
    this.#lastStream = 0;
    return at + headerBytes;
  }

  /** The frame just begun may be extended; `bodyBytes` of it are body. */
  keepOpen(stream: number, payloadAt: number, bodyBytes: number): void {
    this.#lastStream = stream;
    this.#lastAt = payloadAt - headerBytes;
    this.#lastBody = bodyBytes;
  }

  /** How many bytes the last frame takes as more body of this stream: 0 if it is none of its frames, or full. */
  roomFor(stream: number): number {
    if (this.#lastStream !== stream) return 0;
    return Math.min(frameLimits.dataBytesMax - this.#lastBody, this.slab.length - this.#used);
  }

  /** Whether what is added to the last frame is the first of its body. */
  get lastHasBody(): boolean {
    return this.#lastBody > 0;
  }

  /** Not more than {@link roomFor} says. */
  extend(bytes: Uint8Array, from: number, to: number): void {
    const { slab } = this;
    slab.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#used);
    const added = to - from;
    this.#used += added;
    this.#lastBody += added;
    const at = this.#lastAt;
    const length = (slab[at] ?? 0) | ((slab[at + 1] ?? 0) << 8) | ((slab[at + 2] ?? 0) << 16);
    putWord(slab, at, ((slab[at + 3] ?? 0) << 24) | ((length + added) & lengthMask));
    this.#schedule();
  }

  /** Marks the last frame as the last one of its stream; false if there is none to mark. */
  finish(stream: number): boolean {
    if (this.#lastStream !== stream) return false;
    this.slab[this.#lastAt + 3] = (this.slab[this.#lastAt + 3] ?? 0) | (lastFlag << 4);
    this.#lastStream = 0;
    return true;
  }

  /** A frame without payload. */
  signal(type: number, stream: number): void {
    this.begin(type, 0, stream, 0);
  }

  credit(stream: number, bytes: number): void {
    const at = this.begin(frameType.credit, 0, stream, 4);
    putWord(this.slab, at, bytes);
  }

  /** Gives the system what was said in this turn. */
  flush(): void {
    this.#lastStream = 0;
    this.#frames = 0;
    if (this.#used === this.#from && this.#sealed.length === 0) return;
    const last = this.slab.subarray(this.#from, this.#used);
    this.#from = this.#used;
    const sealed = this.#sealed;
    const stream = this.#stream;
    if (!stream.writable) {
      this.#sealed = [];
      this.#sealedBytes = 0;
      return;
    }
    this.writes++;
    if (sealed.length === 0) {
      if (!stream.write(last)) this.blocked = true;
      return;
    }
    this.#sealed = [];
    this.#sealedBytes = 0;
    stream.cork();
    for (const bytes of sealed) stream.write(bytes);
    if (last.length > 0) stream.write(last);
    stream.uncork();
    if (stream.writableNeedDrain) this.blocked = true;
  }

  #reserve(bytes: number): number {
    if (this.slab.length - this.#used < bytes) {
      if (this.#used > this.#from) {
        this.#sealed.push(this.slab.subarray(this.#from, this.#used));
        this.#sealedBytes += this.#used - this.#from;
        this.#from = this.#used;
        if (this.#sealedBytes >= batchBytesMax) this.flush();
      }
      this.slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
      this.#from = 0;
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes;
    this.#schedule();
    return at;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushScheduled);
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

export function putWord(bytes: Buffer, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
