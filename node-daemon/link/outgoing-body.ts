import { Bug } from "../../kit/errors.ts";
import type { ExchangeEnd } from "./exchange.ts";
import { frameType, lastFlag } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { HeadEncoder } from "./head-codec.ts";
import { frameLimits } from "./limits.ts";
import type { SendWindow } from "./windows.ts";

/**
 * What one end sends of one exchange after its head. Bytes are copied at once, into the frame that is gathered or, beyond the
 * window and while the system takes no more, into a queue, which whoever writes bounds by waiting for `drain`.
 */
export class OutgoingBody {
  readonly #writer: FrameWriter;
  readonly #encoder: HeadEncoder;
  readonly #stream: number;
  readonly #window: SendWindow;
  #queue: Uint8Array[] = [];
  /** Of the queue: the pieces that are sent, and how much of the next one. */
  #sentPieces = 0;
  #sentBytes = 0;
  #end: ExchangeEnd | undefined;
  #sentEnd = false;

  constructor(writer: FrameWriter, encoder: HeadEncoder, stream: number, window: SendWindow) {
    this.#writer = writer;
    this.#encoder = encoder;
    this.#stream = stream;
    this.#window = window;
  }

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Nothing more may be written. */
  get ended(): boolean {
    return this.#sentEnd || this.#end !== undefined;
  }

  /** All of it is on its way. */
  get sent(): boolean {
    return this.#sentEnd;
  }

  /** False: wait until nothing is waiting any more. */
  write(bytes: Uint8Array): boolean {
    const sent = this.waiting ? 0 : this.#send(bytes, 0);
    if (sent === bytes.length) return true;
    // Its owner may use the memory for something else: a guest goes on with it.
    this.#queue.push(Buffer.from(sent === 0 ? bytes : bytes.subarray(sent)));
    return false;
  }

  /** False, and nothing was said, when the trailers are more than a link carries. */
  finish(end: ExchangeEnd): boolean {
    if (end.trailers.length % 2 !== 0) throw new Bug("a trailer without a value");
    if (end.trailers.length > 0) {
      const bytes = this.#encoder.measureEnd(end);
      if (bytes > frameLimits.headBytesMax || this.#encoder.tooManyStrings) return false;
    }
    this.#end = end;
    if (!this.waiting) this.#sendEnd(end);
    return true;
  }

  grant(bytes: number): void {
    this.#window.grant(bytes);
  }

  /** Sends what has had to wait, as far as it may go. */
  pump(): void {
    for (;;) {
      const piece = this.#queue[this.#sentPieces];
      if (!piece) break;
      this.#sentBytes = this.#send(piece, this.#sentBytes);
      if (this.#sentBytes < piece.length) return;
      this.#sentBytes = 0;
      this.#sentPieces++;
    }
    this.#queue = [];
    this.#sentPieces = 0;
    if (this.#end && !this.#sentEnd) this.#sendEnd(this.#end);
  }

  /** Returns how far it came. */
  #send(bytes: Uint8Array, from: number): number {
    const writer = this.#writer;
    let at = from;
    while (at < bytes.length && !writer.blocked) {
      const room = writer.roomFor(this.#stream);
      const extending = room > 0 && writer.lastHasBody;
      const allowed = this.#window.allowed(bytes.length - at, extending);
      const count = room > 0 ? Math.min(room, allowed) : allowed;
      if (count === 0) break;
      if (room > 0) {
        writer.extend(bytes, at, at + count);
      } else {
        const to = writer.begin(frameType.data, 0, this.#stream, count);
        writer.slab.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), to);
        writer.keepOpen(this.#stream, to, count);
      }
      this.#window.spend(count, extending);
      at += count;
    }
    return at;
  }

  #sendEnd(end: ExchangeEnd): void {
    this.#sentEnd = true;
    const writer = this.#writer;
    if (end.trailers.length === 0 && !end.usage) {
      if (!writer.finish(this.#stream)) writer.begin(frameType.data, lastFlag, this.#stream, 0);
      return;
    }
    const bytes = this.#encoder.measureEnd(end);
    const at = writer.begin(frameType.end, 0, this.#stream, bytes);
    this.#encoder.writeEnd(writer.slab, at);
  }
}
