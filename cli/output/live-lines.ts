import type { Terminal } from "../terminal.ts";

/** Lines on a terminal that are written over by those that come after them, without flicker. */
export class LiveLines {
  readonly #terminal: Terminal;
  #count = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows these instead of those shown before. They may have styles, but nothing else that moves the cursor. */
  async show(lines: readonly string[]): Promise<void> {
    const { columns, rows } = this.#terminal.size() ?? { columns: 80, rows: 24 };
    // What has left the screen at its top cannot be written over. The last row is the cursor's.
    const fitting = lines.slice(0, Math.max(1, rows - 1));
    const up = this.#count > 0 ? `\u001b[${this.#count}A` : "";
    // Each line is cleared behind its text, and what is left of a longer picture below it.
    const text = fitting.map((line) => `\r${cutLine(line, columns - 1)}\u001b[K\n`).join("");
    this.#count = fitting.length;
    await this.#terminal.out(`${up}${text}\u001b[J`);
  }
}

// oxlint-disable-next-line no-control-regex -- this is how styles begin
const style = /(\u001b\[[0-9;]*m)/gu;

/** The first `width` characters of a line. A terminal that wraps one would not find the first line again. */
export function cutLine(line: string, width: number): string {
  const plain = line.replaceAll(style, "");
  const characters = Array.from(plain);
  if (characters.length <= width) return line;
  let left = Math.max(0, width - 1);
  let result = "";
  for (const part of line.split(style)) {
    if (part.startsWith("\u001b")) result += part;
    else {
      const taken = Array.from(part).slice(0, left);
      left -= taken.length;
      result += taken.join("");
    }
  }
  return `${result}…`;
}
