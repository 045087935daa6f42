/**
 * Loads jco, which is itself a WebAssembly module and would take four gigabytes for a component that makes it: its memory
 * gets a maximum first. What asks for more breaks it, like other components that it cannot take.
 */
import type { GenerateOptions, Transpiled } from "@bytecodealliance/jco-transpile/component";
import { BinaryReader } from "../wasm/binary-reader.ts";
import { BinaryWriter } from "../wasm/binary-writer.ts";
import { section } from "../wasm/module-model.ts";
import { componentLimits } from "./limits.ts";

export type Generate = (component: Uint8Array, options: GenerateOptions) => Transpiled;

interface Engine {
  compile: (bytes: Uint8Array) => Promise<object>;
}

let loading: Promise<Generate> | undefined;

/** Once for this thread: what is loaded stays. */
export function loadTranslator(): Promise<Generate> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Generate> {
  const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
  const { compile } = engine;
  engine.compile = (bytes) => compile(withMemoryMax(bytes, componentLimits.translatorPagesMax));
  try {
    const { generate, $init } = await import("@bytecodealliance/jco-transpile/component");
    await $init;
    return generate;
  } finally {
    engine.compile = compile;
  }
}

/** The module with a maximum for each memory of its own that has none. It is a trusted one. */
export function withMemoryMax(binary: Uint8Array, pagesMax: number): Uint8Array {
  const reader = new BinaryReader(binary, 8);
  while (reader.remaining > 0) {
    const start = reader.pos;
    const id = reader.u8();
    const contents = reader.slice(reader.u32(), "section");
    if (id !== section.memory) continue;
    const limits = boundedMemories(contents, pagesMax);
    const head = new BinaryWriter().u8(id).u32(limits.length);
    return Buffer.concat([binary.subarray(0, start), head.view(), limits, binary.subarray(reader.pos)]);
  }
  return binary;
}

function boundedMemories(contents: BinaryReader, pagesMax: number): Uint8Array {
  const count = contents.count("memories");
  const out = new BinaryWriter().u32(count);
  for (let i = 0; i < count; i++) {
    const flags = contents.u8();
    const min = contents.u32();
    const max = (flags & 1) === 0 ? pagesMax : contents.u32();
    out
      .u8(flags | 1)
      .u32(min)
      .u32(max);
  }
  return out.view();
}
