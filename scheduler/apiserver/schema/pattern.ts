/**
 * The patterns of schemas are RE2's, as in Kubernetes: the time that a match takes grows with the text and with the pattern's
 * program, never exponentially. That product is what a budget counts, so that no object stalls the process. A pattern is
 * compiled when it is first needed, and again after many others were.
 */
import { RE2JS } from "@bufbuild/re2";
import { errorMessage } from "../../../kit/errors.ts";

/** Compiled patterns that are kept. */
const patternsMax = 2000;

const compiled = new Map<string, RE2JS>();

/** What the patterns of one object may still take: characters times instructions, of which a slow one takes 20 ns. */
export interface PatternBudget {
  steps: number;
}

export const patternStepsMax = 100_000_000;

/** A pattern that is none matches nothing. */
export function matchPattern(
  pattern: string,
  text: string,
  budget: PatternBudget,
): "matches" | "differs" | "too much" {
  let expression: RE2JS;
  try {
    expression = compile(pattern);
  } catch {
    return "differs";
  }
  budget.steps -= text.length * expression.re2Input.prog.numInst();
  if (budget.steps < 0) return "too much";
  return expression.test(text) ? "matches" : "differs";
}

/** Why it is no pattern, in Go's words. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compile(pattern);
    return undefined;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  const made = new RE2JS(pattern);
  if (compiled.size >= patternsMax) compiled.clear();
  compiled.set(pattern, made);
  return made;
}
