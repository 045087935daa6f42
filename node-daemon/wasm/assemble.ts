import type { AddedFunctions } from "./added-functions.ts";
import { BinaryReader, Rejection } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import type { RewrittenCode } from "./code-rewriter.ts";
import type { Hooks } from "./module-facts.ts";
import { tierHintsSection } from "./module-facts.ts";
import type { ModuleModel, SectionRange } from "./module-model.ts";
import { section, sectionOrder } from "./module-model.ts";
import { rewriteNames } from "./name-section.ts";
import { op } from "./opcodes.ts";

/** Initially no cap: the host sets its own right after instantiation, before any guest code has run. */
const memoryCapPages = 65_536;
const tableCapElements = 10_000_000;

/** Initially: less than what the engine gives to any guest. */
const stackBytes = 256 * 1024;

/** Puts the new module together: old sections with their function indices replaced, and what is added to each. */
export function assemble(
  model: ModuleModel,
  added: AddedFunctions,
  code: RewrittenCode,
  hooks: Hooks,
): Uint8Array {
  const output = new Assembly(model, added, code, hooks);
  let next = 0;
  for (const range of model.sections) {
    if (range.id === section.custom) {
      if (isKept(range.name)) output.copy(range);
      continue;
    }
    const rank = sectionOrder.indexOf(range.id);
    for (; next < rank; next++) output.write(sectionOrder[next] ?? 0, undefined);
    output.write(range.id, range);
    next = rank + 1;
  }
  for (; next < sectionOrder.length; next++) output.write(sectionOrder[next] ?? 0, undefined);
  output.writeNames();
  return output.join();
}

/**
 * Custom sections that stay as they are. Dropped are those that speak of offsets in the code, which are wrong now
 * (debug information is often the largest part of a file, so this saves memory too), those for a linker, and `name`,
 * which is written anew.
 */
function isKept(name: string): boolean {
  if (name === "name" || name === "linking" || name === "compilationHints") return false;
  if (name === "sourceMappingURL" || name === "external_debug_info") return false;
  return !/^(?:\.debug_|reloc\.|metadata\.code\.)/.test(name);
}

class Assembly {
  readonly #model: ModuleModel;
  readonly #added: AddedFunctions;
  readonly #code: RewrittenCode;
  readonly #hooks: Hooks;
  readonly #parts: Uint8Array[] = [];
  /** Position of the next function reference, as sections are written in the order in which they were read. */
  #reference = 0;

  constructor(model: ModuleModel, added: AddedFunctions, code: RewrittenCode, hooks: Hooks) {
    this.#model = model;
    this.#added = added;
    this.#code = code;
    this.#hooks = hooks;
    this.#parts.push(model.binary.subarray(0, 8));
  }

