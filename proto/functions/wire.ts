/**
 * The few wire types of protobuf that the messages of functions.proto have (https://protobuf.dev/programming-guides/encoding). The
 * gateway's program has no packages, and clients need none.
 */

export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #bytes: number[] = [];

  varint(field: number, value: number): this {
    this.#key(field, 0);
    this.#number(value);
    return this;
  }

  sint(field: number, value: number): this {
    return this.varint(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(field: number, value: Uint8Array): this {
    this.#key(field, 2);
    this.#number(value.byteLength);
    this.#flush();
    this.#parts.push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  finish(): readonly Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  #key(field: number, type: number): void {
    this.#number(field * 8 + type);
  }

  #number(value: number): void {
    let left = value;
    while (left >= 128) {
      this.#bytes.push((left % 128) + 128);
      left = Math.floor(left / 128);
    }
    this.#bytes.push(left);
  }

  #flush(): void {
    if (this.#bytes.length === 0) return;
    this.#parts.push(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }
}

/** Thrown for bytes that are no message. */
export class WireError extends Error {}

export interface WireField {
  readonly field: number;
  /** Of a varint or a fixed number; 0 for bytes. Numbers beyond 2^53 are rounded. */
  readonly number: number;
  /** A view of the message; empty for numbers. */
  readonly bytes: Buffer;
}

const none = Buffer.alloc(0);

/** Throws a {@link WireError}. */
export function* readFields(message: Buffer): Generator<WireField, void, undefined> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length++) {
      const byte = message[at++];
      if (byte === undefined) throw new WireError("it ends within a number");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new WireError("a number has more than ten bytes");
  };
  const skip = (bytes: number): number => {
    const begin = at;
    at += bytes;
    if (at > message.byteLength) throw new WireError("it ends within a field");
    return begin;
  };
  while (at < message.byteLength) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (field === 0) throw new WireError("a field has the number 0");
    switch (key % 8) {
      case 0:
        yield { field, number: varint(), bytes: none };
        break;
      case 1:
        skip(8);
        break;
      case 2: {
        const length = varint();
        const begin = skip(length);
        yield { field, number: 0, bytes: message.subarray(begin, begin + length) };
        break;
      }
      case 5:
        skip(4);
        break;
      default:
        throw new WireError(`field ${field} has an unknown type`);
    }
  }
}

export function signedOf(zigzag: number): number {
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
}
