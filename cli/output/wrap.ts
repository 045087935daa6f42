import { cellText } from "./table.ts";

/** Terminals of this many columns show every line whole. */
export const lineWidth = 100;

/** A text of one paragraph in lines of at most `lineWidth`, those after the first as far indented as the first's text. */
export function wrapText(label: string, text: string): string {
  const indent = " ".repeat(label.length);
  const lines: string[] = [];
  let line = label;
  for (const word of cellText(text).split(" ")) {
    const isEmpty = line.length === label.length;
    if (!isEmpty && line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = indent + word;
    } else line += isEmpty ? word : ` ${word}`;
  }
  lines.push(line.trimEnd());
  return lines.map((one) => `${one}\n`).join("");
}
