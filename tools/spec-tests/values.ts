/** The constants that a script gives to functions, and what it says of those that come back. */
import { type Expression, headOf, type List } from "./s-expressions.ts";

export const numberTypes = ["i32", "i64", "f32", "f64", "v128"] as const;
export type NumberType = (typeof numberTypes)[number];

/** Of a lane of a float that may be any such NaN. */
type NanClass = "canonical" | "arithmetic";

export type Value =
  /** Its bytes are in the slot of the pool, but for lanes of which only the class of NaN is known. */
  | { readonly kind: "number"; readonly type: NumberType; readonly slot: number; readonly nans: Nans }
  | { readonly kind: "null" }
  /** A value of the host's, the same for the same name; any where there is none. */
  | { readonly kind: "host"; readonly name: string | undefined }
  | { readonly kind: "reference"; readonly of: string }
  | { readonly kind: "either"; readonly values: readonly Value[] };

export interface Nans {
  readonly laneBytes: number;
  readonly classes: readonly (NanClass | undefined)[];
}

/** What a call came back with. */
export type Returned =
  | { readonly kind: "number"; readonly type: NumberType; readonly bytes: Uint8Array }
  | { readonly kind: "reference"; readonly value: unknown };

export const slotBytes = 16;

/** Collects the numbers of a script: they are parsed by the parser that parses its modules, all at once. */
export class ConstantPool {
  readonly #stores: string[] = [];
  #bytes = new Uint8Array();

  add(type: NumberType, literal: string): number {
    const slot = this.#stores.length;
    this.#stores.push(`(${type}.store (i32.const ${slot * slotBytes}) (${type}.const ${literal}))`);
    return slot;
  }

  /** A module that stores every number at its slot when `fill` is called. */
  get text(): string {
    const pages = Math.ceil((this.#stores.length * slotBytes) / 65_536);
    return `(module (memory (export "memory") ${pages}) (func (export "fill") ${this.#stores.join(" ")}))`;
  }

  set memory(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  bytesOf(slot: number): Uint8Array {
    return this.#bytes.subarray(slot * slotBytes, (slot + 1) * slotBytes);
  }
}

const numberHead = /^(i32|i64|f32|f64|v128)\.const$/;

/** Undefined for a form that is not known. */
export function readValue(expression: Expression, pool: ConstantPool): Value | undefined {
  const head = headOf(expression);
  if (expression.kind !== "list" || head === undefined) return undefined;
  const type = numberTypes.find((one) => one === numberHead.exec(head)?.[1]);
  if (type !== undefined) return readNumber(expression, type, pool);
  const first = expression.items[1];
  const word = first?.kind === "atom" ? first.text : undefined;
  switch (head) {
    case "either": {
      const values = expression.items.slice(1).map((item) => readValue(item, pool));
      const known = values.filter((value) => value !== undefined);
      return known.length === values.length ? { kind: "either", values: known } : undefined;
    }
    case "ref.null":
      return { kind: "null" };
    case "ref.extern":
    case "ref.host":
      return { kind: "host", name: word };
    default:
      return head.startsWith("ref.") ? { kind: "reference", of: head.slice("ref.".length) } : undefined;
  }
}

const laneSizes: Readonly<Record<string, number>> = { f32: 4, f32x4: 4, f64: 8, f64x2: 8 };

function readNumber(expression: List, type: NumberType, pool: ConstantPool): Value {
  const words = expression.items.slice(1).map((item) => (item.kind === "atom" ? item.text : ""));
  const shape = type === "v128" ? (words.shift() ?? "") : type;
  const classes = words.map((word) => nanClassOf(word));
  const literals = words.map((word, lane) => (classes[lane] === undefined ? word : "0"));
  const literal = [...(type === "v128" ? [shape] : []), ...literals].join(" ");
  const laneBytes = laneSizes[shape] ?? slotBytes;
  return { kind: "number", type, slot: pool.add(type, literal), nans: { laneBytes, classes } };
}

function nanClassOf(word: string): NanClass | undefined {
  if (word === "nan:canonical") return "canonical";
  return word === "nan:arithmetic" ? "arithmetic" : undefined;
}

const hosts = new Map<string, object>();

/** What a script names as a value of the host's, which functions may only hand around. */
export function hostValue(name: string): object {
  const known = hosts.get(name);
  if (known !== undefined) return known;
  const made = Object.freeze({ host: name });
  hosts.set(name, made);
  return made;
}

export function matches(returned: Returned, expected: Value, pool: ConstantPool): boolean {
  if (expected.kind === "either") return expected.values.some((value) => matches(returned, value, pool));
  if (returned.kind === "number") {
    return (
      expected.kind === "number" &&
      expected.type === returned.type &&
      matchesBytes(returned.bytes, pool.bytesOf(expected.slot), expected.nans)
    );
  }
  const { value } = returned;
  switch (expected.kind) {
    case "null":
      return value === null;
    case "host":
      return expected.name === undefined ? value !== null : value === hostValue(expected.name);
    case "reference":
      if (expected.of === "func") return typeof value === "function";
      return expected.of === "i31" ? typeof value === "number" : value !== null;
    default:
      return false;
  }
}

function matchesBytes(found: Uint8Array, expected: Uint8Array, { laneBytes, classes }: Nans): boolean {
  for (let from = 0, lane = 0; from < slotBytes; from += laneBytes, lane++) {
    const nan = classes[lane];
    const one = found.subarray(from, from + laneBytes);
    const fine =
      nan === undefined ? equal(one, expected.subarray(from, from + laneBytes)) : isNan(one, laneBytes, nan);
    if (!fine) return false;
  }
  return true;
}

function isNan(bytes: Uint8Array, laneBytes: number, nan: NanClass): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = laneBytes === 4 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
  const fractionBits = laneBytes === 4 ? 23n : 52n;
  const exponent = laneBytes === 4 ? 0xffn : 0x7ffn;
  const quiet = 1n << (fractionBits - 1n);
  const fraction = bits & ((1n << fractionBits) - 1n);
  if (((bits >> fractionBits) & exponent) !== exponent) return false;
  return nan === "canonical" ? fraction === quiet : (fraction & quiet) !== 0n;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
