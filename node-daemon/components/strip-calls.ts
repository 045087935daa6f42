/**
 * The text of a program without the statements that call `name`. It looks at brackets, strings and templates only, which is
 * enough for generated code; what it does not understand stays as it is.
 */
export function withoutCalls(text: string, name: string): string {
  const call = `${name}(`;
  const kept: string[] = [];
  let from = 0;
  for (let at = text.indexOf(call); at >= 0; at = text.indexOf(call, at + 1)) {
    if (at < from) continue;
    const end = endOfCall(text, at + call.length);
    if (end === undefined || !beginsStatement(text, at)) continue;
    // Stands for the statement where one is needed, after an `if` for example.
    kept.push(text.slice(from, at), ";");
    from = end;
  }
  kept.push(text.slice(from));
  return kept.join("");
}

function beginsStatement(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && /\s/.test(text[before] ?? "")) before--;
  const line = text.slice(text.lastIndexOf("\n", before) + 1, before + 1);
  // After a comment too, which is the end of its line.
  return /[;{}):]/.test(text[before] ?? ";") || /\belse$|\/\/[^'"`]*$/.test(line);
}

/** Behind the semicolon, or the end of the line that stands for it. */
function endOfCall(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "'" || character === '"' || character === "`") {
      at = endOfString(text, at, character);
    } else if (character === "(" || character === "[" || character === "{") depth++;
    else if (character === ")" || character === "]" || character === "}") depth--;
    if (depth === 0) return /[;\n]/.test(text[at + 1] ?? "") ? at + 2 : undefined;
  }
  return undefined;
}

/** Where its last quote is. A `${` in a template is skipped with what it holds, which is one expression without quotes. */
function endOfString(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return text.length;
}
