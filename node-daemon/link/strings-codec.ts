/**
 * Lists of strings: how many (16 bits), their lengths in characters (a byte each, or 255 and 32 bits), then all characters in
 * one: a byte each, or two when there are some that no byte can hold.
 */
import { LinkViolation } from "./frame.ts";
import { putWord } from "./frame-writer.ts";
import { frameLimits } from "./limits.ts";

const longLength = 255;
const needsTwoBytes = /[^\0-\xff]/;

/** To be used again and again: an array of lengths and one string are all that it takes. */
export class StringsEncoder {
  readonly #lengths: number[] = [];
  #count = 0;
  #lengthBytes = 0;
  #text = "";
  #wide = false;

  get wide(): boolean {
    return this.#wide;
  }

  clear(): void {
    this.#count = 0;
    this.#lengthBytes = 0;
    this.#text = "";
  }

  add(text: string): void {
    const { length } = text;
    this.#lengths[this.#count++] = length;
    this.#lengthBytes += length < longLength ? 1 : 5;
    this.#text += text;
  }

  addAll(list: readonly string[]): void {
    for (const text of list) this.add(text);
  }

  /** After the last one: the bytes that {@link write} takes. */
  seal(): number {
    this.#wide = needsTwoBytes.test(this.#text);
    return 2 + this.#lengthBytes + this.#text.length * (this.#wide ? 2 : 1);
  }

  get tooMany(): boolean {
    return this.#count > frameLimits.stringsMax;
  }

  write(bytes: Buffer, from: number): void {
    const count = this.#count;
    bytes[from] = count;
    bytes[from + 1] = count >>> 8;
    let at = from + 2;
    for (let index = 0; index < count; index++) {
      const length = this.#lengths[index] ?? 0;
      if (length < longLength) {
        bytes[at++] = length;
      } else {
        bytes[at] = longLength;
        putWord(bytes, at + 1, length);
        at += 5;
      }
    }
    const text = this.#text;
    bytes.write(text, at, this.#wide ? "utf16le" : "latin1");
    this.#text = "";
  }
}

/** Whatever is between `from` and `end`. Throws a {@link LinkViolation} if that is no list. */
export function readStrings(bytes: Buffer, from: number, end: number, wide: boolean): string[] {
  if (end - from < 2) throw new LinkViolation("a list of strings without a count");
  const count = (bytes[from] ?? 0) | ((bytes[from + 1] ?? 0) << 8);
  if (count > frameLimits.stringsMax || count > end - from) throw new LinkViolation(`${count} strings`);
  let at = from + 2;
  const textAt = findText(bytes, at, end, count);
  const text = bytes.toString(wide ? "utf16le" : "latin1", textAt, end);
  const strings: string[] = [];
  let begin = 0;
  for (let index = 0; index < count; index++) {
    let length = bytes[at++] ?? 0;
    if (length === longLength) {
      length = bytes.readUInt32LE(at);
      at += 4;
    }
    strings.push(text.substring(begin, begin + length));
    begin += length;
  }
  if (begin !== text.length || (wide && (end - textAt) % 2 !== 0)) {
    throw new LinkViolation(`strings of ${begin} characters in a text of ${text.length}`);
  }
  return strings;
}

function findText(bytes: Buffer, from: number, end: number, count: number): number {
  let at = from;
  for (let index = 0; index < count; index++) at += bytes[at] === longLength ? 5 : 1;
  if (at > end) throw new LinkViolation("lengths of strings beyond the end of their frame");
  return at;
}
