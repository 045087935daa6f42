import { expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { op } from "./opcodes.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";
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
const dice = 0;
const passes = 1;
const stackBytes = 64 * 1024;

/** Leaves a number below `below`, a power of two, from a generator that runs in the guest. */
const rolled = (below: number): Bytes =>
  lines(
    [
      op.globalGet,
      dice,
      op.i32Const,
      ...s32(1_103_515_245),
      op.i32Mul,
      op.i32Const,
      ...s32(12_345),
      op.i32Add,
    ],
    [
      op.globalSet,
      dice,
      op.globalGet,
      dice,
      op.i32Const,
      16,
      op.i32ShrU,
      op.i32Const,
      ...s32(below - 1),
      op.i32And,
    ],
  );

/** Returns after so many passes of all loops. */
const guard: Bytes = lines(
  [op.globalGet, passes, op.i32Const, 1, op.i32Sub, op.globalSet, passes],
  [op.globalGet, passes, op.i32Const, 0, op.i32LtS, op.if, 0x40, op.return, op.end],
);

type Pick = (below: number) => number;

/** Code that goes its way at random; `open` blocks are around it, and function 0 is called now and then. */
function randomCode(pick: Pick, depth: number, open: number): Bytes {
  const parts: Bytes[] = [];
  for (let left = 1 + pick(3); left > 0; left--) parts.push(randomPart(pick, depth, open));
  return parts.flat();
}

function randomPart(pick: Pick, depth: number, open: number): Bytes {
  const inside = () => (depth === 0 ? [op.nop] : randomCode(pick, depth - 1, open + 1));
  const label = () => u32(pick(open + 1));
  switch (pick(9)) {
    case 0:
      return [op.block, 0x40, ...inside(), op.end];
    case 1:
      return [op.loop, 0x40, ...guard, ...inside(), op.end];
    case 2:
      return [...rolled(2), op.if, 0x40, ...inside(), op.end];
    case 3:
      return [...rolled(2), op.if, 0x40, ...inside(), op.else, ...inside(), op.end];
    case 4:
      return [...rolled(2), op.brIf, ...label()];
    case 5:
      return [...rolled(4), op.brTable, 2, ...label(), ...label(), ...label()];
    case 6:
      return [op.nop];
    case 7:
      return [op.block, 0x40, ...inside(), op.br, ...u32(pick(open + 2)), op.end];
    default:
      return [op.call, 0];
  }
}

test("StackPlace: whatever way code goes, what it calls finds the same left of the stack", () => {
  const seed = 7;
  const random = seededRandom(seed);
  const pick: Pick = (below) => Math.floor(random.fraction() * below);
  let calls = 0;
  let later = 0;
  for (let round = 0; round < 1_500; round++) {
    const binary = buildModule({
      types: [functionType([], [])],
      imports: [importItem("host", "look", kind.function, [0])],
      globals: [7 + round, 30].map((initial) => [i32, 1, op.i32Const, ...s32(initial), op.end]),
      functions: [{ type: 0, code: randomCode(pick, 3, 0) }],
      exports: [exportItem("run", kind.function, 1), exportItem("passes", kind.global, passes)],
    });
    const seen = new Set<number>();
    const look = () => void seen.add(guest.stack);
    const guest = new RewrittenGuest(binary, { imports: { host: { look } } });
    for (let run = 0; run < 6; run++) {
      guest.item("passes").value = 30;
      guest.stack = stackBytes;
      guest.call("run");
      if (seen.size === 0 && guest.stack === stackBytes) later++;
    }
    calls += seen.size;
    const [left = 0] = seen;
    if (seen.size > 1 || (seen.size === 1 && (left <= 0 || left >= stackBytes)))
      expect.fail(`seed ${seed}, round ${round}: ${[...seen].join(", ")}`);
  }
  expect(calls).toBeGreaterThan(300);
  expect(later).toBeGreaterThan(300);
});
