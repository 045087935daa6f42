import { describe, expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { op } from "./opcodes.ts";
import { engine, RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import {
  buildModule,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  s32,
  type,
  u32,
} from "./wasm-builder.ts";

const { i32 } = type;
const counter = 0;
const passes = 1;
const dice = 2;
const i32And = 0x71;
/** Four instructions that count themselves. */
const counted: Bytes = [op.globalGet, counter, op.i32Const, 4, op.i32Add, op.globalSet, counter];
const countedTimes = (times: number): Bytes => Array.from({ length: times }, () => counted).flat();

const fail = () => {
  throw new Error("to be caught");
};

function countingModule(code: Bytes): Uint8Array {
  return buildModule({
    types: [functionType([i32], []), functionType([], [])],
    imports: [importItem("host", "fail", kind.function, [1])],
    globals: [0, 40, 1].map((initial) => [i32, 1, op.i32Const, initial, op.end]),
    functions: [{ type: 0, code }],
    exports: [
      exportItem("run", kind.function, 1),
      exportItem("counter", kind.global, counter),
      exportItem("passes", kind.global, passes),
      exportItem("dice", kind.global, dice),
    ],
  });
}

function countingGuest(code: Bytes): RewrittenGuest {
  const guest = new RewrittenGuest(countingModule(code), { imports: { host: { fail } } });
  guest.slice = 2 ** 30;
  guest.fuel = guest.slice;
  // The first call pays for the compilation as well: what follows is to pay for itself.
  guest.call("run", 0);
  guest.item("passes").value = 40;
  guest.item("dice").value = 1;
  return guest;
}

/** Runs it once: what it has paid, and what it has counted. */
function spend(guest: RewrittenGuest, argument: number): { paid: number; counted: number } {
  const fuel = guest.fuel;
  const before = Number(guest.item("counter").value);
  guest.call("run", argument);
  return { paid: fuel - guest.fuel, counted: Number(guest.item("counter").value) - before };
}

describe("compileWeight", () => {
  /** Runs a function of many branches: what its calls have paid, one after the other. */
  function callsOf(branches: number): number[] {
    const code = Array.from({ length: branches }, () => [op.localGet, 0, op.if, 0x40, op.end]).flat();
    const guest = new RewrittenGuest(
      buildModule({
        types: [functionType([i32], [])],
        functions: [{ type: 0, locals: Array<number>(100).fill(i32), code }],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    guest.slice = 2 ** 30;
    return [1, 2, 3].map(() => {
      guest.fuel = guest.slice;
      guest.call("run", 0);
      return guest.slice - guest.fuel;
    });
  }

  test("rewriteModule: the first call of a function pays for its compilation, and only that", () => {
    const [first = 0, second = 0, third = 0] = callsOf(500);
    // At each `if` and each `end` it finds 101 locals.
    expect(first - second).toBeGreaterThan(500 * 2 * 101 * 10);
    expect(second).toBe(third);
    expect(second).toBeLessThan(1500);
  });

  test("rewriteModule: a small function is as good as compiled", () => {
    const [first, second] = callsOf(5);
    expect(first).toBe(second);
  });

  test("rewriteModule: the first calls of many large functions yield after each, whatever they pay in full", () => {
    const code = Array.from({ length: 4000 }, () => [op.localGet, 0, op.if, 0x40, op.end]).flat();
    const locals = Array<number>(1000).fill(i32);
    const functions = 5;
    const calls = Array.from({ length: functions }, (_, index) => [op.i32Const, 0, op.call, ...u32(index)]);
    const guest = new RewrittenGuest(
      buildModule({
        types: [functionType([i32], [])],
        functions: [...calls.map(() => ({ type: 0, locals, code })), { type: 0, code: calls.flat() }],
        exports: [exportItem("run", kind.function, functions)],
      }),
    );
    guest.slice = 50_000_000;
    guest.fuel = guest.slice;
    guest.call("run", 0);
    expect(guest.yields).toBe(functions);
  });
});

describe("FuelRegions", () => {
  test("FuelRegions: of two arms the heavier one is paid", () => {
    const arm = countedTimes(30);
    const guest = countingGuest([op.localGet, 0, op.if, 0x40, ...arm, op.else, ...arm, op.end]);
    for (const argument of [0, 1]) expect(spend(guest, argument)).toEqual({ paid: 122, counted: 120 });
  });

  test("FuelRegions: a large switch costs no more than the case that is taken, and a bit", () => {
    const cases = 60;
    const code: number[] = [op.loop, 0x40];
    for (let i = 0; i <= cases; i++) code.push(op.block, 0x40);
    code.push(op.localGet, 0, op.brTable, ...u32(cases));
    for (let i = 0; i <= cases; i++) code.push(...u32(i));
    for (let i = 0; i <= cases; i++) {
      code.push(op.end, ...countedTimes(i === 7 ? 500 : 20), op.return);
    }
    const guest = countingGuest([...code, op.end]);
    const small = spend(guest, 3);
    expect(small.counted).toBe(80);
    expect(small.paid).toBeLessThan(2100);
    expect(spend(guest, 7)).toMatchObject({ counted: 2000 });
  });

  test("FuelRegions: code that falls from case to case is paid from where it is entered", () => {
    const cases = 100;
    const code: number[] = [];
    for (let i = 0; i <= cases; i++) code.push(op.block, 0x40);
    code.push(op.localGet, 0, op.brTable, ...u32(cases));
    for (let i = 0; i <= cases; i++) code.push(...u32(i));
    for (let i = 0; i <= cases; i++) code.push(op.end, ...countedTimes(20));
    const guest = countingGuest(code);
    for (const argument of [0, 30, 60, 99]) {
      const { paid, counted } = spend(guest, argument);
      expect(counted).toBe((cases + 1 - argument) * 80);
      expect(paid).toBeGreaterThanOrEqual(counted);
      expect(paid).toBeLessThan(counted + 1_000);
    }
  });

  // An engine refuses modules that mix the two.
  test.each([
    { exceptions: "new", excluded: 7 },
    { exceptions: "legacy", excluded: 6 },
  ])("FuelRegions: no path runs what it has not paid, with $exceptions exceptions", ({ excluded }) => {
    const seed = 5;
    const random = seededRandom(seed);
    const pick = (below: number) => Math.floor(random.fraction() * below);
    for (let round = 0; round < 250; round++) {
      const guest = countingGuest(randomBlock({ pick, excluded }, 4, []));
      for (let run = 0; run < 3; run++) {
        const { paid, counted } = spend(guest, run);
        if (paid < counted) expect.fail(`seed ${seed}, round ${round}: paid ${paid} for ${counted}`);
      }
    }
  });
});

describe("LoopNests", () => {
  test.each([
    { exceptions: "new", excluded: 7 },
    { exceptions: "legacy", excluded: 6 },
  ])(
    "LoopNests: neither the result nor the count depends on the slices, with $exceptions exceptions",
    ({ excluded }) => {
      const seed = 6;
      const random = seededRandom(seed);
      const pick = (below: number) => Math.floor(random.fraction() * below);
      let yields = 0;
      for (let round = 0; round < 60; round++) {
        const code = randomBlock({ pick, excluded }, 4, []);
        const original = new engine.Instance(new engine.Module(countingModule(code)), { host: { fail } });
        original.exports["run"]?.(1);
        const guest = countingGuest(code);
        const counts = [2 ** 30, 300, 40].map((slice) => {
          guest.slice = slice;
          guest.fuel = slice;
          guest.item("passes").value = 40;
          guest.item("dice").value = 1;
          guest.item("counter").value = 0;
          const before = guest.used;
          guest.call("run", 1);
          expect(guest.item("counter").value).toBe(original.exports["counter"]?.value);
          return guest.used - before;
        });
        yields += guest.yields;
        if (new Set(counts).size > 1) expect.fail(`seed ${seed}, round ${round}: ${counts.join(", ")}`);
      }
      expect(yields).toBeGreaterThan(200);
    },
  );
});

/** Leaves a number below `below`, a power of two, from a generator that runs in the guest. */
function rolled(below: number): Bytes {
  return lines(
    [op.globalGet, dice, op.i32Const, ...s32(1_103_515_245), op.i32Mul, op.i32Const, ...s32(12_345)],
    [op.i32Add, op.globalSet, dice, op.globalGet, dice, op.i32Const, 16, op.i32ShrU],
    [op.i32Const, ...s32(below - 1), i32And],
  );
}

type Frame = "block" | "loop";

interface Choice {
  /** A random number below `below`. */
  readonly pick: (below: number) => number;
  /** The kind of part that does not occur. */
  readonly excluded: number;
}

/** Structured code that goes its way at random, and returns after a bounded number of loop passes. */
function randomBlock(choice: Choice, depth: number, frames: readonly Frame[]): Bytes {
  const { pick } = choice;
  const code: Bytes[] = [countedTimes(pick(40))];
  for (let parts = depth === 0 ? 0 : 1 + pick(4); parts > 0; parts--) {
    code.push(randomPart(choice, depth - 1, frames), countedTimes(pick(60)));
  }
  return code.flat();
}

function randomPart(choice: Choice, depth: number, frames: readonly Frame[]): Bytes {
  const { pick, excluded } = choice;
  const part = pick(8);
  const inside = (frame: Frame) => randomBlock(choice, depth, [frame, ...frames]);
  const label = () => u32(pick(frames.length + 1));
  const guard = lines(
    [op.globalGet, passes, op.i32Const, 1, op.i32Sub, op.globalSet, passes],
    [op.globalGet, passes, op.i32Const, 0, op.i32LtS, op.if, 0x40, op.return, op.end],
  );
  switch (part === excluded ? 0 : part) {
    case 0:
      return [op.block, 0x40, ...inside("block"), op.end];
    case 1:
      return [op.loop, 0x40, ...guard, ...inside("loop"), op.end];
    case 2:
      return [...rolled(2), op.if, 0x40, ...inside("block"), op.end];
    case 3:
      return [...rolled(2), op.if, 0x40, ...inside("block"), op.else, ...inside("block"), op.end];
    case 4:
      return [...rolled(4), op.brIf, ...label()];
    case 5:
      return [...rolled(8), op.brTable, 2, ...label(), ...label(), ...label()];
    case 6:
      // Throws now and then (by a cheap call, as `throw` itself overpays), out of whatever stands in it, and goes on behind the outer block.
      return lines(
        [op.block, 0x40, op.tryTable, 0x40, 1, 2, 0],
        randomBlock(choice, depth, ["block", "block", ...frames]),
        [...rolled(2), op.if, 0x40, op.call, 0, op.end, op.end, op.end],
      );
    default:
      return lines(
        [op.try, 0x40],
        inside("block"),
        [...rolled(2), op.if, 0x40, op.call, 0, op.end, op.catchAll],
        inside("block"),
        [op.end],
      );
  }
}
