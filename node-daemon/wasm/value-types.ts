import type { BinaryReader } from "./binary-reader.ts";

/**
 * Proposals beyond the first version of the standard, in one bit each so that the decoder can note them cheaply; in
 * alphabetical order. Two are uses of the exceptions proposal that keep more on the engine's heap than a function that
 * handles them: `stored-exceptions` in tables and globals, `large-exceptions` of many values.
 */
export const feature = {
  "bulk-memory": 1 << 0,
  exceptions: 1 << 1,
  "extended-const": 1 << 2,
  gc: 1 << 3,
  "large-exceptions": 1 << 4,
  /** No proposal: one function of more than `largeFunctionBytes`. */
  "large-functions": 1 << 16,
  "legacy-exceptions": 1 << 5,
  memory64: 1 << 6,
  "multi-memory": 1 << 7,
  "multi-value": 1 << 8,
  "reference-types": 1 << 9,
  "relaxed-simd": 1 << 10,
  simd: 1 << 11,
  "stored-exceptions": 1 << 12,
  "tail-call": 1 << 13,
  threads: 1 << 14,
  "typed-function-references": 1 << 15,
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

/** By the byte that names them. */
const numberTypes: ReadonlyMap<number, TypeText> = new Map([
  [0x7f, plain("i32")],
  [0x7e, plain("i64")],
  [0x7d, plain("f32")],
  [0x7c, plain("f64")],
  [0x7b, plain("v128", feature.simd)],
]);

interface AbstractType {
  readonly heap: TypeText;
  /** The nullable reference to it, which has a byte of its own. */
  readonly reference: TypeText;
}

const abstract = (heap: string, reference: string, ofHeap: number, ofReference = ofHeap): AbstractType => ({
  heap: plain(heap, ofHeap),
  reference: plain(reference, ofReference),
});

const { gc, exceptions } = feature;
const references = feature["reference-types"];
const typedReferences = feature["typed-function-references"];

/** By the byte that names them, which is a negative number where indices may stand too. */
const abstractTypes: ReadonlyMap<number, AbstractType> = new Map([
  [0x70, abstract("func", "funcref", 0)],
  [0x73, abstract("nofunc", "nullfuncref", 0, typedReferences)],
  [0x6f, abstract("extern", "externref", 0, references)],
  [0x72, abstract("noextern", "nullexternref", 0, typedReferences)],
  [0x69, abstract("exn", "exnref", exceptions)],
  [0x74, abstract("noexn", "nullexnref", exceptions)],
  [0x6e, abstract("any", "anyref", gc)],
  [0x6d, abstract("eq", "eqref", gc)],
  [0x6c, abstract("i31", "i31ref", gc)],
  [0x6b, abstract("struct", "structref", gc)],
  [0x6a, abstract("array", "arrayref", gc)],
  [0x71, abstract("none", "nullref", gc)],
]);

const refNullable = 0x63;
const refNonNull = 0x64;

/** Whether values of this type keep an exception, and with it all of its values, on the engine's heap. */
export function holdsException(type: TypeText): boolean {
  return (type.features & exceptions) !== 0;
}

/** `typeCount`: below it are the indices of types. What the engine would refuse before could name an added type after. */
export function readHeapType(reader: BinaryReader, typeCount: number): TypeText {
  const at = reader.pos;
  const code = reader.s33();
  if (code >= typeCount) return reader.invalid(`unknown type ${code}`, at);
  if (code >= 0) return plain(String(code), typedReferences);
  return abstractTypes.get(code + 0x80)?.heap ?? rejectType(reader, code + 0x80, at);
}

export function readValueType(reader: BinaryReader, typeCount: number): TypeText {
  const at = reader.pos;
  const code = reader.u8();
  const known = numberTypes.get(code) ?? abstractTypes.get(code)?.reference;
  if (known !== undefined) return known;
  if (code === refNullable || code === refNonNull) {
    const heap = readHeapType(reader, typeCount);
    const text = `(ref ${code === refNullable ? "null " : ""}${heap.text})`;
    return plain(text, heap.features | typedReferences);
  }
  return rejectType(reader, code, at);
}

/** Bytes of one value as a power of two: of numbers, and of the packed types that only fields have. */
const fieldBytesLog2: ReadonlyMap<number, number> = new Map([
  [0x78, 0],
  [0x77, 1],
  [0x7f, 2],
  [0x7d, 2],
  [0x7e, 3],
  [0x7c, 3],
  [0x7b, 4],
]);

export interface FieldType {
  readonly features: number;
  /** Undefined if it holds references. */
  readonly bytesLog2: number | undefined;
}

/** A field of a struct, or the elements of an array. */
export function readFieldType(reader: BinaryReader, typeCount: number): FieldType {
  const code = reader.peek();
  const packed = code === 0x78 || code === 0x77;
  if (packed) reader.pos++;
  const features = feature.gc | (packed ? 0 : readValueType(reader, typeCount).features);
  const at = reader.pos;
  if (reader.u8() > 1) reader.invalid("0 or 1 was expected for the mutability of a field", at);
  return { features, bytesLog2: fieldBytesLog2.get(code) };
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
export function readBlockType(reader: BinaryReader, typeCount: number): BlockType {
  const code = reader.peek();
  if (code === 0x40) {
    reader.pos++;
    return emptyBlockType;
  }
  // Negative one-byte numbers are value types, everything else is an index.
  if (code >= 0x40 && code < 0x80) {
    return { features: readValueType(reader, typeCount).features, results: 1 };
  }
  const at = reader.pos;
  const index = reader.s33();
  if (index < 0) reader.invalid("a block type is a value type in one byte, or an index", at);
  if (index >= typeCount) reader.invalid(`unknown type ${index}`, at);
  return { features: feature["multi-value"], results: 0, index };
}

/** What the engine has behind flags only is refused by the name of its proposal. */
const laterTypes: ReadonlyMap<number, string> = new Map([
  [0x62, "exact references (custom-descriptors)"],
  [0x65, "shared types (shared-everything-threads)"],
  [0x68, "continuations (stack-switching)"],
  [0x75, "continuations (stack-switching)"],
  [0x67, "string references (stringref)"],
]);

function rejectType(reader: BinaryReader, code: number, at: number): never {
  const later = laterTypes.get(code);
  if (later !== undefined) return reader.unsupported(later, at);
  return reader.invalid(`a value type was expected, found 0x${code.toString(16)}`, at);
}
