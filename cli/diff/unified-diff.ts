import { changedLines, type DiffLine } from "./changed-lines.ts";

const contextLines = 3;

/** A name and a text, in which every line ends with a line end. An empty text is a file that is not there. */
interface DiffSide {
  readonly name: string;
  readonly text: string;
}

/** The hunks that `diff -u` prints, with their two lines of names. Empty when both texts are the same. */
export function unifiedDiff(from: DiffSide, to: DiffSide): string {
  if (from.text === to.text) return "";
  const lines = changedLines(linesOf(from.text), linesOf(to.text));
  let text = `--- ${from.name}\n+++ ${to.name}\n`;
  // Lines of each text before the place that has been reached.
  const passed = { at: 0, from: 0, to: 0 };
  const passTo = (end: number) => {
    const part = lines.slice(passed.at, end);
    const count = { from: countOf(part, "added"), to: countOf(part, "removed") };
    const ranges = `-${range(passed.from, count.from)} +${range(passed.to, count.to)}`;
    passed.at = end;
    passed.from += count.from;
    passed.to += count.to;
    return { part, ranges };
  };
  for (const { start, end } of hunksOf(lines)) {
    passTo(start);
    const { part, ranges } = passTo(end);
    const body = part.map(({ kind, text: line }) => `${marks[kind]}${line}\n`).join("");
    text += `@@ ${ranges} @@\n${body}`;
  }
  return text;
}

/** How many lines are of the text that has none of the other kind. */
function countOf(lines: readonly DiffLine[], other: DiffLine["kind"]): number {
  return lines.reduce((sum, { kind }) => sum + (kind === other ? 0 : 1), 0);
}

function range(before: number, count: number): string {
  const line = before + (count === 0 ? 0 : 1);
  return count === 1 ? String(line) : `${line},${count}`;
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

interface Hunk {
  readonly start: number;
  readonly end: number;
}

/** Changes with their context, those whose contexts touch as one. */
function hunksOf(lines: readonly DiffLine[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  for (const [index, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    const start = Math.max(0, index - contextLines);
    const end = Math.min(lines.length, index + contextLines + 1);
    const last = hunks.at(-1);
    if (last && start <= last.end) hunks[hunks.length - 1] = { start: last.start, end };
    else hunks.push({ start, end });
  }
  return hunks;
}

const marks = { same: " ", removed: "-", added: "+" } as const;

/** As git colours it. Control characters of the texts are made visible: a terminal would obey them. */
export function coloured(diff: string): string {
  return diff
    .split("\n")
    .map(visible)
    .map((line) => {
      const code = line.startsWith("@@")
        ? "36"
        : /^(diff |---|\+\+\+)/.test(line)
          ? "1"
          : line.startsWith("-")
            ? "31"
            : line.startsWith("+")
              ? "32"
              : undefined;
      return code === undefined ? line : `\u001b[${code}m${line}\u001b[0m`;
    })
    .join("\n");
}

function visible(line: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
