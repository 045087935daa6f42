import type { Value } from "../values.ts";

/** One node of a parsed expression. `at` is where it stands in the text, in UTF-16 units; messages show it. */
export type Expression =
  | Literal
  | Identifier
  | Select
  | Call
  | ListLiteral
  | MapLiteral
  | StructLiteral
  | Comprehension;

export interface Literal {
  readonly kind: "literal";
  readonly at: number;
  readonly value: Value;
}
export interface Identifier {
  readonly kind: "identifier";
  readonly at: number;
  readonly name: string;
}
/** `operand.field`, `operand.?field`, and with `isTest` `has(operand.field)`. */
export interface Select {
  readonly kind: "select";
  readonly at: number;
  readonly operand: Expression;
  readonly field: string;
  readonly isTest: boolean;
  readonly isOptional: boolean;
}
/** A function, a method where there is a target, or an operator (`_+_`). */
export interface Call {
  readonly kind: "call";
  readonly at: number;
  readonly name: string;
  readonly target: Expression | undefined;
  readonly arguments: readonly Expression[];
}
export interface ListLiteral {
  readonly kind: "list";
  readonly at: number;
  readonly elements: readonly { readonly value: Expression; readonly isOptional: boolean }[];
}
export interface MapLiteral {
  readonly kind: "map";
  readonly at: number;
  readonly entries: readonly MapEntry[];
}
export interface MapEntry {
  readonly key: Expression;
  readonly value: Expression;
  readonly isOptional: boolean;
}
/** `Name{field: value}`. There are no message types in rules, so it never checks; it is known to say so well. */
export interface StructLiteral {
  readonly kind: "struct";
  readonly at: number;
  readonly name: string;
}
/**
 * What macros become. For each element of `range` while `condition` holds, `accumulator` becomes `step`; then `result`
 * is evaluated. With no range at all it binds a name for one evaluation (`optMap`).
 */
export interface Comprehension {
  readonly kind: "comprehension";
  readonly at: number;
  readonly range: Expression;
  /** The element or key; with `second`, the index or key. */
  readonly first: string;
  readonly second: string | undefined;
  readonly accumulator: string;
  readonly initial: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

/** Not a name that a text can contain, so it hides nothing. */
export const accumulatorName = "@result";

/** Whether a comprehension only binds a name. */
export function isBinding(expression: Comprehension): boolean {
  const { range, condition, accumulator } = expression;
  return (
    range.kind === "list" &&
    range.elements.length === 0 &&
    condition.kind === "literal" &&
    condition.value === false &&
    accumulator !== accumulatorName
  );
}

/** `a.b.c` of a plain chain of names, as functions and types may be named. */
export function qualifiedName(expression: Expression): string | undefined {
  if (expression.kind === "identifier") return expression.name;
  if (expression.kind !== "select" || expression.isTest || expression.isOptional) return undefined;
  const parent = qualifiedName(expression.operand);
  return parent === undefined ? undefined : `${parent}.${expression.field}`;
}
