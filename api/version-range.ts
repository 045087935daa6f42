/**
 * Versions of runtimes that will do, as templates write them: `>=14.6`, `>=40 <42`, `14.6`. All comparisons must hold. A
 * version is compared by as many of its numbers as the comparison has, so of `<14.6`, `14.6` and `>14.6` exactly one
 * holds for each version, and 14.6.202 is a `14.6`. What follows the numbers (`-rc.1`, `-node.12`) says nothing.
 */

type Operator = "=" | ">" | ">=" | "<" | "<=";

interface Comparison {
  readonly operator: Operator;
  readonly numbers: readonly number[];
}

export interface VersionRange {
  readonly comparisons: readonly Comparison[];
}

/** At most 8 comparisons of at most 4 numbers of at most 9 digits: more than any version has. */
const comparisonsMax = 8;
const comparisonForm = /\s*(>=|<=|>|<|=|)\s*(\d{1,9}(?:\.\d{1,9}){0,3})(?=\s|$)/y;
const versionForm = /^v?(\d{1,9}(?:\.\d{1,9}){0,7})(?![\d])/;

/** Undefined for what is none. An empty text is any version. */
export function parseVersionRange(text: string): VersionRange | undefined {
  const comparisons: Comparison[] = [];
  const form = new RegExp(comparisonForm);
  const end = text.trimEnd().length;
  while (form.lastIndex < end) {
    const match = form.exec(text);
    if (match === null || comparisons.length === comparisonsMax) return undefined;
    const [, operator = "", version = ""] = match;
    comparisons.push({ operator: asOperator(operator), numbers: version.split(".").map(Number) });
  }
  return { comparisons };
}

function asOperator(text: string): Operator {
  switch (text) {
    case ">":
    case ">=":
    case "<":
    case "<=":
      return text;
    default:
      return "=";
  }
}

/** A version that does not begin with a number is in no range but the empty one. */
export function isInRange(version: string, { comparisons }: VersionRange): boolean {
  if (comparisons.length === 0) return true;
  const found = versionForm.exec(version)?.[1];
  if (found === undefined) return false;
  const numbers = found.split(".").map(Number);
  return comparisons.every((comparison) => holds(numbers, comparison));
}

function holds(version: readonly number[], { operator, numbers }: Comparison): boolean {
  const order = compare(version, numbers);
  switch (operator) {
    case "=":
      return order === 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    default:
      return operator satisfies never;
  }
}

/** By the numbers that the second one has; those missing in the first are 0. */
function compare(version: readonly number[], wanted: readonly number[]): number {
  for (const [place, number] of wanted.entries()) {
    const difference = (version[place] ?? 0) - number;
    if (difference !== 0) return difference;
  }
  return 0;
}
