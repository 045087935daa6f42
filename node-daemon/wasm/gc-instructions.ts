/**
 * The instructions behind the prefix 0xfb: structs, arrays, casts, and small integers as references.
 * https://webassembly.github.io/spec/core/binary/instructions.html#aggregate-instructions
 */
import { assertNever } from "../../kit/errors.ts";
import type { BinaryReader } from "./binary-reader.ts";
import type { LengthUnit } from "./length-units.ts";
import { readHeapType } from "./value-types.ts";

/** Opcodes that this folder names. */
export const gc = {
  structNew: 0x00,
  structNewDefault: 0x01,
  arrayNew: 0x06,
  arrayNewDefault: 0x07,
  arrayNewFixed: 0x08,
  anyConvertExtern: 0x1a,
  externConvertAny: 0x1b,
  refI31: 0x1c,
} as const;

/** What an instruction needs to know of a type. */
export interface AggregateTypes {
  /** Indices below it are types. */
  readonly typeCount: number;
  readonly elementSegments: number;
  /** Zero for what is no struct. */
  fieldsOf(type: number): number;
  /** What filling or copying the elements of an array costs. */
  unitOf(type: number): LengthUnit;
}

type Immediates =
  | "none"
  | "struct"
  /** It takes a value for each field. */
  | "struct and values"
  | "struct and field"
  | "array"
  /** It takes so many values. */
  | "array and length"
  /** Of a data segment, or of another array type. */
  | "array and index"
  | "array and elements"
  | "heap type"
  | "branch";

interface Instruction {
  readonly immediates: Immediates;
  readonly pops: number;
  readonly pushes: number;
  /** Units of fuel beyond one. */
  readonly weight: number;
  /** Whether the number of elements is on top of the stack. */
  readonly byLength?: true;
  /** Whether the engine's baseline compiler calls something for it, and so stores what is in registers. */
  readonly calls?: true;
}

const plain = (
  immediates: Immediates,
  pops: number,
  pushes: number,
  weight: number,
  more: Pick<Instruction, "byLength" | "calls"> = {},
): Instruction => ({ immediates, pops, pushes, weight, ...more });

/** Units for allocating and, some time later, collecting: 20 ns are not unusual. */
const allocation = 40;
const bulk = 20;
const cast = 4;
const conversion = 12;
const calls = { calls: true } as const;
const byLength = { byLength: true, calls: true } as const;

/** By opcode. */
const instructions: readonly Instruction[] = [
  plain("struct and values", 0, 1, allocation, calls),
  plain("struct", 0, 1, allocation, calls),
  // struct.get, signed, unsigned; struct.set
  plain("struct and field", 1, 1, 1),
  plain("struct and field", 1, 1, 1),
  plain("struct and field", 1, 1, 1),
  plain("struct and field", 2, 0, 3),
  plain("array", 2, 1, allocation, byLength),
  plain("array", 1, 1, allocation, byLength),
  plain("array and length", 0, 1, allocation, calls),
  // array.new_data, array.new_elem
  plain("array and index", 2, 1, allocation, byLength),
  plain("array and elements", 2, 1, allocation, byLength),
  // array.get, signed, unsigned; array.set, array.len
  plain("array", 2, 1, 2),
  plain("array", 2, 1, 2),
  plain("array", 2, 1, 2),
  plain("array", 3, 0, 4),
  plain("none", 1, 1, 1),
  // array.fill, array.copy, array.init_data, array.init_elem
  plain("array", 4, 0, bulk, byLength),
  plain("array and index", 5, 0, bulk, byLength),
  plain("array and index", 4, 0, bulk, byLength),
  plain("array and elements", 4, 0, bulk, byLength),
  // ref.test, ref.cast, each for references and nullable ones
  plain("heap type", 1, 1, cast, calls),
  plain("heap type", 1, 1, cast, calls),
  plain("heap type", 1, 1, cast, calls),
  plain("heap type", 1, 1, cast, calls),
  plain("branch", 1, 1, cast, calls),
  plain("branch", 1, 1, cast, calls),
  plain("none", 1, 1, conversion, calls),
  plain("none", 1, 1, conversion, calls),
  // ref.i31, i31.get_s, i31.get_u
  plain("none", 1, 1, 0),
  plain("none", 1, 1, 0),
  plain("none", 1, 1, 0),
];

/** Proposals whose instructions the engine has behind flags. */
function laterProposal(code: number): string | undefined {
  if (code === 0x1f) return "shared references (shared-everything-threads)";
  if (code >= 0x20 && code <= 0x26) return "descriptors of types (custom-descriptors)";
  if (code >= 0x80 && code <= 0xbf) return "string references (stringref)";
  return undefined;
}

/** V8's limit on the values of `array.new_fixed`. */
const lengthMax = 10_000;
const initializedPerFuelLog2 = 3;

/** The last instruction read; reused from one to the next. */
export class GcInstruction {
  pops = 0;
  pushes = 0;
  weight = 0;
  calls = false;
  /** What the number of elements on top of the stack is charged by. */
  unit: LengthUnit | undefined;
  /** Where the label stands that it may branch to. */
  labelAt: number | undefined;

  /** `at` is where the prefix stands, behind which the reader is. */
  read(reader: BinaryReader, types: AggregateTypes, at: number): void {
    const code = reader.u32();
    const found = instructions[code];
    if (found === undefined) return rejectOpcode(reader, code, at);
    this.pops = found.pops;
    this.pushes = found.pushes;
    this.weight = found.weight;
    this.calls = found.calls === true;
    this.unit = undefined;
    this.labelAt = undefined;
    this.#readImmediates(reader, found, types);
  }

  #readImmediates(reader: BinaryReader, found: Instruction, types: AggregateTypes): void {
    switch (found.immediates) {
      case "none":
        return;
      case "heap type":
        return void readHeapType(reader, types.typeCount);
      case "branch":
        reader.skip(1);
        this.labelAt = reader.pos;
        reader.skipLeb(5);
        readHeapType(reader, types.typeCount);
        return void readHeapType(reader, types.typeCount);
      case "struct":
        this.weight += types.fieldsOf(reader.u32()) >>> initializedPerFuelLog2;
        return;
      case "struct and values":
        return this.#take(types.fieldsOf(reader.u32()));
      case "array":
        return this.#readArray(reader, found, types);
      case "array and length": {
        reader.skipLeb(5);
        const at = reader.pos;
        const length = reader.u32();
        if (length > lengthMax)
          reader.invalid(`an array of ${length} values; there are at most ${lengthMax}`, at);
        return this.#take(length);
      }
      case "array and index":
        this.#readArray(reader, found, types);
        return reader.skipLeb(5);
      case "array and elements": {
        this.#readArray(reader, found, types);
        const at = reader.pos;
        const segment = reader.u32();
        if (segment >= types.elementSegments) reader.invalid(`unknown element segment ${segment}`, at);
        return;
      }
      case "struct and field":
        reader.skipLeb(5);
        return reader.skipLeb(5);
      default:
        return assertNever(found.immediates, "immediates of an instruction");
    }
  }

  #readArray(reader: BinaryReader, found: Instruction, types: AggregateTypes): void {
    const type = reader.u32();
    if (found.byLength) this.unit = types.unitOf(type);
  }

  #take(values: number): void {
    this.pops += values;
    this.weight += values;
  }
}

function rejectOpcode(reader: BinaryReader, code: number, at: number): never {
  const later = laterProposal(code);
  if (later !== undefined) return reader.unsupported(later, at);
  return reader.invalid(`unknown opcode 0xfb 0x${code.toString(16)}`, at);
}
