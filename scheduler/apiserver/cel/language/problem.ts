/** What is wrong with an expression before it is ever evaluated. */
export interface Problem {
  readonly at: number;
  readonly message: string;
}

/** Thrown by the parser at the first thing it cannot read; caught by `compile`. */
export class SyntaxProblem extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** More would help nobody. */
const problemsMax = 20;
/** Longer lines are not shown below their message. */
const lineLengthMax = 16_384;

/** In the form that cel-go prints: the message, the line, a mark below the place. */
export function showProblems(source: string, problems: readonly Problem[]): string {
  const sorted = problems.toSorted((a, b) => a.at - b.at).slice(0, problemsMax);
  return sorted.map((problem) => showProblem(source, problem)).join("\n");
}

function showProblem(source: string, { at, message }: Problem): string {
  const before = source.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = source.indexOf("\n", lineStart);
  const line = source.slice(lineStart, lineEnd === -1 ? source.length : lineEnd).replaceAll("\t", " ");
  const lineNumber = before.split("\n").length;
  const prefix = Array.from(source.slice(lineStart, at));
  const head = `ERROR: <input>:${lineNumber}:${prefix.length + 1}: ${message}`;
  if (line.length > lineLengthMax) return head;
  // Full-width marks below full-width characters, so that the arrow stands where the eye expects it.
  const dots = prefix.map((character) => (isAscii(character) ? "." : "\uff0e")).join("");
  const next = String.fromCodePoint(source.codePointAt(at) ?? 0x20);
  return `${head}\n | ${line}\n | ${dots}${isAscii(next) ? "^" : "\uff3e"}`;
}

function isAscii(character: string): boolean {
  return (character.codePointAt(0) ?? 0) < 0x80;
}
