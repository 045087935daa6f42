/** Test support: assembles small modules from their parts. Code is written as opcodes, with `u32` and `s32` for numbers. */
import { BinaryWriter } from "./binary-writer.ts";
import { section, sectionOrder } from "./module-model.ts";

export type Bytes = readonly number[];

export const type = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
};
export const kind = { function: 0, table: 1, memory: 2, global: 3, tag: 4 };

export interface ModuleParts {
  readonly types?: readonly Bytes[];
  readonly imports?: readonly Bytes[];
  readonly tables?: readonly Bytes[];
  readonly memories?: readonly Bytes[];
  readonly tags?: readonly Bytes[];
  readonly globals?: readonly Bytes[];
  readonly exports?: readonly Bytes[];
  readonly start?: number;
  readonly elements?: readonly Bytes[];
  readonly dataCount?: number;
  readonly functions?: readonly FunctionParts[];
  readonly data?: readonly Bytes[];
  /** Custom sections before all others, and after them. */
  readonly customsFirst?: readonly Bytes[];
  readonly customs?: readonly Bytes[];
}

export interface FunctionParts {
  readonly type: number;
  /** Types of the locals, one each. */
  readonly locals?: Bytes;
  /** Without the final `end`. */
  readonly code: Bytes;
}

export const u32 = (value: number): Bytes => [...new BinaryWriter().u32(value).view()];
export const s32 = (value: number): Bytes => [...new BinaryWriter().s32(value).view()];
/** A number in the longest form that is allowed for 32 bits. */
export const paddedU32 = (value: number): Bytes => {
  const writer = new BinaryWriter();
  writer.fill(writer.placeholder(), value);
  return [...writer.view()];
};
export const name = (text: string): Bytes => [...new BinaryWriter().name(text).view()];
export const sized = (bytes: Bytes): Bytes => [...u32(bytes.length), ...bytes];
/** Code in lines. */
export const lines = (...parts: readonly Bytes[]): Bytes => parts.flat();
export const vector = (items: readonly Bytes[]): Bytes => [...u32(items.length), ...items.flat()];

export const functionType = (params: Bytes, results: Bytes): Bytes => [
  0x60,
  ...sized(params),
  ...sized(results),
];
export const importItem = (module: string, item: string, itemKind: number, rest: Bytes): Bytes => [
  ...name(module),
  ...name(item),
  itemKind,
  ...rest,
];
export const exportItem = (item: string, itemKind: number, index: number): Bytes => [
  ...name(item),
  itemKind,
  ...u32(index),
];
export const custom = (title: string, contents: Bytes): Bytes => [...name(title), ...contents];

export function buildModule(parts: ModuleParts): Uint8Array {
  const vectors: { readonly [id: number]: readonly Bytes[] | undefined } = {
    [section.type]: parts.types,
    [section.import]: parts.imports,
    [section.function]: parts.functions?.map((part) => u32(part.type)),
    [section.table]: parts.tables,
    [section.memory]: parts.memories,
    [section.tag]: parts.tags,
    [section.global]: parts.globals,
    [section.export]: parts.exports,
    [section.element]: parts.elements,
    [section.code]: parts.functions?.map(functionBody),
    [section.data]: parts.data,
  };
  const out: Bytes[] = [[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]];
  const add = (id: number, contents: Bytes) => void out.push([id], sized(contents));
  for (const contents of parts.customsFirst ?? []) add(section.custom, contents);
  for (const id of sectionOrder) {
    const items = vectors[id];
    if (items !== undefined) add(id, vector(items));
    if (id === section.start && parts.start !== undefined) add(id, u32(parts.start));
    if (id === section.dataCount && parts.dataCount !== undefined) add(id, u32(parts.dataCount));
  }
  for (const contents of parts.customs ?? []) add(section.custom, contents);
  return Uint8Array.from(out.flat());
}

function functionBody(part: FunctionParts): Bytes {
  const locals = vector((part.locals ?? []).map((local) => [1, local]));
  return sized([...locals, ...part.code, 0x0b]);
}
