import { describe, expect, test } from "vitest";
import { defaultLimits } from "./module-facts.ts";
import { op } from "./opcodes.ts";
import type { RewriteLimits } from "./rewrite.ts";
import { rewriteModule } from "./rewrite.ts";
import { engine } from "./rewritten-guest.ts";
import type { Bytes, ModuleParts } from "./wasm-builder.ts";
import { buildModule, exportItem, functionType, importItem, kind, type, u32 } from "./wasm-builder.ts";

const none = functionType([], []);
const preamble: Bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const bytes = (...values: Bytes) => Uint8Array.from(values);
const text = (content: string) => new TextEncoder().encode(content);
const withCode = (...code: Bytes) => buildModule({ types: [none], functions: [{ type: 0, code }] });
const withParts = (parts: ModuleParts) => buildModule(parts);
const longest: Bytes = [0x80, 0x80, 0x80, 0x80, 0x80, 0x00];

interface Row {
  readonly name: string;
  readonly binary: Uint8Array;
  readonly message: string;
}

const invalid: readonly Row[] = [
  { name: "an empty file", binary: bytes(), message: "the file is empty" },
  { name: "text", binary: text("\n (module)"), message: "WebAssembly text" },
  { name: "HTML", binary: text("<!doctype html>"), message: "HTML" },
  { name: "gzip", binary: bytes(0x1f, 0x8b, 8, 0), message: "gzip" },
  { name: "anything else", binary: text("\x7fELF"), message: "found bytes 7f 45 4c 46" },
  { name: "a component", binary: bytes(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), message: "component" },
  { name: "another version", binary: bytes(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), message: "02 00 00 00" },
  { name: "half a header", binary: bytes(0, 0x61, 0x73, 0x6d, 1), message: "within its header" },
  {
    name: "a section beyond the end",
    binary: bytes(...preamble, 1, 9, 0),
    message: "offset 0xa: section 1 of 9",
  },
  {
    name: "an unknown section",
    binary: bytes(...preamble, 77, 0),
    message: "offset 0x8: unknown section 77",
  },
  { name: "sections out of order", binary: bytes(...preamble, 3, 1, 0, 1, 1, 0), message: "out of order" },
  { name: "a repeated section", binary: bytes(...preamble, 1, 1, 0, 1, 1, 0), message: "repeated" },
  { name: "a size of 6 bytes", binary: bytes(...preamble, 1, ...longest), message: "does not fit 32 bits" },
  {
    name: "a huge count",
    binary: bytes(...preamble, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f),
    message: "4294967295 elements announced, but 0 bytes are left",
  },
  { name: "bytes after a section", binary: bytes(...preamble, 1, 2, 0, 0), message: "left over" },
  { name: "a bad name", binary: bytes(...preamble, 0, 3, 2, 0xff, 0xfe), message: "not UTF-8" },
  {
    name: "an unknown type",
    binary: withParts({ types: [[0x12]] }),
    message: "a type was expected, found 0x12",
  },
  {
    name: "a function of a struct",
    binary: withParts({ types: [[0x5f, 0]], functions: [{ type: 0, code: [] }] }),
    message: "function of the unknown type 0",
  },
  {
    name: "a struct of too many fields",
    binary: withParts({ types: [[0x5f, ...u32(10_001), ...Array<number>(20_002).fill(0x7f)]] }),
    message: "10001 fields",
  },
  {
    name: "a field of mutability 2",
    binary: withParts({ types: [[0x5e, type.i32, 2]] }),
    message: "of a field",
  },
  {
    name: "a shared memory without a maximum",
    binary: withParts({ memories: [[2, 1]] }),
    message: "a maximum",
  },
  { name: "unknown limits of a memory", binary: withParts({ memories: [[16, 1]] }), message: "limits 0x10" },
  { name: "an unknown value type", binary: withParts({ types: [functionType([1], [])] }), message: "0x1" },
  {
    name: "a function without a body",
    binary: bytes(...preamble, 1, 4, 1, ...none, 3, 2, 1, 0),
    message: "1 functions are declared, but 0 have bodies",
  },
  {
    name: "a function of an unknown type",
    binary: withParts({ functions: [{ type: 3, code: [] }] }),
    message: "unknown type 3",
  },
  { name: "an unknown opcode", binary: withCode(0xff), message: "unknown opcode 0xff" },
  { name: "an unknown SIMD opcode", binary: withCode(0xfd, 0x9a, 0x01), message: "unknown opcode 0xfd 0x9a" },
  { name: "an unknown 0xfc opcode", binary: withCode(0xfc, 77, 0), message: "unknown opcode 0xfc 0x4d" },
  { name: "an unknown 0xfb opcode", binary: withCode(0xfb, 77), message: "unknown opcode 0xfb 0x4d" },
  { name: "an unknown 0xfe opcode", binary: withCode(0xfe, 0x0f), message: "unknown opcode 0xfe 0xf" },
  {
    name: "an array of too many values",
    binary: withParts({
      types: [none, [0x5e, type.i32, 1]],
      functions: [{ type: 0, code: [0xfb, 8, 1, ...u32(10_001)] }],
    }),
    message: "an array of 10001 values",
  },
  {
    name: "an array of an unknown element segment",
    binary: withParts({
      types: [none, [0x5e, type.funcref, 1]],
      functions: [{ type: 0, code: [op.unreachable, 0xfb, 0x0a, 1, 0] }],
    }),
    message: "unknown element segment 0",
  },
  {
    name: "a call through an added type",
    binary: withParts({
      types: [functionType([type.i32], [])],
      tables: [[type.funcref, 0, 1]],
      functions: [{ type: 0, code: [op.localGet, 0, op.callIndirect, 1, 0] }],
    }),
    message: "unknown type 1",
  },
  {
    name: "a reference to the start function alone",
    binary: withParts({
      types: [none],
      functions: [{ type: 0, code: [op.refFunc, 0, 0x1a] }],
      start: 0,
    }),
    message: "undeclared function 0",
  },
  {
    name: "a struct.get in an initializer",
    binary: withParts({ globals: [[type.i32, 0, 0xfb, 2, 0, 0, op.end]] }),
    message: "opcode 0xfb 0x2 in a constant expression",
  },
  { name: "a call of nothing", binary: withCode(op.call, 9), message: "unknown function 9" },
  {
    name: "a write to the added fuel",
    binary: withCode(op.i32Const, 9, op.globalSet, 0),
    message: "unknown global 0",
  },
  { name: "a read of the added kill flag", binary: withCode(op.globalGet, 1), message: "unknown global 1" },
  {
    name: "an initializer from an unknown global",
    binary: withParts({ globals: [[type.i32, 0, op.globalGet, 0, op.end]] }),
    message: "unknown global 0",
  },
  { name: "a call of the added import", binary: withCode(op.call, 1), message: "unknown function 1" },
  { name: "code after the end", binary: withCode(op.end), message: "left over after the end of a function" },
  { name: "an unclosed block", binary: withCode(op.block, 0x40), message: "unexpected end" },
  {
    name: "a huge br_table",
    binary: withCode(op.brTable, ...u32(1e9)),
    message: "1000000000 branch targets",
  },
  { name: "memory.grow without memory", binary: withCode(op.memoryGrow, 0), message: "unknown memory 0" },
  { name: "memory.fill without memory", binary: withCode(0xfc, 11, 0), message: "unknown memory 0" },
  { name: "table.grow without table", binary: withCode(0xfc, 15, 0), message: "unknown table 0" },
  {
    name: "an export of nothing",
    binary: withParts({ exports: [exportItem("f", kind.function, 0)] }),
    message: "unknown function 0",
  },
  {
    name: "an element segment of form 8",
    binary: withParts({ elements: [[8, 0]] }),
    message: "unknown form 8",
  },
  {
    name: "a call in an initializer",
    binary: withParts({ globals: [[type.i32, 0, op.call, 0, op.end]] }),
    message: "opcode 0x10 in a constant expression",
  },
  {
    name: "a start function with results",
    binary: withParts({
      types: [functionType([], [type.i32])],
      functions: [{ type: 0, code: [op.i32Const, 1] }],
      start: 0,
    }),
    message: "not () -> (i32)",
  },
];

