/** What is written instead of the bytes [from, to) of the original. */
export const edit = {
  /** A charge of `value` units. */
  charge: 0,
  /** A call of function `value`. */
  call: 1,
  /** The number `value`. */
  index: 2,
  /** What loop `value` needs before it. */
  enterLoop: 3,
  /** What the nest of the loop around needs where it is left for the block `value`. */
  leaveLoop: 4,
  /** Behind the end of the loop around, whose block is `value`. */
  endLoop: 5,
  /** The label `value`, which names a block outside the loop around. */
  label: 6,
  /** Tells what is left of the stack, before a call of a function that counts it. */
  tellStack: 7,
  /** The same before a tail call, whose frame replaces this one. */
  returnStack: 8,
  /** Makes a NaN on top of the stack canonical; `value` is a `nanKind`. */
  canonicalNan: 9,
  /** Takes a part of the stack, if not at the entry (see `StackPlace`). */
  takeStack: 10,
  /** A `br_if` that leaves the loop around, by the label `value` to the block `frame`, with no values. */
  leaveLoopIf: 11,
} as const;

/** Numbers that make up one edit. */
export const editSize = 6;

/** The edits of one function body, in the order of their positions; reused from body to body. */
export class Edits {
  /** Six each: kind, from, to, value, innermost loop around, frame. */
  items = new Int32Array(editSize * 64);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** Answers where the edit stands, for `raise`. */
  add(kind: number, from: number, to: number, value: number, loop = -1, frame = 0): number {
    const at = this.length;
    if (at + editSize > this.items.length) this.items = grown(this.items);
    this.items[at] = kind;
    this.items[at + 1] = from;
    this.items[at + 2] = to;
    this.items[at + 3] = value;
    this.items[at + 4] = loop;
    this.items[at + 5] = frame;
    this.length += editSize;
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
