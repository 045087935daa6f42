import type { Value } from "../values.ts";
import { accumulatorName, type Call, type Comprehension, type Expression } from "./ast.ts";
import { SyntaxProblem } from "./problem.ts";

interface MacroCall {
  readonly at: number;
  readonly name: string;
  readonly target: Expression | undefined;
  readonly operands: readonly Expression[];
}

/** What a call becomes that is a macro; undefined where it is none. Costs depend on the form, so the form is cel-go's. */
export function expandMacro(call: MacroCall): Expression | undefined {
  if (call.name === "has" && !call.target && call.operands.length === 1) return has(call);
  const { target } = call;
  return target ? expandMethod({ ...call, target }) : undefined;
}

type MethodCall = MacroCall & { readonly target: Expression };

function expandMethod(call: MethodCall): Expression | undefined {
  const count = call.operands.length;
  switch (call.name) {
    case "all":
    case "exists":
    case "exists_one":
    case "existsOne":
      if (count === 2 || count === 3) return quantifier(call);
      return undefined;
    case "map":
      return count === 2 || count === 3 ? mapping(call) : undefined;
    case "filter":
      return count === 2 ? filter(call) : undefined;
    case "transformList":
    case "transformMap":
    case "transformMapEntry":
      return count === 3 || count === 4 ? transformation(call) : undefined;
    case "optMap":
    case "optFlatMap":
      return count === 2 ? optionalMapping(call) : undefined;
    case "sortBy":
      return count === 2 ? sortBy(call) : undefined;
    default:
      return undefined;
  }
}

function has({ at, operands }: MacroCall): Expression {
  const [selection] = operands;
  if (selection?.kind !== "select" || selection.isTest || selection.isOptional)
    throw new SyntaxProblem(selection?.at ?? at, "invalid argument to has() macro");
  return { ...selection, at, isTest: true };
}

interface Loop {
  readonly initial: Expression;
  readonly condition?: Expression;
  readonly step: Expression;
  readonly result?: Expression;
}

function comprehension({ at, target, operands }: MethodCall, variables: number, loop: Loop): Comprehension {
  const names = operands.slice(0, variables).map((operand) => variableName(operand));
  const [first = "", second] = names;
  if (first === second) throw new SyntaxProblem(operands[1]?.at ?? at, `duplicate variable name: ${first}`);
  return {
    kind: "comprehension",
    at,
    range: target,
    first,
    second,
    accumulator: accumulatorName,
    initial: loop.initial,
    condition: loop.condition ?? literal(at, true),
    step: loop.step,
    result: loop.result ?? accumulated(at),
  };
}

function variableName(operand: Expression): string {
  if (operand.kind !== "identifier") throw new SyntaxProblem(operand.at, "argument must be a simple name");
  if (operand.name === "__result__")
    throw new SyntaxProblem(operand.at, "iteration variable overwrites accumulator variable");
  return operand.name;
}

function quantifier(call: MethodCall): Expression {
  const { at, name, operands } = call;
  const variables = operands.length - 1;
  const predicate = operand(call, variables);
  const result = accumulated(at);
  const goesOn = (value: Expression) => invoke(at, "@not_strictly_false", value);
  switch (name) {
    case "all":
      return comprehension(call, variables, {
        initial: literal(at, true),
        condition: goesOn(result),
        step: invoke(at, "_&&_", result, predicate),
      });
    case "exists":
      return comprehension(call, variables, {
        initial: literal(at, false),
        condition: goesOn(invoke(at, "!_", result)),
        step: invoke(at, "_||_", result, predicate),
      });
    default:
      return comprehension(call, variables, {
        initial: literal(at, 0n),
        step: invoke(at, "_?_:_", predicate, invoke(at, "_+_", result, literal(at, 1n)), result),
        result: invoke(at, "_==_", result, literal(at, 1n)),
      });
  }
}

function mapping(call: MethodCall): Expression {
  const { at, operands } = call;
  const collected = collect(at, operand(call, operands.length - 1));
  return comprehension(call, 1, {
    initial: { kind: "list", at, elements: [] },
    step: operands.length === 3 ? when(at, operand(call, 1), collected) : collected,
  });
}

function filter(call: MethodCall): Expression {
  const { at } = call;
  return comprehension(call, 1, {
    initial: { kind: "list", at, elements: [] },
    step: when(at, operand(call, 1), collect(at, operand(call, 0))),
  });
}

function transformation(call: MethodCall): Expression {
  const { at, name, operands } = call;
  const last = operand(call, operands.length - 1);
  const isList = name === "transformList";
  const insert = (...values: readonly Expression[]) =>
    invoke(at, "cel.@mapInsert", accumulated(at), ...values);
  const step = {
    transformList: () => collect(at, last),
    transformMap: () => insert(operand(call, 0), last),
    transformMapEntry: () => insert(last),
  }[name];
  const value = step ? step() : collect(at, last);
  return comprehension(call, 2, {
    initial: isList ? { kind: "list", at, elements: [] } : { kind: "map", at, entries: [] },
    step: operands.length === 4 ? when(at, operand(call, 2), value) : value,
  });
}

/** `target.optMap(name, value)`: the value with the optional's content as `name`, or none. */
function optionalMapping(call: MethodCall): Expression {
  const { at, name, target } = call;
  const variable = operand(call, 0);
  if (variable.kind !== "identifier")
    throw new SyntaxProblem(variable.at, `${name}() variable name must be a simple identifier`);
  const content = binding(at, variable.name, method(at, "value", target), operand(call, 1));
  return invoke(
    at,
    "_?_:_",
    method(at, "hasValue", target),
    name === "optMap" ? invoke(at, "optional.of", content) : content,
    invoke(at, "optional.none"),
  );
}

const sortInput = "@sortBy_input";

function sortBy(call: MethodCall): Expression {
  const { at, target } = call;
  if (target.kind === "literal" || target.kind === "map" || target.kind === "struct")
    throw new SyntaxProblem(
      target.at,
      "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
    );
  const input: Expression = { kind: "identifier", at, name: sortInput };
  const keys = mapping({ ...call, target: input });
  return binding(at, sortInput, target, method(at, "@sortByAssociatedKeys", input, keys));
}

function binding(at: number, name: string, value: Expression, result: Expression): Comprehension {
  return {
    kind: "comprehension",
    at,
    range: { kind: "list", at, elements: [] },
    first: "#unused",
    second: undefined,
    accumulator: name,
    initial: value,
    condition: literal(at, false),
    step: { kind: "identifier", at, name },
    result,
  };
}

function operand({ at, operands }: MacroCall, index: number): Expression {
  const found = operands[index];
  if (!found) throw new SyntaxProblem(at, "a macro lacks an argument");
  return found;
}

function accumulated(at: number): Expression {
  return { kind: "identifier", at, name: accumulatorName };
}

function collect(at: number, value: Expression): Call {
  const one: Expression = { kind: "list", at, elements: [{ value, isOptional: false }] };
  return invoke(at, "_+_", accumulated(at), one);
}

function when(at: number, condition: Expression, step: Expression): Call {
  return invoke(at, "_?_:_", condition, step, accumulated(at));
}

function literal(at: number, value: Value): Expression {
  return { kind: "literal", at, value };
}

function invoke(at: number, name: string, ...operands: readonly Expression[]): Call {
  return { kind: "call", at, name, target: undefined, arguments: operands };
}

function method(at: number, name: string, target: Expression, ...operands: readonly Expression[]): Call {
  return { kind: "call", at, name, target, arguments: operands };
}
