export type RejectReason = "ModuleInvalid" | "ModuleUnsupported" | "ModuleTooLarge" | "DeterministicRefused";

/**
 * Leaves the decoder from any depth. `rewriteModule` is the only place that catches it, and turns it into a value:
 * a bad module is an expected outcome for everyone outside this folder.
 */
export class Rejection extends Error {
  readonly reason: RejectReason;

  constructor(reason: RejectReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A cursor over a binary. Every read is checked against `end`, so no input can lead it outside. */
export class BinaryReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  pos: number;

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  /** A reader of the next `length` bytes; this one moves past them. */
  slice(length: number, what: string): BinaryReader {
    if (length > this.remaining) {
      this.invalid(`${what} of ${length} bytes, but ${this.remaining} bytes are left`);
    }
    const inner = new BinaryReader(this.bytes, this.pos, this.pos + length);
    this.pos += length;
    return inner;
  }

  u8(): number {
    if (this.pos >= this.end) this.invalid("unexpected end");
    return this.bytes[this.pos++] ?? 0;
  }

  peek(): number {
    if (this.pos >= this.end) this.invalid("unexpected end");
    return this.bytes[this.pos] ?? 0;
  }

  u32(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.u8();
    if (last > 0x0f) this.invalid("LEB128 number does not fit 32 bits", this.pos - 1);
    return (value | (last << 28)) >>> 0;
  }

  /** A signed LEB128 of at most 33 bits: the form of block types and heap types. */
  s33(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return byte & 0x40 ? value - scale : value;
    }
    return this.invalid("LEB128 number does not fit 33 bits", this.pos - 1);
  }

  /** An unsigned LEB128 of up to 64 bits (limits of 64-bit memories); rounded above 2^53. */
  u64(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value;
    }
    return this.invalid("LEB128 number does not fit 64 bits", this.pos - 1);
  }

  /** Passes one LEB128 number, signed or not, of at most `bytesMax` bytes. */
  skipLeb(bytesMax: number): void {
    for (let i = 0; i < bytesMax; i++) {
      if (this.u8() < 0x80) return;
    }
    this.invalid(`LEB128 number longer than ${bytesMax} bytes`, this.pos - 1);
  }

  skip(length: number): void {
    if (length > this.remaining) this.invalid(`${length} bytes expected, ${this.remaining} are left`);
    this.pos += length;
  }

  /** The number of elements that follow, checked against the bytes that are left before anyone allocates for them. */
  count(what: string, bytesPerElementMin = 1): number {
    const at = this.pos;
    const count = this.u32();
    if (count * bytesPerElementMin > this.remaining) {
      this.invalid(`${count} ${what} announced, but ${this.remaining} bytes are left`, at);
    }
    return count;
  }

  name(): string {
    const length = this.count("bytes of a name");
    const at = this.pos;
    this.pos += length;
    try {
      return utf8.decode(this.bytes.subarray(at, this.pos));
    } catch {
      return this.invalid("name is not UTF-8", at);
    }
  }

  expectEnd(what: string): void {
    if (this.remaining > 0) this.invalid(`${this.remaining} bytes left over after ${what}`);
  }

  invalid(message: string, at = this.pos): never {
    throw new Rejection("ModuleInvalid", `offset 0x${at.toString(16)}: ${message}`);
  }

  /** What is well formed, but not for this runtime. */
  unsupported(feature: string, at = this.pos): never {
    throw new Rejection(
      "ModuleUnsupported",
      `offset 0x${at.toString(16)}: the module uses ${feature}, which this runtime does not support`,
    );
  }
}