const unsupported: readonly Row[] = [
  { name: "a page size", binary: withParts({ memories: [[8, 1, 0]] }), message: "(custom-page-sizes)" },
  {
    name: "a shared global",
    binary: withParts({ globals: [[type.i32, 2, op.i32Const, 0, op.end]] }),
    message: "shared globals (shared-everything-threads)",
  },
  { name: "a shared table", binary: withParts({ tables: [[type.funcref, 2, 1]] }), message: "shared tables" },
  { name: "a shared type", binary: withParts({ types: [[0x65, 0x5f, 0]] }), message: "shared types" },
  {
    name: "a reference to a shared type",
    binary: withParts({ types: [[0x60, 1, 0x63, 0x65, 0x6e, 0]] }),
    message: "shared types",
  },
  { name: "a pause", binary: withCode(0xfe, 4), message: "(shared-everything-threads)" },
  { name: "an atomic struct", binary: withCode(0xfe, 0x5c, 0, 0, 0), message: "(shared-everything-threads)" },
  { name: "a shared i31", binary: withCode(0xfb, 0x1f), message: "(shared-everything-threads)" },
  {
    name: "a descriptor",
    binary: withParts({ types: [[0x4d, 1, 0x5f, 0]] }),
    message: "(custom-descriptors)",
  },
  {
    name: "an exact reference",
    binary: withParts({ types: [none, [0x60, 1, 0x63, 0x62, 0, 0]] }),
    message: "(custom-descriptors)",
  },
  {
    name: "an instruction for descriptors",
    binary: withCode(0xfb, 0x20, 0),
    message: "(custom-descriptors)",
  },
  { name: "a string", binary: withCode(0xfb, 0x80, 1), message: "(stringref)" },
  { name: "stringref", binary: withParts({ types: [functionType([0x67], [])] }), message: "(stringref)" },
  { name: "a section of strings", binary: bytes(...preamble, 14, 1, 0), message: "(stringref)" },
  { name: "stack switching", binary: withCode(0xe0, 0), message: "(stack-switching)" },
  { name: "a continuation", binary: withParts({ types: [none, [0x5d, 0]] }), message: "(stack-switching)" },
];

