import { preview1Signatures } from "../../node-daemon/wasi/signatures.ts";
import {
  buildModule,
  type Bytes,
  exportItem,
  functionType,
  type FunctionParts,
  importItem,
  kind,
  lines,
  type ModuleParts,
  s32,
  sized,
  type,
  u32,
  vector,
} from "../../node-daemon/wasm/wasm-builder.ts";
import type { Dice } from "./dice.ts";
import { nested, pickSnippet } from "./snippets.ts";

const empty = functionType([], []);
const i32 = (value: number): Bytes => [0x41, ...s32(value)];
const repeated = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** A command with one memory whose `_start` is the first function, type 0 is `() -> ()`. */
function command(code: Bytes, more: ModuleParts = {}): Uint8Array {
  const imported = (more.imports ?? []).length;
  return buildModule({
    memories: [[0, 1]],
    ...more,
    types: [empty, ...(more.types ?? [])],
    functions: [{ type: 0, code }, ...(more.functions ?? [])],
    exports: [
      exportItem("memory", kind.memory, 0),
      exportItem("_start", kind.function, imported),
      ...(more.exports ?? []),
    ],
  });
}

const idle: FunctionParts = { type: 0, code: [] };
const valueTypes = [type.i32, type.i64, type.f32, type.f64, type.v128, type.funcref, type.externref];
const zeros: Readonly<Record<number, Bytes>> = {
  [type.i32]: [0x41, 0],
  [type.i64]: [0x42, 0],
  [type.f32]: [0x43, 0, 0, 0, 0],
  [type.f64]: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
  [type.v128]: [0xfd, 12, ...Array<number>(16).fill(0)],
  [type.funcref]: [0xd0, 0x70],
  [type.externref]: [0xd0, 0x6f],
};

function signatureType(signature: string): Bytes {
  const [params = "", results = ""] = signature.split("->");
  const types = (text: string) =>
    (text.match(/i(?:32|64)/g) ?? []).map((word) => (word === "i64" ? type.i64 : type.i32));
  return functionType(types(params), types(results));
}

/** Calls functions of WASI with numbers near all edges, for ever or a few times. */
function callsWasi(dice: Dice): Uint8Array {
  const names = dice.shuffle(Object.keys(preview1Signatures)).slice(0, dice.size(12));
  const signatures = names.map((name) => preview1Signatures[name] ?? "");
  const numbers = [0, 1, 2, 3, 4, 8, 16, 255, 4_096, 65_535, 65_536, 0x7fff_ffff, -1, -8, -0x8000_0000];
  const calls = repeated(dice.size(60), () => {
    const index = dice.below(names.length);
    const [params = "", results = ""] = (signatures[index] ?? "").split("->");
    const args = (params.match(/i(?:32|64)/g) ?? []).map((word) => {
      const value = dice.chance(0.3) ? dice.below(64) : dice.pick(numbers);
      return word === "i64" ? [0x42, ...s32(value)] : i32(value);
    });
    return lines(...args, [0x10, ...u32(index)], results.includes("i32") ? [0x1a] : []);
  });
  const body = lines(...calls);
  return command(dice.chance(0.5) ? [0x03, 0x40, ...body, 0x0c, 0, 0x0b] : body, {
    types: signatures.map(signatureType),
    imports: names.map((name, index) =>
      importItem("wasi_snapshot_preview1", name, kind.function, u32(index + 1)),
    ),
    data: [[0, ...i32(0), 0x0b, ...sized([...dice.bytes(dice.size(2_000))])]],
  });
}

function deep(dice: Dice): Uint8Array {
  const opcode = dice.pick([0x02, 0x03, 0x04, 0x06]);
  return command(nested(opcode, dice.size(60_000), [], opcode === 0x06 ? [0x19, 0x0b] : [0x0b]));
}

function manyLocals(dice: Dice): Uint8Array {
  const locals = repeated(dice.size(50_500), () => dice.pick(valueTypes));
  const code = lines(...repeated(dice.size(50), () => [0x20, ...u32(dice.below(locals.length)), 0x1a]));
  return command(code, { functions: [{ type: 0, locals, code }] });
}

function branchTables(dice: Dice): Uint8Array {
  const depth = dice.size(1_000);
  const table = (): Bytes => {
    const targets = repeated(dice.size(20_000), () => u32(dice.below(depth)));
    return lines(i32(dice.below(targets.length + 2)), [0x0e, ...u32(targets.length)], targets.flat(), [0]);
  };
  return command(nested(0x02, depth, table()));
}

function manyFunctions(dice: Dice): Uint8Array {
  const functions = repeated(dice.size(3_000), (index): FunctionParts => ({
    type: 0,
    code: dice.chance(0.5) ? [0x10, ...u32(index)] : dice.chance(0.02) ? pickSnippet(dice) : [],
  }));
  return command([0x10, ...u32(functions.length)], { functions });
}

