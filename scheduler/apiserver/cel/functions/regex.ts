import { RE2JS } from "@bufbuild/re2";
import { BOOL, INT, listOf, STRING } from "../language/types.ts";
import type { Meter } from "../meter.ts";
import { ErrorValue, isError, stringList, type Value } from "../values.ts";
import { defineMethod, type Overload } from "./declare.ts";
import { patternSize } from "./pattern-size.ts";
import { RegexMachine } from "./regex-machine.ts";

/** A short pattern can compile to a large program (`((x{10}){10}){10}`): both are bounded. */
const patternLengthMax = 10_000;
const programSizeMax = 20_000;
/** About what compiling one instruction takes, in characters of simpler work. */
const instructionToil = 200;

interface Compiled {
  readonly machine: RegexMachine | ErrorValue;
  readonly size: number;
}

/** Patterns stand in rules, so the same few come again and again. Holds so many instructions; forgets the oldest. */
const cache = new Map<string, Compiled>();
const cachedInstructionsMax = 200_000;
let cachedInstructions = 0;

/** The machine of a pattern, compiled at most once while it is remembered. */
export function compilePattern(text: string, meter: Meter): RegexMachine | ErrorValue {
  const known = cache.get(text);
  if (known) return known.machine;
  const size = text.length > patternLengthMax ? Infinity : patternSize(text) + text.length;
  if (size > programSizeMax) return new ErrorValue("error parsing regexp: expression too large");
  meter.toil(size * instructionToil);
  const machine = compile(text);
  cachedInstructions += size;
  for (const [oldest, { size: freed }] of cache) {
    if (cachedInstructions <= cachedInstructionsMax) break;
    cache.delete(oldest);
    cachedInstructions -= freed;
  }
  cache.set(text, { machine, size });
  return machine;
}

function compile(text: string): RegexMachine | ErrorValue {
  try {
    const pattern = RE2JS.compile(text);
    const isLarge = pattern.re2().prog.numInst() > 2 * programSizeMax;
    return isLarge ? new ErrorValue("error parsing regexp: expression too large") : new RegexMachine(pattern);
  } catch (error) {
    // The library throws for what it cannot read, and runs out of stack for what is nested too deep.
    const reason = error instanceof Error ? error.message : String(error);
    return new ErrorValue(`error parsing regexp: ${reason.replace(/^error parsing regexp: /, "")}`);
  }
}

function search(text: string, pattern: string, meter: Meter, use: (machine: RegexMachine) => Value): Value {
  const machine = compilePattern(pattern, meter);
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
