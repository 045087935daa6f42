/** One measured value. What could not be measured says why instead. */
export type Figure =
  | { readonly name: string; readonly value: number; readonly unit: string }
  | { readonly name: string; readonly notMeasured: string };

export function formatFigure(figure: Figure): string {
  if ("notMeasured" in figure) return `${figure.name.padEnd(64)} not measured: ${figure.notMeasured}`;
  const digits = figure.value >= 100 ? 0 : figure.value >= 10 ? 1 : 2;
  return `${figure.name.padEnd(64)} ${figure.value.toFixed(digits).padStart(10)} ${figure.unit}`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
