/** By the parameter `pretty`, or else by the program that asks: browsers and curl are there for people. */
export function isPrettyWanted(parameter: string | null, userAgent: string): boolean {
  if (parameter !== null && parameter !== "") return /^(?:1|t|T|true|TRUE|True)$/.test(parameter);
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(userAgent);
}

/**
 * Indents JSON that comes in pieces, cut anywhere, as JSON.stringify indents by two. It must be JSON without spaces: what
 * JSON.stringify makes, and a newline at its end at most.
 */
export function* prettyPieces(pieces: Iterable<string>): Generator<string> {
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  /** Behind an opening bracket: nothing is indented before it is known that there is something inside. */
  let isOpened = false;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const piece of pieces) {
    let out = "";
    for (const char of piece) {
      if (isText) {
        out += char;
        if (isEscaped) isEscaped = false;
        else if (char === "\\") isEscaped = true;
        else if (char === '"') isText = false;
        continue;
      }
      if (char === "\n") continue;
      const isClosing = char === "}" || char === "]";
      if (isOpened && !isClosing) {
        depth++;
        out += line();
      }
      if (isClosing && !isOpened) {
        depth--;
        out += line();
      }
      isOpened = char === "{" || char === "[";
      isText = char === '"';
      out += char;
      if (char === ",") out += line();
      else if (char === ":") out += " ";
    }
    yield out;
  }
}