function wideTypes(dice: Dice): Uint8Array {
  const params = repeated(dice.size(1_100), () => dice.pick(valueTypes));
  const results = repeated(dice.size(1_100), () => dice.pick(valueTypes));
  const zerosOf = (types: readonly number[]) => lines(...types.map((one) => zeros[one] ?? []));
  const call = lines(zerosOf(params), [0x10, 1], ...results.map(() => [0x1a]));
  return command(call, {
    types: [functionType(params, results)],
    functions: [{ type: 1, code: zerosOf(results) }],
  });
}

function tablesAndElements(dice: Dice): Uint8Array {
  const tables = repeated(dice.size(66), () => [
    type.funcref,
    dice.below(2),
    ...u32(dice.size(3_000)),
    ...u32(100_000),
  ]);
  const sane = tables.map(([element = 0, flags = 0, ...rest]) =>
    flags === 1 ? [element, 1, ...rest] : [element, 0, ...rest.slice(0, rest.length - u32(100_000).length)],
  );
  const elements = repeated(dice.size(300), () => {
    const indices = repeated(dice.size(200), () => u32(dice.below(2)));
    return dice.chance(0.5)
      ? [1, 0, ...vector(indices)]
      : [0, ...i32(dice.below(3_000)), 0x0b, ...vector(indices)];
  });
  const code = lines([0xd0, 0x70], i32(dice.size(100_000)), [0xfc, 15, 0, 0x1a], i32(0), [0x11, 0, 0]);
  return command(code, { tables: sane, elements, functions: [idle] });
}

function manyMemories(dice: Dice): Uint8Array {
  const memories = repeated(dice.size(18), (): Bytes => [dice.chance(0.1) ? 4 : 0, ...u32(dice.below(4))]);
  const grows = repeated(dice.size(40), () => [
    0x41,
    ...s32(dice.size(70_000)),
    0x40,
    dice.below(memories.length),
    0x1a,
  ]);
  return command(lines(...grows), { memories });
}

function recursiveTypes(dice: Dice): Uint8Array {
  const members = dice.size(300);
  const heap = () => [dice.pick([0x63, 0x64]), ...u32(1 + dice.below(members))];
  const member = (): Bytes => [
    ...(dice.chance(0.3) ? [dice.pick([0x50, 0x4f]), 0] : []),
    0x60,
    ...vector(repeated(dice.below(4), heap)),
    ...vector(repeated(dice.below(3), heap)),
  ];
  return command([], { types: [[0x4e, ...u32(members), ...repeated(members, member).flat()]] });
}

/** A group of structs and arrays that name each other, and code that makes, casts and copies them. */
function collectedTypes(dice: Dice): Uint8Array {
  const members = dice.size(40);
  const first = 1;
  const field = (): Bytes => [
    ...dice.pick<Bytes>([
      [0x78],
      [0x77],
      [type.i32],
      [type.i64],
      [0x6e],
      [0x63, ...u32(first + dice.below(members))],
    ]),
    dice.below(2),
  ];
  const member = (): Bytes =>
    dice.chance(0.5) ? [0x5f, ...vector(repeated(dice.below(6), field))] : [0x5e, ...field()];
  const made = (): Bytes => [...u32(first + dice.below(members))];
  const code = repeated(dice.size(30), () =>
    dice.pick<() => Bytes>([
      () => [0xfb, 1, ...made(), 0x1a],
      () => lines(i32(dice.size(100_000)), [0xfb, 7, ...made(), 0x1a]),
      () => lines(i32(dice.below(3)), [0xfb, 0x1c, 0xfb, dice.pick([0x14, 0x16]), ...made(), 0x1a]),
      () => lines([0x02, 0x6e], i32(1), [0xfb, 0x1c, 0xfb, 0x18, 0, 0, 0x6c, 0x6c, 0x0b, 0x1a]),
      () => [0x00, 0xfb, dice.below(40), ...made(), ...made()],
    ])(),
  );
  const types = [[0x4e, ...u32(members), ...repeated(members, member).flat()]];
  return command(lines(...code), { types });
}

/** Atomic instructions on memories that are shared or not, also waits that nobody ends. */
function atomics(dice: Dice): Uint8Array {
  const memories = repeated(dice.size(3), (): Bytes =>
    dice.chance(0.7) ? [dice.pick([3, 3, 7]), 1, ...u32(dice.size(65_536))] : [0, 1],
  );
  const code = repeated(dice.size(40), () => {
    const opcode = dice.below(0x50);
    const wide = opcode === 2 || opcode >= 0x10 ? [0x42, dice.below(64)] : i32(dice.below(64));
    const operands = lines(i32(dice.below(16) * 8), dice.chance(0.5) ? wide : i32(1), [0x42, dice.below(64)]);
    return dice.chance(0.6)
      ? lines(i32(dice.below(16) * 8), i32(dice.below(9)), [0xfe, 0x1e + 7 * dice.below(6), 2, 0, 0x1a])
      : lines([0x02, 0x40], operands, [0xfe, opcode, dice.below(4), 0, 0x00, 0x0b]);
  });
  return command(lines(...code), { memories });
}

