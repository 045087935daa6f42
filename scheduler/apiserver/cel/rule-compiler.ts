import { type FieldError, forbiddenValue, invalidValue } from "../../../api/validation/field-error.ts";
import type { Schema } from "../resource.ts";
import { type Compiled, compileExpression } from "./compile.ts";
import { estimateCost } from "./estimate/estimate.ts";
import { limit } from "./estimate/ranges.ts";
import { readFieldPath } from "./field-path.ts";
import type { Program } from "./interpreter.ts";
import { optionalOf, type Type } from "./language/types.ts";
import type { Toil } from "./meter.ts";
import { type Declaration, requestBytesMax } from "./schema/declaration.ts";
import {
  costProblem,
  definitionCostMax,
  formProblems,
  invalidRule,
  ruleCostMax,
  rulesOf,
  type ValidationRule,
} from "./validation-rule.ts";

/** A rule that is ready to run on values of its schema. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  /** A string: why it could not be compiled. Such a rule refuses every object. */
  readonly program: Program | string;
  readonly message: Program | undefined;
  readonly usesOldSelf: boolean;
  /** Relative to the value; "" for the value itself. */
  readonly fieldPath: string;
}

/** Where in a definition a schema stands. */
export interface Place {
  readonly path: string;
  /** How many values of it an object can hold; undefined where nothing limits them. */
  readonly cardinality: number | undefined;
  /** The nearest schema around it whose parts cannot be followed from one version of an object to the next. */
  readonly uncorrelated: string | undefined;
}

export interface CostTotal {
  total: number;
  /** For compiling the patterns of all rules. */
  readonly toil: Toil;
  /** The four dearest. */
  dearest: readonly { readonly field: string; readonly cost: number }[];
}

export interface CompiledSet {
  readonly rules: readonly CompiledRule[];
  readonly formProblems: readonly FieldError[];
  readonly problems: readonly FieldError[];
}

/** Compiles the rules of one schema, and says what is wrong with them as Kubernetes does of a CustomResourceDefinition. */
export function compileSet(
  schema: Schema,
  declaration: Declaration | undefined,
  place: Place,
  total: CostTotal,
): CompiledSet {
  const rules = rulesOf(schema);
  const base = `${place.path === "" ? "" : `${place.path}.`}x-kubernetes-validations`;
  const form = rules.flatMap((rule, at) => formProblems(rule, schema, `${base}[${at}]`));
  if (rules.length > 0 && !declaration) return { rules: [], formProblems: form, problems: [untyped(base)] };
  const results = declaration
    ? rules
        .map((rule, at) => ({ rule, path: `${base}[${at}]` }))
        .filter(({ rule }) => rule.rule.trim() !== "")
        .map(({ rule, path }) => compileRule(rule, schema, declaration, { ...place, path }, total))
    : [];
  return {
    rules: results.map(({ compiled }) => compiled),
    formProblems: form,
    problems: results.flatMap(({ problems }) => problems),
  };
}

function untyped(base: string): FieldError {
  return {
    reason: "FieldValueInvalid",
    field: base,
    message:
      "Internal error: internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations",
  };
}

function compileRule(
  rule: ValidationRule,
  schema: Schema,
  declaration: Declaration,
  place: Place,
  total: CostTotal,
): { readonly compiled: CompiledRule; readonly problems: readonly FieldError[] } {
  const variables = new Map<string, Type>([
    ["self", declaration.type],
    ["oldSelf", rule.optionalOldSelf === true ? optionalOf(declaration.type) : declaration.type],
  ]);
  const field = `${place.path}.rule`;
  const main = withResult(
    compileExpression(rule.rule, variables, total.toil),
    "bool",
    "cel expression must evaluate to a bool",
  );
  if (main.kind === "failed")
    return {
      compiled: { rule, program: main.message, message: undefined, usesOldSelf: false, fieldPath: "" },
      problems: [invalidRule(field, rule, main.message)],
    };
  const usesOldSelf = main.checked.variables.has("oldSelf");
  const problems: FieldError[] = [];
  const repeated = place.cardinality ?? Math.floor(requestBytesMax / (declaration.minBytes + 1));
  const cost = times(estimateCost(main.checked, declaration), repeated);
  observe(field, cost, total);
  if (cost > ruleCostMax) problems.push(costProblem(field, "estimated rule cost", cost, ruleCostMax));
  const message = compileMessage(rule, variables, declaration, place.path, total);
  problems.push(...message.problems);
  if (usesOldSelf && place.uncorrelated !== undefined)
    problems.push(
      invalidValue(
        field,
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`,
      ),
    );
  if (!usesOldSelf && rule.optionalOldSelf !== undefined)
    problems.push(
      invalidValue(
        `${place.path}.optionalOldSelf`,
        rule.optionalOldSelf,
        "may not be set if oldSelf is not used in rule",
      ),
    );
  const path = rule.fieldPath === "" ? undefined : readFieldPath(rule.fieldPath, schema);
  const fieldPath = path?.kind === "ok" ? path.path : "";
  return {
    compiled: { rule, program: main.program, message: message.program, usesOldSelf, fieldPath },
    problems,
  };
}

function compileMessage(
  rule: ValidationRule,
  variables: ReadonlyMap<string, Type>,
  declaration: Declaration,
  path: string,
  total: CostTotal,
): { readonly program: Program | undefined; readonly problems: readonly FieldError[] } {
  if (rule.messageExpression.trim() === "") return { program: undefined, problems: [] };
  const field = `${path}.messageExpression`;
  const compiled = withResult(
    compileExpression(rule.messageExpression, variables, total.toil),
    "string",
    "messageExpression must evaluate to a string",
  );
  if (compiled.kind === "failed") {
    const why = compiled.message.startsWith("messageExpression")
      ? compiled.message
      : `messageExpression ${compiled.message}`;
    return { program: undefined, problems: [invalidRule(field, rule, why)] };
  }
  const cost = estimateCost(compiled.checked, declaration);
  observe(field, cost, total);
  const isDear = cost > ruleCostMax;
  return {
    program: compiled.program,
    problems: isDear ? [costProblem(field, "estimated messageExpression cost", cost, ruleCostMax)] : [],
  };
}

function withResult(compiled: Compiled, kind: Type["kind"], message: string): Compiled {
  return compiled.kind === "failed" || compiled.result.kind === kind ? compiled : { kind: "failed", message };
}

export function times(cost: number, count: number): number {
  return cost === 0 || count === 0 ? 0 : Math.min(limit, cost * count);
}

/** Rules that take less than a hundredth of the whole are not blamed. */
function observe(field: string, cost: number, total: CostTotal): void {
  total.total = Math.min(limit, total.total + cost);
  if (cost < definitionCostMax / 100) return;
  total.dearest = [...total.dearest, { field, cost }].toSorted((a, b) => b.cost - a.cost).slice(0, 4);
}

export function totalProblems({ total, dearest }: CostTotal, path: string): readonly FieldError[] {
  if (total <= definitionCostMax) return [];
  const subject = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
  return [
    ...dearest.map(({ field }) =>
      forbiddenValue(
        field,
        "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
      ),
    ),
    costProblem(path, subject, total, definitionCostMax),
  ];
}
