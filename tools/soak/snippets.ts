import { type Bytes, lines, s32, u32 } from "../../node-daemon/wasm/wasm-builder.ts";
import type { Dice } from "./dice.ts";

const i32 = (value: number): Bytes => [0x41, ...s32(value)];
const drop: Bytes = [0x1a];
const block = (opcode: number, ...code: readonly Bytes[]): Bytes => [opcode, 0x40, ...lines(...code), 0x0b];
/** Around `inner`, so many times. Built once: nesting arrays would take the square of the depth. */
export function nested(opcode: number, depth: number, inner: Bytes = [], closing: Bytes = [0x0b]): Bytes {
  const opening = opcode === 0x04 ? [0x41, 1, 0x04, 0x40] : [opcode, 0x40];
  const code: number[] = [];
  for (let i = 0; i < depth; i++) code.push(...opening);
  code.push(...inner);
  for (let i = 0; i < depth; i++) code.push(...closing);
  return code;
}

const interesting = [
  0, 1, 2, 7, 8, 127, 128, 255, 65_535, 65_536, 0x7fff_ffff, -1, -2, -65_536, -0x8000_0000,
];

/**
 * Code that takes nothing from the stack and leaves nothing on it. What it names (a memory, a table, a function, a tag) is
 * not in every module.
 */
export const snippets: readonly ((dice: Dice) => Bytes)[] = [
  (dice) => Array<number>(dice.size(2_000)).fill(0x01),
  (dice) => nested(dice.pick([0x02, 0x03, 0x04]), dice.size(3_000)),
  (dice) => nested(0x06, dice.size(500), [], [0x19, 0x0b]),
  (dice) => block(0x03, ...Array.from({ length: dice.below(4) }, () => pickSnippet(dice)), [0x0c, 0]),
  (dice) => block(0x03, pickSnippet(dice), i32(dice.below(2)), [0x0d, 0]),
  () => block(0x03, [0x0c, 0]),
  (dice) => lines(i32(dice.pick(interesting)), [0x40, dice.below(2)], drop),
  (dice) => block(0x03, i32(dice.size(64)), [0x40, 0], drop, [0x0c, 0]),
  (dice) => lines(...[1, 2, 3].map(() => i32(dice.pick(interesting))), [0xfc, 11, 0]),
  (dice) => lines(...[1, 2, 3].map(() => i32(dice.pick(interesting))), [0xfc, 10, 0, 0]),
  (dice) => lines(i32(0), i32(dice.below(256)), i32(65_536), [0xfc, 11, 0]),
  (dice) => lines([0xd0, 0x70], i32(dice.pick(interesting)), [0xfc, 15, ...u32(dice.below(2))], drop),
  (dice) => block(0x03, [0xd0, 0x70], i32(dice.size(1_000)), [0xfc, 15, 0], drop, [0x0c, 0]),
  (dice) => [0x10, ...u32(dice.below(40))],
  (dice) => lines(i32(dice.below(8)), [0x11, ...u32(dice.below(8)), 0]),
  (dice) => [0x12, ...u32(dice.below(40))],
  (dice) =>
    lines(
      ...Array.from({ length: dice.below(6) }, () => i32(dice.pick(interesting))),
      [0x10, ...u32(dice.below(12))],
      drop,
    ),
  (dice) => {
    const targets = Array.from({ length: dice.size(5_000) }, () => dice.below(2));
    return block(
      0x02,
      [0x02, 0x40],
      i32(dice.pick(interesting)),
      [0x0e, ...u32(targets.length), ...targets, 0],
      [0x0b],
    );
  },
  () => [0x00],
  () => [0x0f],
  () => lines(i32(1), i32(0), [0x6d], drop),
  (dice) => lines([0x06, 0x40], pickSnippet(dice), [0x19], pickSnippet(dice), [0x0b]),
  (dice) => [0x08, dice.below(2)],
  (dice) => lines([0x02, 0x40, 0x1f, 0x40, 1, 2, 0], pickSnippet(dice), [0x0b, 0x0b]),
  (dice) => lines(i32(dice.pick(interesting)), [0xfb, 0x1c, 0xfb, dice.pick([0x1d, 0x1e])], drop),
  (dice) => lines(i32(dice.pick(interesting)), i32(1), [0xfe, dice.below(0x4f), dice.below(4), 0], drop),
  (dice) => [0xfb, dice.below(0x22), dice.below(4), dice.below(4)],
  (dice) => lines([0xd2, ...u32(dice.below(20))], drop),
  (dice) => lines([0xfd, 12, ...dice.bytes(16)], drop),
  (dice) => lines([0x44, ...dice.bytes(8)], drop),
  (dice) => lines([0x23, dice.below(4)], drop),
  (dice) => lines(i32(dice.pick(interesting)), [0x24, dice.below(4)]),
  (dice) =>
    lines(i32(dice.pick(interesting)), [0x28, 2, ...u32(dice.pick([0, 8, 65_535, 0xffff_ffff]))], drop),
  (dice) => lines(i32(dice.pick(interesting)), i32(dice.below(256)), [0x36, 2, ...u32(dice.below(70_000))]),
];

/** Snippets hold snippets: how deep is bounded by how rarely they are picked. */
export function pickSnippet(dice: Dice): Bytes {
  return dice.pick(snippets)(dice);
}
