/**
 * The patterns of schemas are RE2's, as in Kubernetes: matched in time linear in the text, so that no pattern stalls the
 * process. Each is compiled when it is first needed, and again after many others were.
 */
import { RE2JS } from "@bufbuild/re2";
import { errorMessage } from "../../../kit/errors.ts";

/** Compiled patterns that are kept. */
const patternsMax = 2000;

const compiled = new Map<string, RE2JS>();

/** A pattern that is none matches nothing. */
export function matchesPattern(pattern: string, text: string): boolean {
  try {
    return compile(pattern).test(text);
  } catch {
    return false;
  }
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
