import { RE2JS } from "@bufbuild/re2";
import { BOOL, INT, listOf, STRING } from "../language/types.ts";
import type { Meter } from "../meter.ts";
import { ErrorValue, isError, stringList, type Value } from "../values.ts";
import { defineMethod, type Overload } from "./declare.ts";
import { RegexMachine } from "./regex-machine.ts";

/** A short pattern can compile to a large program (`(x{1000}){…}`): both are bounded. */
const patternLengthMax = 10_000;
const programSizeMax = 20_000;
/** About what compiling costs for each character of a pattern. */
const compileToil = 200;

/** Patterns stand in rules, so the same few come again and again. Forgets the oldest. */
const cache = new Map<string, RegexMachine | ErrorValue>();
const cacheSizeMax = 500;

export function compilePattern(text: string): RegexMachine | ErrorValue {
  const known = cache.get(text);
  if (known) return known;
  const compiled = compile(text);
  const oldest = cache.size >= cacheSizeMax ? cache.keys().next().value : undefined;
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(text, compiled);
  return compiled;
}

function compile(text: string): RegexMachine | ErrorValue {
  const problem = (reason: string) => new ErrorValue(`error parsing regexp: ${reason}`);
  if (text.length > patternLengthMax) return problem(`longer than ${patternLengthMax} characters`);
  try {
    const pattern = RE2JS.compile(text);
    const size = pattern.re2().prog.numInst();
    return size > programSizeMax ? problem("expression too large") : new RegexMachine(pattern);
  } catch (error) {
    // The library throws for what it cannot read, and runs out of stack for what is nested too deep.
    const reason = error instanceof Error ? error.message : String(error);
    return problem(reason.replace(/^error parsing regexp: /, ""));
  }
}

function search(text: string, pattern: string, meter: Meter, use: (machine: RegexMachine) => Value): Value {
  if (!cache.has(pattern)) meter.toil(Math.min(pattern.length, patternLengthMax) * compileToil);
  const machine = compilePattern(pattern);
  return isError(machine) ? machine : use(machine);
}

/** The matches from left to right as Go's FindAllString gives them: an empty one never directly after another. */
function findAll(text: string, machine: RegexMachine, limit: number, meter: Meter): string[] {
  const found: string[] = [];
  let from = 0;
  let previousEnd = -1;
  while (from <= text.length) {
    if (limit >= 0 && found.length >= limit) break;
    const match = machine.find(text, from, false, meter);
    if (!match) break;
    const { start, end } = match;
    if (end > start || start !== previousEnd) found.push(text.slice(start, end));
    previousEnd = end;
    from = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  return found;
}

export const regex: readonly Overload[] = [
  defineMethod(["matches", "matches_string"], [STRING, STRING], BOOL, ([text, pattern], meter) =>
    search(text, pattern, meter, (machine) => machine.find(text, 0, true, meter) !== undefined),
  ),
  defineMethod(["find", "string_find_string"], [STRING, STRING], STRING, ([text, pattern], meter) =>
    search(text, pattern, meter, (machine) => findAll(text, machine, 1, meter)[0] ?? ""),
  ),
  defineMethod(
    ["findAll", "string_find_all_string"],
    [STRING, STRING],
    listOf(STRING),
    ([text, pattern], meter) =>
      search(text, pattern, meter, (machine) => stringList(findAll(text, machine, -1, meter))),
  ),
  defineMethod(
    ["findAll", "string_find_all_string_int"],
    [STRING, STRING, INT],
    listOf(STRING),
    ([text, pattern, limit], meter) =>
      search(text, pattern, meter, (machine) => stringList(findAll(text, machine, Number(limit), meter))),
  ),
];
