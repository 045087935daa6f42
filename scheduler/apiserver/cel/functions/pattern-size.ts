/**
 * About how many instructions a pattern compiles to, found without compiling it: repetitions multiply, so that twenty
 * characters can make a thousand instructions. Reads only as much of the syntax as that takes, in one pass: what is not
 * closed goes to the end.
 */
export function patternSize(pattern: string): number {
  /** The sizes of what the open groups hold so far. */
  const groups: number[] = [0];
  let atom = 0;
  const token =
    /\\Q.*?(?:\\E|$)|\\[pPx]\{[^}]*(?:\}|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*(?:\]|$)|\{(\d+)(?:,(\d*))?\}|[^]/gs;
  for (const match of pattern.matchAll(token)) {
    const [text, least, most] = match;
    if (text === "(") {
      groups.push(0);
      atom = 0;
    } else if (text === ")") {
      atom = (groups.length > 1 ? (groups.pop() ?? 0) : 0) + 2;
      groups.push((groups.pop() ?? 0) + atom);
    } else {
      const grown =
        least === undefined ? text.length : atom * (Math.max(Number(least), Number(most ?? 0)) - 1);
      groups.push((groups.pop() ?? 0) + Math.max(0, grown));
      atom = least === undefined ? text.length : atom + Math.max(0, grown);
    }
  }
  return groups.reduce((sum, size) => sum + size, 0);
}
