/**
 * Two core modules that tools put into nearly every component, recognized by their bytes. The host's functions need the memory of the
 * main module, and the main module imports them: so it is first given functions that call through a table, and the table is filled
 * when there is a memory.
 *
 *   shim:    a table of n, and n exported functions of which each passes its parameters to the table's element of its number
 *   fixups:  imports n functions and that table, puts the first into the second, and calls one more when it starts
 *
 * What is not exactly so is none.
 */
import { BinaryReader, Rejection } from "../wasm/binary-reader.ts";
import { section } from "../wasm/module-model.ts";
import { op } from "../wasm/opcodes.ts";

export interface ImportName {
  readonly module: string;
  readonly name: string;
}

export interface Shim {
  /** By the table's elements: under which name each function is exported, and its type as bytes. */
  readonly functions: readonly { readonly name: string; readonly type: string }[];
  readonly table: string;
}

export interface Fixups {
  /** By the table's elements. */
  readonly functions: readonly (ImportName & { readonly type: string })[];
  readonly table: ImportName;
  /** What it calls when it starts: a function `() -> ()`. */
  readonly start: ImportName | undefined;
}

const preambleBytes = 8;
const funcref = 0x70;
const kind = { function: 0, table: 1 } as const;
/** `() -> ()`. */
const nothing = "0,0";

export function readShim(binary: Uint8Array): Shim | undefined {
  return orUndefined(() => {
    const sections = sectionsOf(binary, [
      section.type,
      section.function,
      section.table,
      section.export,
      section.code,
    ]);
    const types = typesOf(sections);
    const functionTypes = listOf(sections, section.function, (reader) => types[reader.u32()] ?? no());
    const tables = listOf(sections, section.table, readTable);
    const exports = listOf(sections, section.export, (reader) => ({
      name: reader.name(),
      kind: reader.u8(),
      index: reader.u32(),
    }));
    const bodies = listOf(sections, section.code, (reader) => reader.slice(reader.u32(), "a body"));
    const table = exports.find((entry) => entry.kind === kind.table);
    const size = functionTypes.length;
    if (table === undefined || tables.length !== 1 || tables[0] !== size || bodies.length !== size)
      return no();
    if (exports.length !== size + 1) return no();
    const functions = functionTypes.map((type, element) => {
      checkForwards(bodies[element] ?? no(), element, type, types);
      const found = exports.find(({ kind: of, index }) => of === kind.function && index === element) ?? no();
      return { name: found.name, type };
    });
    return { functions, table: table.name };
  });
}

export function readFixups(binary: Uint8Array): Fixups | undefined {
  return orUndefined(() => {
    const sections = sectionsOf(binary, [section.type, section.import, section.start, section.element]);
    const types = typesOf(sections);
    const functions: (ImportName & { readonly type: string })[] = [];
    const tables: (ImportName & { readonly size: number })[] = [];
    listOf(sections, section.import, (reader) => {
      const entry = { module: reader.name(), name: reader.name() };
      const of = reader.u8();
      if (of === kind.function) functions.push({ ...entry, type: types[reader.u32()] ?? no() });
      else if (of === kind.table) tables.push({ ...entry, size: readTable(reader) });
      else no();
    });
    const [table] = tables;
    if (table === undefined || tables.length !== 1) return no();
    const [elements, ...more] = listOf(sections, section.element, readSegment);
    if (elements === undefined || more.length > 0 || elements.length !== table.size) return no();
    const startSection = sections.get(section.start);
    const start = startSection && (functions[startSection.u32()] ?? no());
    if (start !== undefined && start.type !== nothing) return no();
    return { functions: elements.map((index) => functions[index] ?? no()), table, start };
  });
}

/** Anything else that is well formed leaves here. */
class Otherwise extends Error {}

function no(): never {
  throw new Otherwise();
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Otherwise || thrown instanceof Rejection) return undefined;
    throw thrown;
  }
}

/** All but custom sections. There may be no others than these. */
function sectionsOf(binary: Uint8Array, allowed: readonly number[]): ReadonlyMap<number, BinaryReader> {
  const sections = new Map<number, BinaryReader>();
  const reader = new BinaryReader(binary);
  reader.skip(preambleBytes);
  while (reader.remaining > 0) {
    const id = reader.u8();
    const body = reader.slice(reader.u32(), "a section");
    if (id === section.custom) continue;
    if (!allowed.includes(id) || sections.has(id)) no();
    sections.set(id, body);
  }
  return sections;
}

function listOf<T>(
  sections: ReadonlyMap<number, BinaryReader>,
  id: number,
  read: (reader: BinaryReader) => T,
): T[] {
  const reader = sections.get(id);
  if (!reader) return [];
  const items = Array.from({ length: reader.count("items") }, () => read(reader));
  reader.expectEnd("a section");
  return items;
}

/** Each as the bytes of its parameters and results. */
function typesOf(sections: ReadonlyMap<number, BinaryReader>): string[] {
  return listOf(sections, section.type, (reader) => {
    if (reader.u8() !== 0x60) no();
    const values = () => Array.from({ length: reader.count("types of values") }, () => reader.u8());
    const params = values();
    const results = values();
    if ([...params, ...results].some((type) => type < 0x7b || type > 0x7f)) no();
    return [params.length, ...params, results.length, ...results].join();
  });
}

/** Of functions, which has always the same number of elements. */
function readTable(reader: BinaryReader): number {
  if (reader.u8() !== funcref || reader.u8() !== 1) no();
  const size = reader.u32();
  if (reader.u32() !== size) no();
  return size;
}

/** Into the first table, from its first element on. */
function readSegment(reader: BinaryReader): number[] {
  for (const byte of [0, op.i32Const, 0, op.end]) if (reader.u8() !== byte) no();
  return Array.from({ length: reader.count("elements") }, () => reader.u32());
}

/** `(local.get 0) … (i32.const element) (call_indirect (type …))`, with a type that is the function's own. */
function checkForwards(body: BinaryReader, element: number, type: string, types: readonly string[]): void {
  if (body.u32() !== 0) no();
  const params = Number(type.slice(0, type.indexOf(",")));
  for (let i = 0; i < params; i++) if (body.u8() !== op.localGet || body.u32() !== i) no();
  if (body.u8() !== op.i32Const || body.s33() !== element) no();
  if (body.u8() !== op.callIndirect || types[body.u32()] !== type || body.u32() !== 0) no();
  if (body.u8() !== op.end || body.remaining > 0) no();
}