describe("rejections", () => {
  test.each(invalid)("rewriteModule: $name is invalid, and the message says where", ({ binary, message }) => {
    const result = rewriteModule(binary);
    expect(result).toMatchObject({ kind: "rejected", reason: "ModuleInvalid" });
    expect(result).toHaveProperty("message", expect.stringContaining(message));
    expect(result).toHaveProperty("message", expect.stringMatching(/^offset 0x/));
  });

  test.each(unsupported)("rewriteModule: $name is not supported", ({ binary, message }) => {
    const result = rewriteModule(binary);
    expect(result).toMatchObject({ kind: "rejected", reason: "ModuleUnsupported" });
    expect(result).toHaveProperty("message", expect.stringContaining(message));
    expect(result).toHaveProperty("message", expect.stringMatching(/^offset 0x.* does not support$/));
    // What the engine has, no module is refused for.
    expect(engine.validate(binary)).toBe(false);
  });

  const limitRows: readonly { name: string; limits: Partial<RewriteLimits>; parts?: ModuleParts }[] = [
    { name: "its own size", limits: { moduleBytesMax: 10 } },
    { name: "the size of the result", limits: { rewrittenBytesMax: 300 } },
    { name: "its imports", limits: { namesMax: 1 } },
    { name: "its names", limits: { factsCharactersMax: 20 } },
    { name: "its references", limits: { referencesMax: 1 } },
    { name: "its tables", limits: { tableElementsMax: 10 }, parts: { tables: [[type.funcref, 0, 11]] } },
  ];
  test.each(limitRows)("rewriteModule: a module is too large by $name", ({ limits, parts }) => {
    const host = importItem("host", "a function with a long name", kind.function, [0]);
    const binary = withParts({
      types: [none],
      imports: [host, host],
      exports: [exportItem("first", kind.function, 0), exportItem("second", kind.function, 1)],
      ...parts,
    });
    expect(rewriteModule(binary)).toHaveProperty("kind", "rewritten");
    expect(rewriteModule(binary, { ...defaultLimits, ...limits })).toMatchObject({
      kind: "rejected",
      reason: "ModuleTooLarge",
    });
  });

  test("rewriteModule: exceptions in locals and of 16 values are fine", () => {
    const parts: ModuleParts = {
      types: [functionType(Array<number>(16).fill(type.i64), []), none],
      tags: [[0, 0]],
      functions: [{ type: 1, locals: [0x69], code: [op.refNull, 0x69, op.localSet, 0] }],
    };
    expect(rewriteModule(withParts(parts))).toHaveProperty("kind", "rewritten");
  });

  test("rewriteModule: tables of more than 100,000 elements are refused", () => {
    const tables = (elements: number) => withParts({ tables: [[type.funcref, 0, ...u32(elements)]] });
    expect(rewriteModule(tables(100_000))).toHaveProperty("kind", "rewritten");
    expect(rewriteModule(tables(100_001))).toMatchObject({ kind: "rejected", reason: "ModuleTooLarge" });
  });

  const repeated = (times: number, ...code: Bytes) => Array.from({ length: times }, () => code).flat();
  const guarded: Bytes = [op.localGet, 0, op.if, 0x40, op.end];
  const thousand = Array<number>(1000).fill(type.i32);
  /** Each takes seconds to compile; `code` of half the `times` and a tenth of the values is fine. */
  const branchRows: readonly {
    name: string;
    times: number;
    locals?: number;
    code: (times: number) => Bytes;
  }[] = [
    {
      name: "branches over 20,000 locals",
      times: 2000,
      locals: 20_000,
      code: (n) => repeated(n, ...guarded),
    },
    {
      name: "branches over 20,000 operands",
      times: 2000,
      code: (n) => [...repeated(10 * n, op.i32Const, 0), ...repeated(n, ...guarded), op.unreachable],
    },
    { name: "calls that leave 1000 results each", times: 300, code: (n) => repeated(n, op.call, 1) },
    {
      name: "calls whose 1000 results are dropped",
      times: 300,
      code: (n) => repeated(n, op.call, 1, ...repeated(1000, 0x1a)),
    },
    {
      name: "ifs that take and leave 1000 values",
      times: 6000,
      code: (n) => [...repeated(1000, op.i32Const, 0), ...repeated(n, op.localGet, 0, op.if, 2, op.end)],
    },
    {
      name: "branch tables over 20,000 locals",
      times: 1000,
      locals: 20_000,
      code: (n) => [op.localGet, 0, op.brTable, ...u32(n), ...repeated(n + 1, 0)],
    },
    {
      name: "reads of a table over 20,000 locals",
      times: 1000,
      locals: 20_000,
      code: (n) => repeated(n, op.i32Const, 0, 0x25, 0, 0x1a),
    },
  ];
  test.each(branchRows)("rewriteModule: $name make a function too large", ({ times, locals = 0, code }) => {
    const module = (count: number) =>
      withParts({
        types: [functionType([type.i32], []), functionType([], thousand), functionType(thousand, thousand)],
        tables: [[type.funcref, 0, 1]],
        functions: [
          { type: 0, locals: Array<number>(locals).fill(type.i32), code: code(count) },
          { type: 1, code: [op.unreachable] },
        ],
      });
    const result = rewriteModule(module(times));
    expect(result).toMatchObject({ kind: "rejected", reason: "ModuleTooLarge" });
    expect(result).toHaveProperty("message", expect.stringContaining("Split it into several functions"));
    expect(rewriteModule(module(times / 10))).toHaveProperty("kind", "rewritten");
  });

  test("rewriteModule: deep nesting is no deeper than the guest's own bytes", () => {
    const depth = 100_000;
    const opened = Array.from({ length: depth }, () => [op.loop, 0x40]).flat();
    const closed = Array.from({ length: depth }, () => op.end);
    const result = rewriteModule(
      withParts({ types: [none], functions: [{ type: 0, code: [...opened, ...closed] }] }),
    );
    expect(result).toHaveProperty("kind", "rewritten");
  });
});
