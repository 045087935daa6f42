import { assertNever } from "../../../kit/errors.ts";
import { acceptsAll } from "./functions/declare.ts";
import { Collected, itemAt, itemOf } from "./functions/operators.ts";
import { optionalItem } from "./functions/optionals.ts";
import type { Call, Comprehension, Expression, ListLiteral, MapLiteral, Select } from "./language/ast.ts";
import { isBinding } from "./language/ast.ts";
import type { Checked } from "./language/checker.ts";
import { Meter, Toil } from "./meter.ts";
import {
  type Candidate,
  type Frame,
  type Node,
  constant,
  freshAccumulator,
  each,
  chain,
  invoke,
  invocation,
  selectField,
  optionalField,
  testField,
  constantSet,
  membership,
} from "./nodes.ts";
import { costFormula, listCost, mapCost } from "./runtime-cost.ts";
import {
  absent,
  ArrayList,
  ErrorValue,
  isError,
  isList,
  isMap,
  keyIdentity,
  noSuchOverload,
  OptionalValue,
  TableMap,
  TypeValue,
  type Value,
} from "./values.ts";

export interface Program {
  run(variables: readonly Value[], meter: Meter): Value;
}

/** Makes closures of a checked expression. `variables`: the names whose values `run` is given, in their order. */
export function compileProgram(checked: Checked, variables: readonly string[]): Program | ErrorValue {
  const compiler = new Compiler(checked, variables);
  const node = compiler.compile(checked.expression);
  if (compiler.problem) return compiler.problem;
  return {
    run: (values, meter) => {
      const slots = Array.from<Value>({ length: compiler.slotCount }).fill(null);
      for (let at = 0; at < values.length; at++) slots[at] = values[at] ?? null;
      return node.run({ slots, meter });
    },
  };
}

const conversionNames = new Set("bool bytes double duration dyn int string timestamp uint".split(" "));

class Compiler {
  readonly #checked: Checked;
  readonly #scope: string[];
  readonly #nodes = new Map<Expression, Node>();
  slotCount: number;
  problem: ErrorValue | undefined;

  constructor(checked: Checked, variables: readonly string[]) {
    this.#checked = checked;
    this.#scope = [...variables];
    this.slotCount = variables.length;
  }

  compile(expression: Expression): Node {
    const known = this.#nodes.get(expression);
    if (known) return known;
    const node = this.#make(expression);
    this.#nodes.set(expression, node);
    return node;
  }

