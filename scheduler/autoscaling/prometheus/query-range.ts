/**
 * How far a PromQL query looks back, as text tells it: `rate(x[5m])` five minutes, `max_over_time(rate(x[5m])[1h:])` an hour and
 * five minutes, `x offset 1d` a day. No more of the grammar is read than that takes. Of a query that Prometheus refuses it says anything.
 */
type Token =
  | { readonly kind: "open" | "close" | "operator" | "offset" }
  | { readonly kind: "word"; readonly word: string }
  | { readonly kind: "range" | "duration"; readonly ms: number };

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
/**
 * Strings, comments, label matchers and `@` say nothing of it; a bracket is a range, with a step after the colon. No part of it runs over what
 * begins it anew, so that the time it takes grows with the length of the query alone.
 */
const tokenForm =
  /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*|\{(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[^{}"'`])*\}|@\s*(?:-?[0-9.]+|(?:start|end)\s*\(\s*\))|\[([^[\]:]*)(?::[^[\]]*)?\]|([0-9.]+[0-9a-z.]*)|([A-Za-z_:][A-Za-z0-9_:.]*)|(\()|(\))|([^\s])/gs;
const durationForm = /(\d+(?:\.\d+)?)(ms|[smhdwy])?/g;

/** In milliseconds; 0: it looks at what is now. */
export function queryRangeMs(query: string): number {
  // Of what is in each open parenthesis: the farthest, and what the last operand comes to.
  const stack = [{ most: 0, last: 0 }];
  let isOffset = false;
  for (const token of tokens(query)) {
    const top = stack.at(-1) ?? { most: 0, last: 0 };
    if (token.kind === "open") stack.push({ most: 0, last: 0 });
    else if (token.kind === "close" && stack.length > 1) {
      stack.pop();
      const outer = stack.at(-1) ?? top;
      begin(outer);
      outer.last = Math.max(top.most, top.last);
    } else if (token.kind === "range" || (token.kind === "duration" && isOffset)) top.last += token.ms;
    else if (token.kind === "word" || token.kind === "duration") begin(top);
    // A sign may stand between: what looks ahead is counted as if it looked back.
    isOffset = token.kind === "offset" || (isOffset && token.kind === "operator");
  }
  return stack.reduce((most, frame) => Math.max(most, frame.most, frame.last), 0);
}

/** What these say depends on when they are asked, beside what the samples are. */
const wordsOfTime: ReadonlySet<string> = new Set([
  "time",
  "timestamp",
  "minute",
  "hour",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "days_in_month",
  "month",
  "year",
]);

/** Whether it is made of the newest samples alone, so that it says the same a little later if there are no others. */
export function isOfNewestSamples(query: string): boolean {
  if (query.includes("@")) return false;
  for (const token of tokens(query)) {
    if (token.kind === "range" || token.kind === "offset") return false;
    if (token.kind === "word" && wordsOfTime.has(token.word)) return false;
  }
  return true;
}

function begin(frame: { most: number; last: number }): void {
  frame.most = Math.max(frame.most, frame.last);
  frame.last = 0;
}

function* tokens(query: string): Generator<Token> {
  for (const [, range, number, word, open, close, other] of query.matchAll(tokenForm)) {
    if (range !== undefined) yield { kind: "range", ms: durationMs(range) };
    else if (number !== undefined) yield { kind: "duration", ms: durationMs(number) };
    else if (word !== undefined)
      yield /^offset$/i.test(word) ? { kind: "offset" } : { kind: "word", word: word.toLowerCase() };
    else if (open !== undefined) yield { kind: "open" };
    else if (close !== undefined) yield { kind: "close" };
    else if (other !== undefined) yield { kind: "operator" };
  }
}

/** `1h30m`, or seconds without a unit as newer ones of Prometheus have them; of a sum or product, the parts together. */
function durationMs(text: string): number {
  let ms = 0;
  for (const [, amount, unit = "s"] of text.matchAll(durationForm))
    ms += Number(amount) * (unitMs[unit] ?? 0);
  return ms;
}
