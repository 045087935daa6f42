/** What is written instead of the bytes [from, to) of the original. */
export const edit = {
  /** A charge of `value` units. */
  charge: 0,
  /** A call of function `value`. */
  call: 1,
  /** The number `value`. */
  index: 2,
} as const;

/** The edits of one function body, in the order of their positions; reused from body to body. */
export class Edits {
  /** Quadruples (kind, from, to, value). */
  items = new Int32Array(4 * 64);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** Answers where the edit stands, for `raise`. */
  add(kind: number, from: number, to: number, value: number): number {
    const at = this.length;
    if (at + 4 > this.items.length) this.items = grown(this.items);
    this.items[at] = kind;
    this.items[at + 1] = from;
    this.items[at + 2] = to;
    this.items[at + 3] = value;
    this.length += 4;
    return at;
  }

  /** Raises the value of an edit to at least `value`. */
  raise(at: number, value: number): void {
    if ((this.items[at + 3] ?? 0) < value) this.items[at + 3] = value;
  }
}

export function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
