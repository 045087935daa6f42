/**
 * Of a rewritten module: the same with its memory as an import, so that whoever instantiates it again and again can give it a memory
 * that an instance before it had, which is several times cheaper than a new one. Nothing else in it changes: a
 * memory's index is the same whether it is imported or not.
 */
import { BinaryReader } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { section } from "./module-model.ts";
import { isRecyclable } from "./virtual-pages.ts";

export interface GivenMemory {
  readonly bytes: Uint8Array;
  /** Of the import, beside the hook for yielding. */
  readonly name: string;
}

const externalMemory = 0x02;
const preambleBytes = 8;

/** Undefined for a module that has not exactly one plain memory of its own. */
export function withGivenMemory(
  rewritten: Uint8Array,
  { memories, hooks }: Pick<ModuleFacts, "memories" | "hooks">,
): GivenMemory | undefined {
  if (!isRecyclable(memories)) return undefined;
  const sections = sectionsOf(rewritten);
  const imports = sections.find(({ id }) => id === section.import);
  const memorySection = sections.find(({ id }) => id === section.memory);
  if (!imports || !memorySection) return undefined;
  const name = `${hooks.yield}.memory`;
  const out = new BinaryWriter(rewritten.length + 64).range(rewritten, 0, preambleBytes);
  for (const found of sections) {
    if (found === memorySection) continue;
    if (found !== imports) {
      out.range(rewritten, found.from, found.to);
      continue;
    }
    const payload = importing(rewritten, imports, memorySection, hooks.module, name);
    out.u8(section.import).u32(payload.length).append(payload.view());
  }
  return { bytes: out.view(), name };
}

interface Section {
  readonly id: number;
  /** With its header. */
  readonly from: number;
  readonly contents: number;
  readonly to: number;
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const sections: Section[] = [];
  const reader = new BinaryReader(bytes, preambleBytes);
  while (reader.remaining > 0) {
    const from = reader.pos;
    const id = reader.u8();
    const length = reader.u32();
    const contents = reader.pos;
    reader.slice(length, "a section");
    sections.push({ id, from, contents, to: reader.pos });
  }
  return sections;
}

function importing(
  bytes: Uint8Array,
  imports: Section,
  memories: Section,
  module: string,
  name: string,
): BinaryWriter {
  const reader = new BinaryReader(bytes, imports.contents, imports.to);
  const out = new BinaryWriter().u32(reader.u32() + 1).range(bytes, reader.pos, imports.to);
  const memory = new BinaryReader(bytes, memories.contents, memories.to);
  memory.u32();
  return out.name(module).name(name).u8(externalMemory).range(bytes, memory.pos, memories.to);
}
