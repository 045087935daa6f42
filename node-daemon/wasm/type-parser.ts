import type { BinaryReader } from "./binary-reader.ts";
import { Rejection } from "./binary-reader.ts";
import type { ModuleModel } from "./module-model.ts";
import { feature, readValueType } from "./value-types.ts";

const form = {
  recursive: 0x4e,
  subFinal: 0x4f,
  sub: 0x50,
  cont: 0x5d,
  array: 0x5e,
  struct: 0x5f,
  function: 0x60,
};

/** A recursion group is one entry of the section, and as many type indices as it has members. */
export function parseTypes(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    let members = 1;
    if (reader.peek() === form.recursive) {
      reader.pos++;
      members = reader.count("types of a recursion group");
      model.features |= feature["typed-function-references"];
    }
    for (let k = 0; k < members; k++) parseType(model, reader);
  }
}

function parseType(model: ModuleModel, reader: BinaryReader): void {
  let at = reader.pos;
  let code = reader.u8();
  if (code === form.sub || code === form.subFinal) {
    const parents = reader.count("supertypes");
    for (let i = 0; i < parents; i++) reader.skipLeb(5);
    model.features |= feature["typed-function-references"];
    at = reader.pos;
    code = reader.u8();
  }
  if (code === form.struct || code === form.array) reader.unsupported("garbage-collected types (gc)", at);
  if (code === form.cont) reader.unsupported("continuations (stack-switching)", at);
  if (code === 0x65) reader.unsupported("shared types (threads)", at);
  if (code !== form.function)
    reader.invalid(`a function type was expected, found 0x${code.toString(16)}`, at);
  const params = readTypes(model, reader, "parameters");
  const results = readTypes(model, reader, "results");
  if (results.count > 1) model.features |= feature["multi-value"];
  const signature = `(${params.text}) -> (${results.text})`;
  model.types.push({ params: params.count, results: results.count, signature });
  model.factsCharacters += signature.length;
  if (model.factsCharacters > model.limits.factsCharactersMax) {
    throw new Rejection("ModuleTooLarge", `types longer than ${model.limits.factsCharactersMax} characters`);
  }
}

function readTypes(model: ModuleModel, reader: BinaryReader, what: string): { count: number; text: string } {
  const count = reader.count(what);
  // V8's own limit, and what bounds the size of the wrapper of an imported function.
  if (count > 1000) reader.invalid(`${count} ${what}; a function has at most 1000`);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const type = readValueType(reader);
    model.features |= type.features;
    texts.push(type.text);
  }
  return { count, text: texts.join(", ") };
}
