import { Rejection } from "./binary-reader.ts";

const utf8 = new TextEncoder();

/** Bytes appended to one growing array. Going past `bytesMax` rejects the module: its output would be too large. */
export class BinaryWriter {
  #bytes: Uint8Array;
  #bytesMax: number;
  length = 0;

  constructor(capacity = 64, bytesMax = 2 ** 30) {
    this.#bytes = new Uint8Array(Math.min(capacity, bytesMax));
    this.#bytesMax = bytesMax;
  }

  /** What was written so far: a view that the next write may leave behind. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Makes room for `extra` more bytes. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#bytesMax) {
      throw new Rejection(
        "ModuleTooLarge",
        `the rewritten module would be larger than ${this.#bytesMax} bytes`,
      );
    }
    const grown = new Uint8Array(
      Math.min(this.#bytesMax, Math.max(needed, Math.floor(this.#bytes.length * 1.5))),
    );
    grown.set(this.view());
    this.#bytes = grown;
  }

  u8(value: number): this {
    this.reserve(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  /** Opcodes and other bytes as they are. */
  raw(...values: readonly number[]): this {
    this.reserve(values.length);
    for (const value of values) this.#bytes[this.length++] = value;
    return this;
  }

  u32(value: number): this {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.length++] = rest;
    return this;
  }

  s32(value: number): this {
    this.reserve(5);
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.#bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.#bytes[this.length++] = rest & 0x7f;
    return this;
  }

  /** Leaves five bytes for a number known later, and answers where they are. */
  placeholder(): number {
    this.reserve(5);
    const at = this.length;
    this.length += 5;
    return at;
  }

  /** Fills a placeholder with `value` as a LEB128 padded to five bytes, which every engine must accept. */
  fill(at: number, value: number): void {
    for (let i = 0; i < 5; i++) {
      this.#bytes[at + i] = ((value >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0);
    }
  }

  range(source: Uint8Array, from: number, to: number): this {
    const size = to - from;
    this.reserve(size);
    if (size < 24) {
      // Most runs between two edits are short, and a call of `set` costs more than such a loop.
      for (let i = from; i < to; i++) this.#bytes[this.length++] = source[i] ?? 0;
      return this;
    }
    this.#bytes.set(source.subarray(from, to), this.length);
    this.length += size;
    return this;
  }

  append(source: Uint8Array): this {
    return this.range(source, 0, source.length);
  }

  name(text: string): this {
    const encoded = utf8.encode(text);
    return this.u32(encoded.length).append(encoded);
  }
}
