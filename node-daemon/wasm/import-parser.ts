import type { BinaryReader } from "./binary-reader.ts";
import { Rejection } from "./binary-reader.ts";
import type { ExternalKind } from "./module-facts.ts";
import type { ModuleModel } from "./module-model.ts";
import type { TypeText } from "./value-types.ts";
import { feature, holdsException, readValueType } from "./value-types.ts";

/** More values than this make an exception large: the engine keeps them on the heap that all instances share. */
const exceptionValuesMax = 16;

export function parseImports(model: ModuleModel, reader: BinaryReader, count: number): void {
  const { namesMax, factsCharactersMax } = model.limits;
  if (count > namesMax)
    throw new Rejection("ModuleTooLarge", `${count} imports; at most ${namesMax} are read`);
  for (let i = 0; i < count; i++) {
    const module = reader.name();
    const name = reader.name();
    const { kind, signature } = readImportType(model, reader);
    model.imports.push({ module, name, kind, ...(signature === "" ? {} : { signature }) });
    if (kind === "function") model.functionImportNames.push(`${module}.${name}`);
    model.factsCharacters += module.length + name.length + signature.length;
    if (model.factsCharacters > factsCharactersMax) {
      throw new Rejection("ModuleTooLarge", `names and types longer than ${factsCharactersMax} characters`);
    }
  }
  model.functionImports = model.functionTypes.length;
}

function readImportType(model: ModuleModel, reader: BinaryReader): { kind: ExternalKind; signature: string } {
  const at = reader.pos;
  switch (reader.u8()) {
    case 0x00: {
      const type = reader.u32();
      const signature = model.functionType(type)?.signature;
      if (signature === undefined) return reader.invalid(`import of the unknown type ${type}`, at);
      model.functionTypes.push(type);
      return { kind: "function", signature };
    }
    case 0x01:
      return { kind: "table", signature: readTableType(model, reader, true) };
    case 0x02:
      readMemoryType(model, reader, true);
      return { kind: "memory", signature: "" };
    case 0x03: {
      const type = readStoredType(model, reader);
      const signature = readMutability(reader) ? `mut ${type.text}` : type.text;
      model.globalTypes.push(signature);
      return { kind: "global", signature };
    }
    case 0x04:
      return { kind: "tag", signature: readTagType(model, reader) };
    default:
      return reader.invalid("the kind of an import was expected", at);
  }
}

/**
 * The type of what tables and globals hold. An exception in one outlives the functions that handle it, and nobody counts
 * how much of the heap it keeps.
 */
export function readStoredType(model: ModuleModel, reader: BinaryReader): TypeText {
  const type = readValueType(reader, model.types.length);
  model.features |= type.features;
  if (holdsException(type)) model.features |= feature["stored-exceptions"];
  return type;
}

/** Of a global. */
export function readMutability(reader: BinaryReader): boolean {
  const at = reader.pos;
  const mutable = reader.u8();
  if (mutable > 3) reader.invalid("0 or 1 was expected for the mutability of a global", at);
  if (mutable > 1) reader.unsupported("shared globals (shared-everything-threads)", at);
  return mutable === 1;
}

/** Answers the type of its elements. */
export function readTableType(model: ModuleModel, reader: BinaryReader, imported: boolean): string {
  const at = reader.pos;
  const type = readStoredType(model, reader);
  const flagsAt = reader.pos;
  const flags = reader.u8();
  if ((flags & 0x02) !== 0) reader.unsupported("shared tables (shared-everything-threads)", flagsAt);
  if (flags > 5) reader.invalid(`unknown table limits 0x${flags.toString(16)}`, flagsAt);
  if ((flags & 0x04) !== 0) model.features |= feature.memory64;
  const minElements = reader.u64();
  const maxElements = (flags & 0x01) === 0 ? undefined : reader.u64();
  model.tables.push({ minElements, maxElements, imported, elementType: type.text });
  model.tableIs64.push((flags & 0x04) !== 0);
  if (model.tables.length > 1) model.features |= feature["reference-types"];
  const { tablesMax, tableElementsMax } = model.limits;
  if (model.tables.length > tablesMax) {
    throw new Rejection("ModuleUnsupported", `more than ${tablesMax} tables`);
  }
  const total = model.tables.reduce((sum, table) => sum + table.minElements, 0);
  if (total > tableElementsMax) {
    throw new Rejection(
      "ModuleTooLarge",
      `offset 0x${at.toString(16)}: tables of ${total} elements, at most ${tableElementsMax} are allowed`,
    );
  }
  return type.text;
}

export function readMemoryType(model: ModuleModel, reader: BinaryReader, imported: boolean): void {
  const at = reader.pos;
  const flags = reader.u8();
  if ((flags & 0x08) !== 0) reader.unsupported("custom page sizes (custom-page-sizes)", at);
  if (flags > 7) reader.invalid(`unknown memory limits 0x${flags.toString(16)}`, at);
  const shared = (flags & 0x02) !== 0;
  if (shared && (flags & 0x01) === 0) reader.invalid("a shared memory must have a maximum", at);
  if (shared) model.features |= feature.threads;
  const memory64 = (flags & 0x04) !== 0;
  if (memory64) model.features |= feature.memory64;
  const minPages = reader.u64();
  const maxPages = (flags & 0x01) === 0 ? undefined : reader.u64();
  model.memories.push({ minPages, maxPages, imported, memory64, shared });
  if (model.memories.length > 1) model.features |= feature["multi-memory"];
  if (model.memories.length > model.limits.memoriesMax) {
    throw new Rejection("ModuleUnsupported", `more than ${model.limits.memoriesMax} memories`);
  }
}

/** Answers its signature. */
export function readTagType(model: ModuleModel, reader: BinaryReader): string {
  const at = reader.pos;
  if (reader.u8() !== 0) reader.invalid("the attribute 0x00 of a tag was expected", at);
  const type = reader.u32();
  const found = model.functionType(type);
  if (found === undefined) return reader.invalid(`tag of the unknown type ${type}`, at);
  if (found.params > exceptionValuesMax) model.features |= feature["large-exceptions"];
  model.tagTypes.push(type);
  model.features |= feature.exceptions;
  return found.signature;
}
