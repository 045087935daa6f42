import { frameType, headerBytes, lengthMask, LinkViolation, payloadBytesMax } from "./frame.ts";

/** The payload is `bytes` from `start` to `end`; the rest of `bytes` is somebody else's. */
export type TakeFrame = (
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

/** Takes the stream apart. Frames that are whole in a chunk are not copied; of one that is not, only that frame is. */
export class FrameReader {
  readonly #take: TakeFrame;
  readonly #header = Buffer.alloc(headerBytes);
  /** The frame that has begun, header included, once its length is known. */
  #frame: Buffer | undefined;
  /** Of header or frame. */
  #filled = 0;

  constructor(take: TakeFrame) {
    this.#take = take;
  }

  /** Throws a {@link LinkViolation} for what is no frame; what `take` throws passes through. Then the reader is of no more use. */
  push(chunk: Buffer): void {
    let at = this.#filled > 0 ? this.#continue(chunk) : 0;
    while (chunk.length - at >= headerBytes) {
      const word = wordAt(chunk, at);
      const end = at + headerBytes + lengthOf(word);
      if (end > chunk.length) break;
      this.#take((word >>> 24) & 15, word >>> 28, wordAt(chunk, at + 4), chunk, at + headerBytes, end);
      at = end;
    }
    if (at < chunk.length) this.#begin(chunk, at);
  }

  /** Returns how much of the chunk was used. */
  #continue(chunk: Buffer): number {
    let at = 0;
    if (!this.#frame) {
      at = chunk.copy(this.#header, this.#filled);
      this.#filled += at;
      if (this.#filled < headerBytes) return at;
      this.#allocate(this.#header, 0);
    }
    const frame = this.#frame;
    if (!frame) return at;
    const copied = chunk.copy(frame, this.#filled, at);
    this.#filled += copied;
    if (this.#filled < frame.length) return at + copied;
    this.#frame = undefined;
    this.#filled = 0;
    const word = wordAt(frame, 0);
    this.#take((word >>> 24) & 15, word >>> 28, wordAt(frame, 4), frame, headerBytes, frame.length);
    return at + copied;
  }

  #begin(chunk: Buffer, at: number): void {
    if (chunk.length - at < headerBytes) {
      this.#filled = chunk.copy(this.#header, 0, at);
      return;
    }
    this.#allocate(chunk, at);
    if (this.#frame) this.#filled = chunk.copy(this.#frame, 0, at);
  }

  #allocate(header: Buffer, at: number): void {
    const frame = Buffer.allocUnsafeSlow(headerBytes + lengthOf(wordAt(header, at)));
    header.copy(frame, 0, at, at + headerBytes);
    this.#frame = frame;
    this.#filled = headerBytes;
  }
}

function lengthOf(word: number): number {
  const type = (word >>> 24) & 15;
  const length = word & lengthMask;
  if (type < frameType.hello || type > frameType.pong) throw new LinkViolation(`a frame of type ${type}`);
  if (length > (payloadBytesMax[type] ?? 0)) {
    throw new LinkViolation(`a frame of type ${type} with ${length} bytes`);
  }
  return length;
}

/** Unsigned, as readUInt32LE, without its checks. */
function wordAt(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}