  /** What only an export has declared is declared by a segment, once the export is another function. */
  #writeElements(range: SectionRange | undefined): void {
    const declared = this.#added.wrappedFunctions;
    if (declared.length === 0) {
      if (range !== undefined) this.#pushGrown(section.element, range, 0, new BinaryWriter());
      return;
    }
    const segment = new BinaryWriter().raw(3, 0).u32(declared.length);
    for (const index of declared) segment.u32(index);
    this.#pushGrown(section.element, range, 1, segment);
  }

  /** Copies a section byte by byte. */
  copy(range: SectionRange): void {
    this.#push(range.id, [this.#model.binary.subarray(range.start, range.end)]);
  }

  /** Writes the section of this id; `range` is the original one, if there was one. */
  write(id: number, range: SectionRange | undefined): void {
    switch (id) {
      case section.start:
        return;
      case section.type:
        return this.#pushGrown(id, range, this.#added.addedTypes.size, this.#addedTypes());
      case section.import:
        return this.#pushGrown(id, range, 1, this.#addedImport());
      case section.function:
        return this.#pushGrown(id, range, this.#added.functions.length, this.#addedFunctionTypes());
      case section.global:
        return this.#pushGrown(id, range, 5 + this.#added.ownNumbers.length, this.#addedGlobals());
      case section.export:
        return this.#pushGrown(id, range, this.#addedExportCount, this.#addedExports());
      case section.code:
        return this.#writeCode(range);
      case section.element:
        return this.#writeElements(range);
      case section.table:
        return range === undefined ? undefined : this.#pushGrown(id, range, 0, new BinaryWriter());
      default:
        return range === undefined ? undefined : this.copy(range);
    }
  }

  writeNames(): void {
    const old = this.#model.sections.findLast((range) => range.name === "name");
    const contents = old && new BinaryReader(this.#model.binary, old.contents, old.end);
    const names = rewriteNames(contents, {
      addedImport: this.#added.yieldImport,
      addedImportName: "wherry.yield",
      addedStart: this.#added.functionCount + 1,
      addedNames: this.#added.functions.map(({ name }) => name),
    });
    this.#push(section.custom, [new BinaryWriter().name("name").view(), names]);
  }

  join(): Uint8Array {
    const size = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const { rewrittenBytesMax } = this.#model.limits;
    if (size > rewrittenBytesMax) {
      throw new Rejection(
        "ModuleTooLarge",
        `the rewritten module would have ${size} of ${rewrittenBytesMax} bytes`,
      );
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #push(id: number, contents: readonly Uint8Array[]): void {
    const size = contents.reduce((sum, part) => sum + part.length, 0);
    this.#parts.push(new BinaryWriter(8).u8(id).u32(size).view(), ...contents);
  }

  /** An old section with `extraCount` more elements. */
  #pushGrown(id: number, range: SectionRange | undefined, extraCount: number, extra: BinaryWriter): void {
    const count = new BinaryWriter(8).u32((range?.count ?? 0) + extraCount).view();
    const old = range === undefined ? new Uint8Array() : this.#withNewReferences(range);
    this.#push(id, [count, old, extra.view()]);
  }

  #withNewReferences(range: SectionRange): Uint8Array {
    const { binary, functionReferences: references } = this.#model;
    if ((references[this.#reference] ?? Infinity) >= range.end)
      return binary.subarray(range.contents, range.end);
    const exported = range.id === section.export;
    const out = new BinaryWriter(Math.floor((range.end - range.contents) * 1.1) + 16);
    let cursor = range.contents;
    for (; (references[this.#reference] ?? Infinity) < range.end; this.#reference += 3) {
      out.range(binary, cursor, references[this.#reference] ?? 0);
      const index = references[this.#reference + 2] ?? 0;
      out.u32(exported ? this.#added.exportedIndex(index) : this.#added.newFunctionIndex(index));
      cursor = references[this.#reference + 1] ?? 0;
    }
    return out.range(binary, cursor, range.end).view();
  }

  #addedTypes(): BinaryWriter {
    const out = new BinaryWriter();
    for (const type of this.#added.addedTypes) {
      for (let i = 0; i < type.length; i++) out.u8(type.charCodeAt(i));
    }
    return out;
  }

  #addedImport(): BinaryWriter {
    return new BinaryWriter()
      .name(this.#hooks.module)
      .name(this.#hooks.yield)
      .u8(0x00)
      .u32(this.#added.yieldType);
  }

  #addedFunctionTypes(): BinaryWriter {
    const out = new BinaryWriter();
    for (const { type } of this.#added.functions) out.u32(type);
    return out;
  }

  #addedGlobals(): BinaryWriter {
    const out = new BinaryWriter();
    const own = [0, 0, memoryCapPages, tableCapElements, stackBytes];
    for (const initial of [...own, ...this.#added.ownNumbers]) {
      out.raw(0x7f, 0x01, op.i32Const).s32(initial).u8(op.end);
    }
    return out;
  }

  get #addedExportCount(): number {
    return 5 + this.#hooks.memories.length + (this.#hooks.start === undefined ? 0 : 1);
  }

  #addedExports(): BinaryWriter {
    const { fuel, kill, memoryCap, tableCap, stack, memories, start } = this.#hooks;
    const out = new BinaryWriter();
    for (const [i, name] of [fuel, kill, memoryCap, tableCap, stack].entries()) {
      out
        .name(name)
        .u8(0x03)
        .u32(this.#added.fuelGlobal + i);
    }
    for (const [i, index] of this.#model.hiddenMemories.entries()) {
      out
        .name(memories[i] ?? "")
        .u8(0x02)
        .u32(index);
    }
    if (start !== undefined) {
      out
        .name(start)
        .u8(0x00)
        .u32(this.#added.newFunctionIndex(this.#model.start ?? 0));
    }
    return out;
  }

  #writeCode(range: SectionRange | undefined): void {
    const { functions } = this.#added;
    this.#push(section.custom, [
      new BinaryWriter().name("metadata.code.branch_hint").view(),
      this.#code.hints,
    ]);
    if (this.#code.tierHints.bytes > 0) {
      this.#push(section.custom, [
        new BinaryWriter().name(tierHintsSection).view(),
        this.#code.tierHints.contents,
      ]);
    }
    const count = new BinaryWriter(8).u32((range?.count ?? 0) + functions.length).view();
    const extra = new BinaryWriter();
    for (const { body } of functions) extra.u32(body.length).append(body);
    this.#push(section.code, [count, this.#code.bodies, extra.view()]);
  }
}