  #make(expression: Expression): Node {
    switch (expression.kind) {
      case "literal":
        return constant(expression.value);
      case "identifier":
        return this.#identifier(expression, expression.name);
      case "select":
        return this.#select(expression);
      case "call":
        return this.#call(expression);
      case "list":
        return this.#list(expression);
      case "map":
        return this.#map(expression);
      case "struct":
        return constant(new ErrorValue(`undeclared reference to '${expression.name}'`));
      case "comprehension":
        return isBinding(expression) ? this.#binding(expression) : this.#comprehension(expression);
      default:
        return assertNever(expression, "expression");
    }
  }

  #identifier(expression: Expression, name: string): Node {
    const named = this.#checked.typeNamed(expression);
    if (named) return constant(new TypeValue(named));
    const slot = this.#scope.lastIndexOf(name);
    const runUncharged = ({ slots }: Frame) => slots[slot] ?? null;
    return {
      runUncharged,
      run: (frame) => {
        frame.meter.charge(1);
        return runUncharged(frame);
      },
    };
  }

  #select(expression: Select): Node {
    const named = this.#checked.typeNamed(expression);
    if (named) return constant(new TypeValue(named));
    const operand = this.compile(expression.operand);
    const { field, isTest, isOptional } = expression;
    if (isTest) return chain(operand, (value) => testField(value, field));
    if (!isOptional)
      return chain(operand, (value, meter) => {
        meter.charge(1);
        return selectField(value, field);
      });
    return chain(operand, (value, meter) => {
      const found = optionalField(value, field);
      if (found !== absent) meter.charge(1);
      return found;
    });
  }

  #call(expression: Call): Node {
    const { name } = expression;
    switch (name) {
      case "_&&_":
      case "_||_":
        return this.#logical(expression, name === "_||_");
      case "_?_:_":
        return this.#conditional(expression);
      case "_[_]":
      case "_[?_]":
        return this.#index(expression);
      case "or":
      case "orValue":
        return this.#alternative(expression);
      default:
        return this.#invocation(expression);
    }
  }

  #operands(expression: Call): readonly Node[] {
    const isQualified = this.#checked.qualifiedCall(expression) !== undefined;
    const target = expression.target && !isQualified ? [this.compile(expression.target)] : [];
    return [...target, ...expression.arguments.map((one) => this.compile(one))];
  }

  #invocation(expression: Call): Node {
    const operands = this.#operands(expression);
    const candidates = this.#checked
      .overloadsOf(expression)
      .map((overload) => ({ overload, cost: costFormula(overload) }));
    const constants = operands.map(({ constant: value }) => value);
    if (operands.length === 1 && conversionNames.has(expression.name) && constants[0] !== undefined)
      return this.#foldedConversion(candidates, constants[0]);
    const set = expression.name === "@in" ? constantSet(constants[1]) : undefined;
    return set ? membership(operands[0], set) : invocation(candidates, operands);
  }

  /** `duration("1h")` is worked out once, and what cannot be is a mistake of the rule. */
  #foldedConversion(candidates: readonly Candidate[], value: Value): Node {
    const result = invoke(candidates, [value], new Meter(Infinity, new Toil(Infinity)));
    if (isError(result)) this.problem ??= result;
    return constant(result);
  }

  #logical(expression: Call, decisive: boolean): Node {
    const [left, right] = this.#operands(expression);
    if (!left || !right) return constant(noSuchOverload);
    return {
      run: (frame) => {
        const first = left.run(frame);
        if (first === decisive) return decisive;
        const second = right.run(frame);
        // Either side decides, whatever became of the other.
        if (second === decisive) return decisive;
        if (isError(first)) return first;
        if (isError(second)) return second;
        return typeof first === "boolean" && typeof second === "boolean" ? second : noSuchOverload;
      },
    };
  }

  #conditional(expression: Call): Node {
    const [condition, yes, no] = this.#operands(expression);
    if (!condition || !yes || !no) return constant(noSuchOverload);
    const [runYes, runNo] = [yes.runUncharged ?? yes.run, no.runUncharged ?? no.run];
    return {
      run: (frame) => {
        const value = condition.run(frame);
        if (value === true) return runYes(frame);
        if (value === false) return runNo(frame);
        return isError(value) ? value : noSuchOverload;
      },
    };
  }

  #index(expression: Call): Node {
    const [container, index] = this.#operands(expression);
    if (!container || !index) return constant(noSuchOverload);
    const overloads = this.#checked.overloadsOf(expression);
    const runIndex = index.runUncharged ?? index.run;
    const isOptional = expression.name === "_[?_]";
    return chain(container, (value, meter, frame) => {
      const at = runIndex(frame);
      if (isError(at)) return at;
      if (isOptional || value instanceof OptionalValue) {
        const found = optionalItem(value, at);
        if (found !== absent) meter.charge(1);
        return found;
      }
      meter.charge(1);
      const overload = overloads.find((one) => acceptsAll(one, [value, at]));
      if (overload) return overload.call([value, at], meter);
      if (isList(value)) return itemAt(value, at);
      return isMap(value) ? itemOf(value, at) : noSuchOverload;
    });
  }

  /** `a.or(b)` and `a.orValue(b)`: `b` runs only where `a` holds nothing. */
  #alternative(expression: Call): Node {
    const [optional, otherwise] = this.#operands(expression);
    if (!optional || !otherwise) return constant(noSuchOverload);
    const isValue = expression.name === "orValue";
    return {
      run: (frame) => {
        const value = optional.run(frame);
        if (isError(value)) return value;
        if (!(value instanceof OptionalValue)) return noSuchOverload;
        if (value.value === undefined) return otherwise.run(frame);
        return isValue ? value.value : value;
      },
    };
  }

  #list({ elements }: ListLiteral): Node {
    const nodes = elements.map(({ value, isOptional }) => ({ node: this.compile(value), isOptional }));
    const constants = nodes.map(({ node }) => node.constant);
    if (nodes.every(({ node, isOptional }) => node.constant !== undefined && !isOptional))
      return constant(new ArrayList(constants.map((value) => value ?? null)));
    return {
      run: (frame) => {
        const values: Value[] = [];
        for (const { node, isOptional } of nodes) {
          const value = node.run(frame);
          if (isError(value)) return value;
          if (!isOptional) values.push(value);
          else if (!(value instanceof OptionalValue)) return noSuchOverload;
          else if (value.value !== undefined) values.push(value.value);
        }
        frame.meter.charge(listCost);
        return new ArrayList(values);
      },
    };
  }

  #map({ entries }: MapLiteral): Node {
    const nodes = entries.map(({ key, value, isOptional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      isOptional,
    }));
    const run = (frame: Frame): Value => {
      const map = new TableMap();
      for (const { key, value, isOptional } of nodes) {
        const [name, content] = [key.run(frame), value.run(frame)];
        if (isError(name)) return name;
        if (isError(content)) return content;
        const entry = isOptional && content instanceof OptionalValue ? content.value : content;
        if (entry === undefined) continue;
        if (keyIdentity(name) === undefined) return new ErrorValue("unsupported key type");
        if (!map.insert(name, entry)) return new ErrorValue(`Failed with repeated key`);
      }
      frame.meter.charge(mapCost);
      return map;
    };
    const isConstant = nodes.every(
      ({ key, value, isOptional }) =>
        key.constant !== undefined && value.constant !== undefined && !isOptional,
    );
    return isConstant
      ? constant(run({ slots: [], meter: new Meter(Infinity, new Toil(Infinity)) }))
      : { run };
  }

  #declare(name: string): number {
    this.#scope.push(name);
    this.slotCount = Math.max(this.slotCount, this.#scope.length);
    return this.#scope.length - 1;
  }

  #binding(expression: Comprehension): Node {
    const initial = this.compile(expression.initial);
    const slot = this.#declare(expression.accumulator);
    const result = this.compile(expression.result);
    this.#scope.pop();
    return {
      run: (frame) => {
        const value = initial.run(frame);
        if (isError(value)) return value;
        frame.slots[slot] = value;
        return result.run(frame);
      },
    };
  }

  #comprehension(expression: Comprehension): Node {
    const range = this.compile(expression.range);
    const initial = this.compile(expression.initial);
    const depth = this.#scope.length;
    const accumulator = this.#declare(expression.accumulator);
    const first = this.#declare(expression.first);
    const second = expression.second === undefined ? undefined : this.#declare(expression.second);
    const condition = this.compile(expression.condition);
    const step = this.compile(expression.step);
    this.#scope.length = depth + 1;
    const result = this.compile(expression.result);
    this.#scope.length = depth;
    const fresh = freshAccumulator(expression.initial);
    return {
      run: (frame) => {
        const over = range.run(frame);
        if (isError(over)) return over;
        const { slots, meter } = frame;
        slots[accumulator] = fresh ? fresh() : initial.run(frame);
        const goesOn = (key: Value, value: Value): boolean => {
          slots[first] = key;
          if (second !== undefined) slots[second] = value;
          if (condition.run(frame) === false) return false;
          meter.toil(1);
          slots[accumulator] = step.run(frame);
          return true;
        };
        if (!each(over, second !== undefined, goesOn)) return noSuchOverload;
        const value = result.run(frame);
        return value instanceof Collected ? new ArrayList(value.values) : value;
      },
    };
  }
}
