import { assertNever } from "../../kit/errors.ts";
import { BinaryReader, Rejection } from "./binary-reader.ts";
import { skipConstantExpression, readFunctionReference } from "./constant-expression.ts";
import {
  parseImports,
  readMemoryType,
  readMutability,
  readStoredType,
  readTableType,
  readTagType,
} from "./import-parser.ts";
import type { ExternalKind, RewriteLimits } from "./module-facts.ts";
import { ModuleModel, section, sectionOrder } from "./module-model.ts";
import type { SectionRange } from "./module-model.ts";
import { parseTypes } from "./type-parser.ts";
import { feature, readValueType } from "./value-types.ts";

/** Reads everything but function bodies and data segments. Throws {@link Rejection}. */
export function parseModule(binary: Uint8Array, limits: RewriteLimits): ModuleModel {
  const model = new ModuleModel(binary, limits);
  const reader = new BinaryReader(binary, 8);
  let rank = -1;
  while (reader.remaining > 0) {
    const at = reader.pos;
    const id = reader.u8();
    const size = reader.u32();
    const body = reader.slice(size, `section ${id}`);
    const range = { id, start: body.pos, end: body.end, contents: body.pos, count: 0, name: "" };
    if (id === section.custom) {
      range.name = body.name();
      range.contents = body.pos;
    } else {
      const next = sectionOrder.indexOf(id);
      if (id === 14) reader.unsupported("string references (stringref)", at);
      if (next < 0) reader.invalid(`unknown section ${id}`, at);
      if (next <= rank) reader.invalid(`section ${id} is repeated or out of order`, at);
      rank = next;
      parseSection(model, body, range);
    }
    model.sections.push(range);
  }
  const bodies = model.find(section.code)?.count ?? 0;
  if (bodies !== model.functionsDefined) {
    reader.invalid(`${model.functionsDefined} functions are declared, but ${bodies} have bodies`);
  }
  return model;
}

function parseSection(model: ModuleModel, body: BinaryReader, range: SectionRange): void {
  if (range.id === section.start) {
    model.start = readStart(model, body);
    body.expectEnd("the start section");
    return;
  }
  range.count = range.id === section.dataCount ? body.u32() : body.count("elements");
  range.contents = body.pos;
  const parse = parsers[range.id];
  if (parse === undefined) return;
  parse(model, body, range.count);
  body.expectEnd(`section ${range.id}`);
}

type SectionParser = (model: ModuleModel, reader: BinaryReader, count: number) => void;

/** Code is read by `function-body.ts`; data segments hold no function index. */
const parsers: { readonly [id: number]: SectionParser } = {
  [section.type]: parseTypes,
  [section.import]: parseImports,
  [section.function]: parseFunctions,
  [section.table]: parseTables,
  [section.memory]: (model, reader, count) => {
    for (let i = 0; i < count; i++) readMemoryType(model, reader, false);
  },
  [section.tag]: (model, reader, count) => {
    for (let i = 0; i < count; i++) readTagType(model, reader);
  },
  [section.global]: parseGlobals,
  [section.export]: parseExports,
  [section.element]: parseElements,
  [section.dataCount]: () => undefined,
};

function parseFunctions(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = reader.pos;
    const type = reader.u32();
    if (model.functionType(type) === undefined) reader.invalid(`function of the unknown type ${type}`, at);
    model.functionTypes.push(type);
  }
}

function parseTables(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    const initialized = reader.peek() === 0x40;
    if (initialized) {
      reader.pos++;
      if (reader.u8() !== 0) reader.invalid("0x00 was expected before a table with an initial value");
      model.features |= feature["typed-function-references"];
    }
    readTableType(model, reader, false);
    if (initialized) skipConstantExpression(model, reader);
  }
}

function parseGlobals(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    const type = readStoredType(model, reader);
    const mutable = readMutability(reader);
    skipConstantExpression(model, reader);
    model.globalTypes.push(mutable ? `mut ${type.text}` : type.text);
  }
}

const externalKinds: readonly ExternalKind[] = ["function", "table", "memory", "global", "tag"];

function parseExports(model: ModuleModel, reader: BinaryReader, count: number): void {
  const { namesMax, factsCharactersMax } = model.limits;
  if (count > namesMax)
    throw new Rejection("ModuleTooLarge", `${count} exports; at most ${namesMax} are read`);
  for (let i = 0; i < count; i++) {
    const name = reader.name();
    const at = reader.pos;
    const kind = externalKinds[reader.u8()];
    if (kind === undefined) reader.invalid("the kind of an export was expected", at);
    const indexAt = reader.pos;
    const index = kind === "function" ? readFunctionReference(model, reader) : reader.u32();
    const signature = signatureOf(model, kind, index);
    if (signature === undefined) reader.invalid(`export of the unknown ${kind} ${index}`, indexAt);
    if (kind === "memory") model.exportedMemories.add(index);
    model.exports.push({ name, kind, ...(signature === "" ? {} : { signature }) });
    model.factsCharacters += name.length + signature.length;
    if (model.factsCharacters > factsCharactersMax) {
      throw new Rejection("ModuleTooLarge", `names and types longer than ${factsCharactersMax} characters`);
    }
  }
}

/** Undefined if there is no such item; empty for memories. */
function signatureOf(model: ModuleModel, kind: ExternalKind, index: number): string | undefined {
  switch (kind) {
    case "function":
      return model.functionType(model.functionTypes[index] ?? -1)?.signature;
    case "table":
      return model.tables[index]?.elementType;
    case "memory":
      return model.memories[index] === undefined ? undefined : "";
    case "global":
      return model.globalTypes[index];
    case "tag":
      return model.functionType(model.tagTypes[index] ?? -1)?.signature;
    default:
      return assertNever(kind, "kind of an export");
  }
}

function readStart(model: ModuleModel, reader: BinaryReader): number {
  const at = reader.pos;
  const index = reader.u32();
  if (index >= model.functionTypes.length) reader.invalid(`unknown function ${index}`, at);
  const signature = signatureOf(model, "function", index);
  if (signature !== "() -> ()") reader.invalid(`the start function must be () -> (), not ${signature}`, at);
  return index;
}

/** The eight forms of an element segment, by the bits of its first number. */
function parseElements(model: ModuleModel, reader: BinaryReader, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = reader.pos;
    const form = reader.u32();
    if (form > 7) reader.invalid(`unknown form ${form} of an element segment`, at);
    const active = (form & 1) === 0;
    const explicit = (form & 2) !== 0;
    const expressions = (form & 4) !== 0;
    if (form !== 0) model.features |= feature["reference-types"];
    if (active && explicit) reader.skipLeb(5);
    if (active) skipConstantExpression(model, reader);
    if ((!active || explicit) && expressions)
      model.features |= readValueType(reader, model.types.length).features;
    if ((!active || explicit) && !expressions && reader.u8() !== 0) {
      reader.invalid("the element kind 0x00 was expected", reader.pos - 1);
    }
    const elements = reader.count("elements of a segment");
    for (let k = 0; k < elements; k++) {
      if (expressions) skipConstantExpression(model, reader);
      else readFunctionReference(model, reader);
    }
  }
}
