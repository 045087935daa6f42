import type { BinaryReader } from "./binary-reader.ts";

/** Proposals beyond the first version of the standard, in one bit each so that the decoder can note them cheaply. */
export const feature = {
  "bulk-memory": 1 << 0,
  exceptions: 1 << 1,
  "extended-const": 1 << 2,
  /** No proposal: one function of more than `largeFunctionBytes`. */
  "large-functions": 1 << 16,
  "legacy-exceptions": 1 << 3,
  memory64: 1 << 4,
  "multi-memory": 1 << 5,
  "multi-value": 1 << 6,
  "reference-types": 1 << 7,
  "relaxed-simd": 1 << 8,
  simd: 1 << 9,
  "tail-call": 1 << 10,
  "typed-function-references": 1 << 11,
} as const;

/**
 * The engine takes 1 s to optimize a function of this size, 3 s for one of twice its size, and had not done one of seven
 * times its size after 150 s: on the one thread that compiles for everybody in the process. The largest of known programs
 * have a third of it.
 */
export const largeFunctionBytes = 2 ** 20;

export function featureNames(bits: number): string[] {
  return Object.entries(feature)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

/** A value or block type in the text format, with what using it says about the module. */
export interface TypeText {
  readonly text: string;
  readonly features: number;
}

const plain = (text: string, features = 0): TypeText => ({ text, features });

const simpleTypes: ReadonlyMap<number, TypeText> = new Map([
  [0x7f, plain("i32")],
  [0x7e, plain("i64")],
  [0x7d, plain("f32")],
  [0x7c, plain("f64")],
  [0x7b, plain("v128", feature.simd)],
  [0x70, plain("funcref")],
  [0x6f, plain("externref", feature["reference-types"])],
  [0x69, plain("exnref", feature.exceptions)],
  [0x74, plain("nullexnref", feature.exceptions)],
  [0x73, plain("nullfuncref", feature["typed-function-references"])],
  [0x72, plain("nullexternref", feature["typed-function-references"])],
]);

const abstractHeapTypes: ReadonlyMap<number, TypeText> = new Map([
  [-0x10, plain("func")],
  [-0x11, plain("extern")],
  [-0x17, plain("exn", feature.exceptions)],
  [-0x0c, plain("noexn", feature.exceptions)],
  [-0x0d, plain("nofunc")],
  [-0x0e, plain("noextern")],
]);

const gcTypes: ReadonlySet<number> = new Set([0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71]);
const refNullable = 0x63;
const refNonNull = 0x64;

/** Whether values of this type keep an exception, and with it all of its values, on the engine's heap. */
export function holdsException(type: TypeText): boolean {
  return (type.features & feature.exceptions) !== 0;
}

export function readHeapType(reader: BinaryReader): TypeText {
  const at = reader.pos;
  const code = reader.s33();
  if (code >= 0) return plain(String(code), feature["typed-function-references"]);
  const known = abstractHeapTypes.get(code);
  if (known !== undefined && reader.pos === at + 1) return known;
  return rejectType(reader, code + 0x80, at);
}

export function readValueType(reader: BinaryReader): TypeText {
  const at = reader.pos;
  const code = reader.u8();
  const known = simpleTypes.get(code);
  if (known !== undefined) return known;
  if (code === refNullable || code === refNonNull) {
    const heap = readHeapType(reader);
    const text = `(ref ${code === refNullable ? "null " : ""}${heap.text})`;
    return plain(text, heap.features | feature["typed-function-references"]);
  }
  return rejectType(reader, code, at);
}

export interface BlockType {
  readonly features: number;
  /** Without `index`. */
  readonly results: number;
  /** Of a function type that says what the block takes and leaves. */
  readonly index?: number;
}

const emptyBlockType: BlockType = { features: 0, results: 0 };

/** A block type is empty, one value type, or the index of a function type. */
export function readBlockType(reader: BinaryReader): BlockType {
  const code = reader.peek();
  if (code === 0x40) {
    reader.pos++;
    return emptyBlockType;
  }
  // Negative one-byte numbers are value types, everything else is an index.
  if (code >= 0x40 && code < 0x80) return { features: readValueType(reader).features, results: 1 };
  const at = reader.pos;
  const index = reader.s33();
  if (index < 0) reader.invalid("a block type is a value type in one byte, or an index", at);
  return { features: feature["multi-value"], results: 0, index };
}

function rejectType(reader: BinaryReader, code: number, at: number): never {
  if (gcTypes.has(code)) return reader.unsupported("garbage-collected types (gc)", at);
  if (code === 0x65) return reader.unsupported("shared types (threads)", at);
  if (code === 0x68 || code === 0x75) return reader.unsupported("continuations (stack-switching)", at);
  if (code === 0x67) return reader.unsupported("string references (stringref)", at);
  return reader.invalid(`a value type was expected, found 0x${code.toString(16)}`, at);
}
