import type { BinaryReader } from "./binary-reader.ts";
import { Rejection } from "./binary-reader.ts";
import type { DefinedType, ModuleModel } from "./module-model.ts";
import { feature, readFieldType, readValueType } from "./value-types.ts";

const form = {
  shared: 0x65,
  describes: 0x4c,
  descriptor: 0x4d,
  recursive: 0x4e,
  subFinal: 0x4f,
  sub: 0x50,
  cont: 0x5d,
  array: 0x5e,
  struct: 0x5f,
  function: 0x60,
};

/** V8's limit. */
const fieldsMax = 10_000;

/** Characters that the bound on facts counts for a type without a signature: what remembering it takes. */
const typeCharacters = 16;

/** A recursion group is one entry of the section, and as many type indices as it has members. */
export function parseTypes(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    let members = 1;
    if (reader.peek() === form.recursive) {
      reader.pos++;
      members = reader.count("types of a recursion group");
      model.features |= feature["typed-function-references"];
    }
    // Members of a group may name each other.
    const typeCount = model.types.length + members;
    for (let k = 0; k < members; k++) parseType(model, reader, typeCount);
  }
}

function parseType(model: ModuleModel, reader: BinaryReader, typeCount: number): void {
  const code = reader.peek();
  if (code === form.sub || code === form.subFinal) {
    reader.pos++;
    const parents = reader.count("supertypes");
    for (let i = 0; i < parents; i++) reader.skipLeb(5);
    model.features |= feature["typed-function-references"];
  }
  const type = readDefinedType(model, reader, typeCount);
  model.types.push(type);
  model.factsCharacters += type.kind === "function" ? type.signature.length : typeCharacters;
  if (model.factsCharacters > model.limits.factsCharactersMax) {
    throw new Rejection("ModuleTooLarge", `types longer than ${model.limits.factsCharactersMax} characters`);
  }
}

function readDefinedType(model: ModuleModel, reader: BinaryReader, typeCount: number): DefinedType {
  const at = reader.pos;
  const code = reader.u8();
  switch (code) {
    case form.function:
      return readFunctionType(model, reader, typeCount);
    case form.struct: {
      const fields = reader.count("fields", 2);
      if (fields > fieldsMax) reader.invalid(`${fields} fields; a struct has at most ${fieldsMax}`, at);
      for (let i = 0; i < fields; i++) model.features |= readFieldType(reader, typeCount).features;
      model.features |= feature.gc;
      return { kind: "struct", fields };
    }
    case form.array: {
      const { features, bytesLog2 } = readFieldType(reader, typeCount);
      model.features |= features;
      return { kind: "array", bytesLog2 };
    }
    case form.cont:
      return reader.unsupported("continuations (stack-switching)", at);
    case form.shared:
      return reader.unsupported("shared types (shared-everything-threads)", at);
    case form.describes:
    case form.descriptor:
      return reader.unsupported("descriptors of types (custom-descriptors)", at);
    default:
      return reader.invalid(`a type was expected, found 0x${code.toString(16)}`, at);
  }
}

function readFunctionType(model: ModuleModel, reader: BinaryReader, typeCount: number): DefinedType {
  const params = readTypes(model, reader, typeCount, "parameters");
  const results = readTypes(model, reader, typeCount, "results");
  if (results.count > 1) model.features |= feature["multi-value"];
  const signature = `(${params.text}) -> (${results.text})`;
  return { kind: "function", params: params.count, results: results.count, signature };
}

function readTypes(
  model: ModuleModel,
  reader: BinaryReader,
  typeCount: number,
  what: string,
): { count: number; text: string } {
  const count = reader.count(what);
  // V8's own limit, and what bounds the size of the wrapper of an imported function.
  if (count > 1000) reader.invalid(`${count} ${what}; a function has at most 1000`);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const type = readValueType(reader, typeCount);
    model.features |= type.features;
    texts.push(type.text);
  }
  return { count, text: texts.join(", ") };
}
