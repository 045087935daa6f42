import { compilePattern } from "./functions/regex.ts";
import { parseDuration, parseTimestamp } from "./functions/time-ranges.ts";
import { environmentOf } from "./environment.ts";
import { compileProgram, type Program } from "./interpreter.ts";
import type { Expression } from "./language/ast.ts";
import { type Checked, checkExpression } from "./language/checker.ts";
import { parseExpression } from "./language/parser.ts";
import { type Problem, showProblems, SyntaxProblem } from "./language/problem.ts";
import type { Type } from "./language/types.ts";
import { CostExceeded, Meter, Toil } from "./meter.ts";
import { isError } from "./values.ts";

export type Compiled =
  | { readonly kind: "ok"; readonly program: Program; readonly checked: Checked; readonly result: Type }
  /** `message`: as Kubernetes begins it, `compilation failed: ERROR: …`. */
  | { readonly kind: "failed"; readonly message: string };

/** What compiling the patterns of one expression may take; those of one definition share as much. */
export const compileToilMax = 200_000_000;

/**
 * Reads, checks and compiles one expression. `variables` are in the order in which values will be given. `toil` bounds the
 * work on its patterns; whoever compiles many expressions gives one for all.
 */
export function compileExpression(
  source: string,
  variables: ReadonlyMap<string, Type>,
  toil: Toil = new Toil(compileToilMax),
): Compiled {
  const failed = (problems: readonly Problem[]): Compiled => ({
    kind: "failed",
    message: `compilation failed: ${showProblems(source, problems)}`,
  });
  try {
    const checked = checkExpression(parseExpression(source), environmentOf(variables));
    const problems =
      checked.problems.length > 0
        ? checked.problems
        : literalProblems(checked.expression, new Meter(Infinity, toil));
    if (problems.length > 0) return failed(problems);
    const program = compileProgram(checked, [...variables.keys()]);
    if (isError(program))
      return { kind: "failed", message: `program instantiation failed: ${program.message}` };
    return { kind: "ok", program, checked, result: checked.typeOf(checked.expression) };
  } catch (error) {
    if (error instanceof CostExceeded)
      return failed([{ at: 0, message: "the patterns are too large together" }]);
    if (error instanceof SyntaxProblem) return failed([{ at: error.at, message: error.message }]);
    throw error;
  }
}

const literalChecks: Readonly<Record<string, (text: string, meter: Meter) => boolean>> = {
  duration: (text) => parseDuration(text) !== undefined,
  timestamp: (text) => parseTimestamp(text) !== undefined,
  matches: (text, meter) => !isError(compilePattern(text, meter)),
  find: (text, meter) => !isError(compilePattern(text, meter)),
  findAll: (text, meter) => !isError(compilePattern(text, meter)),
};

/** Durations, timestamps and patterns that stand in the rule are checked once, when it is compiled. */
function literalProblems(root: Expression, meter: Meter): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<Expression>();
  const visit = (expression: Expression): void => {
    if (seen.has(expression)) return;
    seen.add(expression);
    if (expression.kind === "call" && Object.hasOwn(literalChecks, expression.name)) {
      const [first] = expression.arguments;
      const isValid = literalChecks[expression.name];
      if (
        first?.kind === "literal" &&
        typeof first.value === "string" &&
        isValid &&
        !isValid(first.value, meter)
      )
        problems.push({ at: first.at, message: `invalid ${expression.name} argument` });
    }
    for (const child of childrenOf(expression)) visit(child);
  };
  visit(root);
  return problems;
}

function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "select":
      return [expression.operand];
    case "call":
      return [...(expression.target ? [expression.target] : []), ...expression.arguments];
    case "list":
      return expression.elements.map(({ value }) => value);
    case "map":
      return expression.entries.flatMap(({ key, value }) => [key, value]);
    case "comprehension": {
      const { range, initial, condition, step, result } = expression;
      return [range, initial, condition, step, result];
    }
    default:
      return [];
  }
}
