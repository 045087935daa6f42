import { Failure } from "../failure.ts";
import { cellText } from "../output/table.ts";
import { type BarStyle, barWidth, shareBar } from "./share-bar.ts";

export interface TopColumn<Row> {
  readonly header: string;
  /** What --sort-by calls it. */
  readonly key: string;
  readonly text: (row: Row) => string;
  /** What is compared: numbers with the largest first, texts in their order. undefined: not known, which comes last. */
  readonly value: (row: Row) => number | string | undefined;
  /** Whether a bar stands behind the text: of the value, as a share of 1. */
  readonly hasBar?: boolean;
  /** Where the terminal is too narrow, columns with the highest number go first. 0: never. */
  readonly dispensable: number;
}

export interface TopTable<Row> {
  readonly columns: readonly TopColumn<Row>[];
  readonly rows: readonly Row[];
}

export interface TableForm {
  readonly showHeaders: boolean;
  /** Of the terminal on which people look at it. undefined: nobody does, so everything is shown, without bars. */
  readonly screen: (BarStyle & { readonly columns: number }) | undefined;
  /** More are left out. */
  readonly rowsMax: number;
}

/** As kubectl has it. */
const gap = 3;
const columnWidthMin = 6;

/** Throws a Failure that names the columns there are. */
export function requireSortKey(columns: readonly { readonly key: string }[], text: string): string {
  if (columns.some(({ key }) => key === text)) return text;
  throw new Failure(
    `--sort-by "${text}" is not known; it is one of ${columns.map(({ key }) => key).join(", ")}`,
  );
}

export function sortRows<Row>({ columns, rows }: TopTable<Row>, key: string): readonly Row[] {
  const column = columns.find((one) => one.key === key);
  if (!column) return rows;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .toSorted((a, b) => compare(a.value, b.value))
    .map(({ row }) => row);
}

function compare(a: number | string | undefined, b: number | string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (typeof a === "number" && typeof b === "number") return b - a;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The lines of a table: those of the first rows, with as many columns as there is room for. */
export function tableLines<Row>(
  { columns, rows }: TopTable<Row>,
  { showHeaders, screen, rowsMax }: TableForm,
): readonly string[] {
  const shown = rows.slice(0, rowsMax);
  const cells = columns.map((column) => cellsOf(column, shown, showHeaders));
  const { kept, withBars } = fit(columns, cells, screen?.columns);
  const bars = screen && withBars ? screen : undefined;
  const lines: string[] = [];
  if (showHeaders) lines.push(lineOf(kept, cells, bars, -1, columns, shown));
  for (const at of shown.keys()) lines.push(lineOf(kept, cells, bars, at, columns, shown));
  return lines;
}

interface Cells {
  readonly header: string;
  readonly texts: readonly string[];
  readonly width: number;
}

function cellsOf<Row>(column: TopColumn<Row>, rows: readonly Row[], showHeaders: boolean): Cells {
  const texts = rows.map((row) => cellText(column.text(row)));
  const header = showHeaders ? column.header : "";
  const width = texts.reduce((most, text) => Math.max(most, widthOf(text)), header.length);
  return { header, texts, width };
}

/** Code points: names and numbers are what tables hold. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** Which columns there is room for: bars go first, then one column after the other. */
function fit<Row>(
  columns: readonly TopColumn<Row>[],
  cells: readonly Cells[],
  width: number | undefined,
): { readonly kept: readonly number[]; readonly withBars: boolean } {
  const all = columns.map((_, index) => index);
  if (width === undefined) return { kept: all, withBars: false };
  const dropOrder = all.toSorted(
    (a, b) => (columns[b]?.dispensable ?? 0) - (columns[a]?.dispensable ?? 0) || b - a,
  );
  const total = (kept: readonly number[], withBars: boolean) =>
    kept.reduce((sum, index) => sum + widthWith(columns[index], cells[index], withBars) + gap, -gap);
  let kept: readonly number[] = all;
  if (total(kept, true) < width) return { kept, withBars: true };
  for (const index of dropOrder) {
    if (total(kept, false) < width || columns[index]?.dispensable === 0) break;
    kept = kept.filter((one) => one !== index);
  }
  return { kept, withBars: false };
}

function widthWith<Row>(column: TopColumn<Row> | undefined, cells: Cells | undefined, bars: boolean): number {
  return Math.max((cells?.width ?? 0) + (bars && column?.hasBar ? 1 + barWidth : 0), columnWidthMin - gap);
}

/** The line of a row; -1: that of the headers. */
function lineOf<Row>(
  kept: readonly number[],
  cells: readonly Cells[],
  bars: BarStyle | undefined,
  at: number,
  columns: readonly TopColumn<Row>[],
  rows: readonly Row[],
): string {
  let line = "";
  let missing = 0;
  for (const index of kept) {
    const column = columns[index];
    const cell = cells[index];
    if (!column || !cell) continue;
    line += " ".repeat(missing);
    const text = (at < 0 ? cell.header : cell.texts[at]) ?? "";
    line += text;
    missing = widthWith(column, cell, bars !== undefined) + gap - widthOf(text);
    const row = rows[at];
    const share = bars && column.hasBar && row !== undefined ? column.value(row) : undefined;
    if (bars && typeof share === "number") {
      line += " ".repeat(cell.width + 1 - widthOf(text)) + shareBar(share, bars);
      missing = gap;
    }
  }
  return line;
}
