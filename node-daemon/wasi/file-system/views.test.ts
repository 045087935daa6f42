import { expect, test } from "vitest";

import { firstOf, piecesOf, sizeOf } from "./views.ts";

const views = [3, 0, 4, 5].map((length) => new Uint8Array(length));
const lengths = (piece: readonly Uint8Array[]) => piece.map(({ byteLength }) => byteLength);

test.each([
  [1, Array.from({ length: 12 }, () => [1])],
  [5, [[3, 2], [2, 3], [2]]],
  [12, [[3, 4, 5]]],
  [100, [[3, 4, 5]]],
])("piecesOf: of at most %i bytes", (bytesMax, expected) => {
  expect([...piecesOf(views, bytesMax)].map(lengths)).toEqual(expected);
  expect(sizeOf(views)).toBe(12);
});

test.each([
  [0, []],
  [2, [2]],
  [7, [3, 4]],
  [99, [3, 4, 5]],
])("firstOf: %i bytes", (bytesMax, expected) => {
  expect(lengths(firstOf(views, bytesMax))).toEqual(expected);
});
