/**
 * Messages on a stream of HTTP/2, as gRPC has them: a byte for compression, four for the length, the message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { WireError } from "./wire.ts";

/** Of those, what is said here. */
export const grpcStatus = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export const prefixBytes = 5;

export function framed(message: readonly Uint8Array[]): readonly Uint8Array[] {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(
    message.reduce((sum, part) => sum + part.byteLength, 0),
    1,
  );
  return [prefix, ...message];
}

/** Takes bytes as they come and gives whole messages; what it holds is bounded by `messageBytesMax`. */
export class GrpcReader {
  readonly #messageBytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** What has to be there before there is something to say. */
  #wanted = prefixBytes;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Whether it ends in the middle of a message. */
  get isWithin(): boolean {
    return this.#bytes > 0;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
  }

  /** The next whole message; undefined: more bytes are needed. Throws a `WireError`. */
  next(): Buffer | undefined {
    while (this.#bytes >= this.#wanted) {
      // Joined once for the prefix and once for the message, however many pieces it comes in.
      const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#bytes);
      if (all === undefined) return undefined;
      const end = prefixBytes + this.#checked(all);
      if (all.byteLength >= end) {
        const rest = all.subarray(end);
        this.#chunks = rest.byteLength > 0 ? [rest] : [];
        this.#bytes = rest.byteLength;
        this.#wanted = prefixBytes;
        return all.subarray(prefixBytes, end);
      }
      this.#chunks = [all];
      this.#wanted = end;
    }
    return undefined;
  }

  #checked(all: Buffer): number {
    if (all[0] !== 0) throw new WireError("a message is compressed, which is not understood");
    const length = all.readUInt32BE(1);
    if (length > this.#messageBytesMax)
      throw new WireError(`a message has ${length} bytes, and may have ${this.#messageBytesMax}`);
    return length;
  }
}