/** Exceptions of many values, kept in tables and globals. */
function storedExceptions(dice: Dice): Uint8Array {
  const values = repeated(dice.size(200), () => type.i64);
  const thrown = lines(...values.map(() => [0x42, 1]), [0x08, 0]);
  const caught = lines([0x02, 0x69, 0x1f, 0x40, 1, 3, 0], thrown, [0x0b, 0x00, 0x0b]);
  const code = dice.chance(0.5)
    ? lines(caught, [0x24, 0])
    : [0x03, 0x40, ...lines(i32(dice.below(4)), caught, [0x26, 0]), 0x0c, 0, 0x0b];
  return command(code, {
    types: [functionType(values, [])],
    tables: [[0x69, 0, 4]],
    tags: [[0, 1]],
    globals: [[0x69, 1, 0xd0, 0x69, 0x0b]],
  });
}

function globalsAndExports(dice: Dice): Uint8Array {
  const globals = repeated(dice.size(3_000), (index): Bytes =>
    index > 0 && dice.chance(0.5)
      ? [type.i32, 0, 0x23, ...u32(dice.below(index)), 0x0b]
      : dice.chance(0.1)
        ? [type.funcref, 1, 0xd2, 0, 0x0b]
        : [type.i32, dice.below(2), ...i32(dice.below(100)), 0x0b],
  );
  const exports = repeated(dice.size(3_000), (index) =>
    exportItem(dice.chance(0.01) ? "__proto__" : `e${index}`, kind.global, dice.below(globals.length)),
  );
  return command([], { globals, exports });
}

function startSection(dice: Dice): Uint8Array {
  return command(pickSnippet(dice), {
    functions: [{ type: 0, code: pickSnippet(dice) }],
    start: dice.below(2),
  });
}

function recursion(dice: Dice): Uint8Array {
  const locals = repeated(dice.size(500), () => type.i64);
  const calls = lines(...repeated(dice.size(5), () => [dice.pick([0x10, 0x10, 0x12]), 1]));
  const caught = dice.chance(0.5) ? lines([0x06, 0x40], calls, [0x19], calls, [0x0b]) : calls;
  return command(caught, { functions: [{ type: 0, locals, code: caught }], tags: [[0, 0]] });
}

function snippetsOnly(dice: Dice): Uint8Array {
  const code = lines(...repeated(dice.size(12), () => pickSnippet(dice)));
  return command(code, {
    tables: [[type.funcref, 0, 4]],
    tags: [[0, 0]],
    globals: [[type.i32, 1, 0x41, 0, 0x0b]],
    elements: [[0, 0x41, 0, 0x0b, 2, 0, 1]],
    functions: [{ type: 0, code: pickSnippet(dice) }],
  });
}

function straightLine(dice: Dice): Uint8Array {
  return command(lines(...repeated(dice.size(60_000), () => [0x41, dice.below(64), 0x1a])));
}

function manyImports(dice: Dice): Uint8Array {
  const imports = repeated(dice.size(3_000), () =>
    importItem(dice.chance(0.001) ? "env" : "wasi_snapshot_preview1", "sched_yield", kind.function, [1]),
  );
  const calls = repeated(dice.size(20), () => [0x10, ...u32(dice.below(imports.length)), 0x1a]);
  return command(lines(...calls), { imports, types: [functionType([], [type.i32])] });
}

function dataSegments(dice: Dice): Uint8Array {
  const data = repeated(dice.size(3_000), (): Bytes =>
    dice.chance(0.5) ? [1, 1, 7] : [0, ...i32(dice.below(65_600)), 0x0b, 1, 7],
  );
  const inits = repeated(dice.size(30), () =>
    lines(i32(dice.below(65_536)), i32(0), i32(dice.below(3)), [0xfc, 8, ...u32(dice.below(data.length)), 0]),
  );
  return command(lines(...inits), { data, dataCount: data.length });
}

/** Modules that the engine takes, or nearly, and that go to where limits are. */
export const oddModules: Readonly<Record<string, (dice: Dice) => Uint8Array>> = {
  callsWasi,
  deep,
  manyLocals,
  branchTables,
  manyFunctions,
  wideTypes,
  tablesAndElements,
  manyMemories,
  recursiveTypes,
  collectedTypes,
  atomics,
  storedExceptions,
  globalsAndExports,
  startSection,
  recursion,
  snippetsOnly,
  straightLine,
  manyImports,
  dataSegments,
};
