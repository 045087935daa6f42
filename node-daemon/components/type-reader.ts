/** Types of values and functions in the binary format of components. */
import type { BinaryReader } from "../wasm/binary-reader.ts";
import { type FunctionType, listOf, resultOf, typeOf, type ValueType } from "./function-types.ts";

/** What has an index; undefined if that is no type of values. */
export type ValueAt = (index: number) => ValueType | undefined;

/** One of a form that is not known here. */
export class UnknownType extends Error {}

const primitives: { readonly [code: number]: ValueType } = {
  0x7f: typeOf("bool"),
  0x7e: typeOf("s8"),
  0x7d: typeOf("u8", "u8"),
  0x7c: typeOf("s16"),
  0x7b: typeOf("u16"),
  0x7a: typeOf("s32"),
  0x79: typeOf("u32"),
  0x78: typeOf("s64"),
  0x77: typeOf("u64"),
  0x76: typeOf("f32"),
  0x75: typeOf("f64"),
  0x74: typeOf("char"),
  0x73: typeOf("string", "text"),
  0x64: typeOf("error-context"),
};

export function readFunctionType(reader: BinaryReader, at: ValueAt, isAsync: boolean): FunctionType {
  const params: FunctionType["params"][number][] = [];
  each(reader, () => void params.push({ name: reader.name(), type: readValueType(reader, at) }));
  return { params, result: readResultType(reader, at), isAsync };
}

export function readResultType(reader: BinaryReader, at: ValueAt): ValueType | undefined {
  if (reader.u8() === 0) return readValueType(reader, at);
  reader.u8();
  return undefined;
}

export function readValueType(reader: BinaryReader, at: ValueAt): ValueType {
  const primitive = primitives[reader.peek()];
  if (!primitive) return at(reader.s33()) ?? typeOf("?");
  reader.u8();
  return primitive;
}

/** `form`: its first byte, which has been read. */
export function readDefinedType(reader: BinaryReader, at: ValueAt, form: number): ValueType {
  const value = () => readValueType(reader, at);
  const optional = () => (reader.u8() === 0 ? undefined : value());
  switch (form) {
    case 0x72:
      each(reader, () => void (reader.name(), value()));
      return typeOf("record");
    case 0x71:
      each(reader, () => void (reader.name(), optional(), reader.u8()));
      return typeOf("variant");
    case 0x70:
      return listOf(value());
    case 0x67: {
      const element = value();
      return typeOf(`list<${element.text}, ${reader.u32()}>`);
    }
    case 0x6f: {
      const items: string[] = [];
      each(reader, () => void items.push(value().text));
      return typeOf(`tuple<${items.slice(0, tupleItemsMax).join(", ")}>`);
    }
    case 0x6e:
    case 0x6d:
      each(reader, () => void reader.name());
      return typeOf(form === 0x6e ? "flags" : "enum");
    case 0x6b:
      return typeOf(`option<${value().text}>`);
    case 0x6a: {
      const ok = optional();
      return resultOf(ok, optional());
    }
    case 0x69:
      return value();
    case 0x68:
      return typeOf(`borrow<${value().text}>`);
    case 0x66:
    case 0x65: {
      const element = optional();
      return typeOf(`${form === 0x66 ? "stream" : "future"}${element ? `<${element.text}>` : ""}`);
    }
    default: {
      const primitive = primitives[form];
      if (primitive) return primitive;
      throw new UnknownType(`0x${form.toString(16)}`);
    }
  }
}

/** That are shown; the text is cut anyway. */
const tupleItemsMax = 100;

function each(reader: BinaryReader, read: () => void): void {
  for (let left = reader.count("items"); left > 0; left--) read();
}
