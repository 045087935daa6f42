/**
 * What one of the things costs that bulk operations go over, as a power of two of units of fuel: bytes of memories are moved
 * by the cache line, elements of tables one by one (7 to 120 ns). Items of arrays are written by the engine's own
 * allocation and collected later: 0.3 to 0.5 ns for each byte where they do not fit the caches, a tenth of that where they do.
 */
export const fuelLog2 = {
  bytes: -6,
  elements: 5,
  items8: -1,
  items16: 0,
  items32: 1,
  items64: 2,
  items128: 3,
  references: 3,
} as const;

export type LengthUnit = keyof typeof fuelLog2;

const items: readonly LengthUnit[] = ["items8", "items16", "items32", "items64", "items128"];

/** Of an array, by the bytes of one element as a power of two; undefined: it holds references. */
export function unitOfItems(bytesLog2: number | undefined): LengthUnit {
  return items[bytesLog2 ?? -1] ?? "references";
}

/** Longer operations trap or are refused anyway, and must not overflow the counter. */
export function chargedLengthMax(unit: LengthUnit): number {
  return 2 ** (30 - Math.max(0, fuelLog2[unit]));
}
