import { describe, expect, test } from "vitest";
import { withGivenMemory } from "./given-memory.ts";
import { op } from "./opcodes.ts";
import { rewriteModule, type RewriteMode } from "./rewrite.ts";
import { engine } from "./rewritten-guest.ts";
import {
  buildModule,
  type Bytes,
  exportItem,
  functionType,
  kind,
  lines,
  sized,
  type,
} from "./wasm-builder.ts";

interface Memory {
  readonly buffer: ArrayBuffer;
}

const makeMemory = (initial: number) =>
  new (
    globalThis as unknown as { readonly WebAssembly: { readonly Memory: new (limits: object) => Memory } }
  ).WebAssembly.Memory({ initial });

const grows = (memory: Bytes = [0, 1]) =>
  buildModule({
    types: [functionType([type.i32], [type.i32]), functionType([], [type.i32])],
    memories: [memory],
    functions: [
      { type: 0, code: [op.localGet, 0, op.memoryGrow, 0] },
      { type: 1, code: [op.memorySize, 0] },
      { type: 0, code: [op.localGet, 0, 0x28, 2, 0] },
      // In a loop nest, whose fuel is in a local.
      {
        type: 0,
        code: lines(
          [op.loop, 0x40, op.i32Const, 1, op.memoryGrow, 0, op.drop],
          [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localTee, 0, op.brIf, 0, op.end],
          [op.memorySize, 0],
        ),
      },
    ],
    exports: [
      exportItem("grow", kind.function, 0),
      exportItem("size", kind.function, 1),
      exportItem("load", kind.function, 2),
      exportItem("growOneByOne", kind.function, 3),
      exportItem("memory", kind.memory, 0),
    ],
    data: [[0, op.i32Const, 8, op.end, ...sized([1, 2, 3, 4])]],
  });

function guestIn(memory: object, module: Uint8Array, mode: RewriteMode = "recyclable") {
  const rewritten = rewriteModule(module, undefined, mode);
  if (rewritten.kind === "rejected") throw new Error(rewritten.message);
  const { hooks } = rewritten.facts;
  const given = withGivenMemory(rewritten.bytes, rewritten.facts);
  if (!given) throw new Error("it has no memory that could be given");
  const imports = { [hooks.module]: { [hooks.yield]: () => {}, [given.name]: memory } };
  const { exports } = new engine.Instance(new engine.Module(given.bytes), imports);
  const call = (name: string, ...values: readonly number[]) => exports[name]?.(...values);
  for (const [hook, value] of [
    [hooks.fuel, 1_000_000],
    [hooks.stack, 100_000],
  ] as const) {
    const global = exports[hook];
    if (global) global.value = value;
  }
  const cap = (pages: number) => {
    const global = exports[hooks.memoryCap];
    if (global) global.value = pages;
  };
  return { call, cap, exports };
}

const pagesOf = ({ buffer }: Memory) => buffer.byteLength / 65_536;

describe("withGivenMemory", () => {
  test("the module works in the memory that it is given, and exports it under its own name", () => {
    const memory = makeMemory(1);
    const guest = guestIn(memory, grows(), "plain");
    expect(guest.exports["memory"]).toBe(memory);
    expect(guest.call("load", 8)).toBe(0x04030201);
    expect([...new Uint8Array(memory.buffer, 8, 4)]).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ["no memory", { memories: [] }],
    [
      "two",
      {
        memories: [
          [0, 1],
          [0, 1],
        ] as Bytes[],
      },
    ],
    ["one of 64 bits", { memories: [[4, 1]] }],
    ["a shared one", { memories: [[3, 1, 2]] }],
  ])("a module with %s stays as it is", (_name, { memories }) => {
    const module = buildModule({
      types: [functionType([], [])],
      memories,
      functions: [{ type: 0, code: [] }],
    });
    const rewritten = rewriteModule(module, undefined, "recyclable");
    if (rewritten.kind === "rejected") throw new Error(rewritten.message);
    expect(withGivenMemory(rewritten.bytes, rewritten.facts)).toBeUndefined();
  });
});

describe("rewriteModule, recyclable: a memory that an instance before has made to grow", () => {
  test("each instance begins with its own pages, and what it grows by is there already", () => {
    const memory = makeMemory(1);
    const first = guestIn(memory, grows());
    expect([first.call("size"), first.call("grow", 3), first.call("size")]).toEqual([1, 1, 4]);
    expect(pagesOf(memory)).toBe(4);
    const second = guestIn(memory, grows());
    expect([second.call("size"), second.call("grow", 2), second.call("size")]).toEqual([1, 1, 3]);
    expect(pagesOf(memory)).toBe(4);
    expect([second.call("grow", 0), second.call("grow", 3), second.call("size")]).toEqual([3, 3, 6]);
    expect(pagesOf(memory)).toBe(6);
  });

  test("the cap counts what the guest has, not what there is", () => {
    const memory = makeMemory(5);
    const guest = guestIn(memory, grows());
    guest.cap(4);
    expect([4, 3, 1, -1].map((delta) => guest.call("grow", delta))).toEqual([-1, 1, -1, -1]);
    expect(guest.call("size")).toBe(4);
    expect(pagesOf(memory)).toBe(5);
    guest.cap(7);
    expect([3, 1].map((delta) => guest.call("grow", delta))).toEqual([4, -1]);
    expect(pagesOf(memory)).toBe(7);
  });

  test("the memory's own maximum holds", () => {
    const limited = new (
      globalThis as unknown as { readonly WebAssembly: { readonly Memory: new (limits: object) => Memory } }
    ).WebAssembly.Memory({ initial: 1, maximum: 3 });
    const guest = guestIn(limited, grows([1, 1, 3]));
    expect([3, 2, 1].map((delta) => guest.call("grow", delta))).toEqual([-1, 1, -1]);
  });

  test("in a loop as anywhere", () => {
    const guest = guestIn(makeMemory(1), grows());
    expect(guest.call("growOneByOne", 10)).toBe(11);
  });

  test("a module with two memories is as it would be", () => {
    const module = buildModule({
      types: [functionType([], [type.i32])],
      memories: [
        [0, 1],
        [0, 2],
      ],
      functions: [{ type: 0, code: [op.memorySize, 1] }],
      exports: [exportItem("size", kind.function, 0)],
    });
    const bytesOf = (mode: RewriteMode) => {
      const rewritten = rewriteModule(module, undefined, mode);
      return rewritten.kind === "rewritten" ? rewritten.bytes : undefined;
    };
    expect(bytesOf("recyclable")).toEqual(bytesOf("plain"));
  });
});
