/**
 * Columns as kubectl's: as wide as their widest cell and three spaces more, the last one not padded. Widths only grow,
 * so that the rows of a watch stay in line with those before.
 */
export class ColumnLayout {
  readonly #widths: number[] = [];

  format(rows: readonly (readonly string[])[]): string {
    for (const row of rows) {
      for (const [index, cell] of row.entries()) {
        this.#widths[index] = Math.max(this.#widths[index] ?? 0, textWidth(cell));
      }
    }
    return rows.map((row) => `${this.#line(row)}\n`).join("");
  }

  #line(row: readonly string[]): string {
    return row
      .map((cell, index) => {
        const width = Math.max((this.#widths[index] ?? 0) + columnGap, columnWidthMin);
        return index === row.length - 1 ? cell : cell + " ".repeat(width - textWidth(cell));
      })
      .join("");
  }
}

/** Code points, as kubectl counts: names and numbers are what tables hold. */
function textWidth(text: string): number {
  // oxlint-disable-next-line typescript/no-misused-spread -- code points are what is wanted, and segmenting is slow
  return [...text].length;
}

const columnGap = 3;
const columnWidthMin = 6;

export function formatColumns(rows: readonly (readonly string[])[]): string {
  return new ColumnLayout().format(rows);
}

/** A cell of one line: text of several is cut at the first, control characters are made visible. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const end = text.search(/[\f\n\r]/);
  const line = end === -1 ? text : `${text.slice(0, end)}...`;
  // oxlint-disable-next-line no-control-regex -- a terminal would obey an object's escape sequences
  return line.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** A text of several lines as one, with control characters made visible. */
export function oneLine(text: string): string {
  return cellText(text.trim().replaceAll(/\s+/g, " "));
}
