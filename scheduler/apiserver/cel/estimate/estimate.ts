import { assertNever } from "../../../../kit/errors.ts";
import type { Declaration } from "../schema/declaration.ts";
import {
  accumulatorName,
  type Call,
  type Comprehension,
  type Expression,
  isBinding,
  type ListLiteral,
  type MapLiteral,
  qualifiedName,
  type Select,
} from "../language/ast.ts";
import type { Checked } from "../language/checker.ts";
import { optionalValue, type Type } from "../language/types.ts";
import { listCost, mapCost } from "../runtime-cost.ts";
import { characterCount, type Value } from "../values.ts";
import { type CallEstimate, estimateCall, type Operand } from "./call-estimates.ts";
import { add, exactly, limit, multiply, type Range, union, unknown } from "./ranges.ts";

/** How large the keys and the values of a list or map made by the expression are. */
interface EntrySize {
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly name: string;
  readonly path: Path;
  readonly size: Range | undefined;
  readonly entries: EntrySize | undefined;
}

/** Where in the schema a value comes from: a variable, then fields, `@items`, `@keys` and `@values`. */
type Path = readonly string[];

/**
 * The most that a rule can cost, from the sizes that its schema allows: Kubernetes' static estimate, by which a
 * CustomResourceDefinition is refused. It follows cel-go's model node by node, oddities included, so that a definition
 * which Kubernetes takes is taken here.
 */
export function estimateCost(checked: Checked, root: Declaration): number {
  return new Estimator(checked, root).cost(checked.expression).max;
}

class Estimator {
  readonly #checked: Checked;
  readonly #root: Declaration;
  readonly #costs = new Map<Expression, Range>();
  readonly #paths = new Map<Expression, Path>();
  readonly #sizes = new Map<Expression, Range>();
  readonly #entries = new Map<Expression, EntrySize>();
  readonly #locals: Local[] = [];

  constructor(checked: Checked, root: Declaration) {
    this.#checked = checked;
    this.#root = root;
  }

  cost(expression: Expression): Range {
    const known = this.#costs.get(expression);
    if (known) return known;
    const cost = this.#costOf(expression);
    this.#costs.set(expression, cost);
    return cost;
  }

  #costOf(expression: Expression): Range {
    switch (expression.kind) {
      case "literal":
      case "struct":
        return exactly(0);
      case "identifier":
        this.#paths.set(expression, this.#local(expression.name)?.path ?? [expression.name]);
        return exactly(1);
      case "select":
        return this.#select(expression);
      case "call":
        return this.#call(expression);
      case "list":
        return this.#list(expression);
      case "map":
        return this.#map(expression);
      case "comprehension":
        return isBinding(expression) ? this.#binding(expression) : this.#comprehension(expression);
      default:
        return assertNever(expression, "expression");
    }
  }

  #select(expression: Select): Range {
    if (this.#checked.typeNamed(expression)) {
      this.#paths.set(expression, [qualifiedName(expression) ?? ""]);
      return exactly(1);
    }
    const operand = this.cost(expression.operand);
    if (expression.isTest) return operand;
    const { kind } = this.#checked.typeOf(expression.operand);
    if (!expression.isOptional)
      this.#paths.set(expression, [...this.#path(expression.operand), expression.field]);
    return kind === "map" || kind === "struct" || expression.isOptional ? add(operand, exactly(1)) : operand;
  }

  #call(expression: Call): Range {
    const [first] = expression.arguments;
    if (expression.name === "dyn" && first) {
      const cost = add(exactly(1), this.cost(first));
      this.#copySizes(expression, first);
      return cost;
    }
    const isQualified = this.#checked.qualifiedCall(expression) !== undefined;
    const target = isQualified ? undefined : expression.target;
    const operands = target ? [target, ...expression.arguments] : expression.arguments;
    const costs = operands.map((operand) => this.cost(operand));
    const nodes = operands.map((operand) => this.#operand(operand));
    const overloads = this.#checked.overloadsOf(expression);
    if (overloads.length === 0) return add(...costs);
    let cost: Range = { min: limit, max: 0 };
    let size: Range | undefined;
    for (const { id, name } of overloads) {
      const special = this.#special(expression, id, costs, nodes);
      const estimate =
        special ??
        this.#withOperands(estimateCall(name, id, { all: nodes, hasTarget: target !== undefined }), costs);
      cost = union(cost, estimate.cost);
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size;
      size = this.#indexSize(expression, id, size);
    }
    if (size) this.#sizes.set(expression, size);
    return cost;
  }

  #withOperands(estimate: CallEstimate | undefined, costs: readonly Range[]): CallEstimate {
    return { ...estimate, cost: add(estimate?.cost ?? exactly(1), ...costs) };
  }

  /** Operators that do not evaluate all of their operands, and those that pass on what they hold. */
  #special(
    expression: Call,
    id: string,
    costs: readonly Range[],
    nodes: readonly Operand[],
  ): CallEstimate | undefined {
    const [first, second, third] = costs;
    switch (id) {
      case "logical_and":
      case "logical_or":
        return first && second && { cost: { min: first.min, max: add(first, second).max } };
      case "conditional": {
        if (!first || !second || !third) return undefined;
        const [, yes, no] = expression.arguments;
        const entries = unionEntries(this.#entriesOf(yes), this.#entriesOf(no));
        if (entries) this.#entries.set(expression, entries);
        const size = union(nodes[1]?.computedSize ?? unknown, nodes[2]?.computedSize ?? unknown);
        return { cost: add(first, union(second, third)), size };
      }
      case "add_list":
      case "add_string":
      case "add_bytes": {
        const [left, right] = expression.arguments;
        const entries = unionEntries(this.#entriesOf(left), this.#entriesOf(right));
        if (entries) this.#entries.set(expression, entries);
        return undefined;
      }
      default:
        return undefined;
    }
  }

  #indexSize(expression: Call, id: string, size: Range | undefined): Range | undefined {
    const [container] = expression.arguments;
    if ((id !== "index_list" && id !== "index_map") || !container) return size ?? this.#size(expression);
    this.#paths.set(expression, [...this.#path(container), id === "index_list" ? "@items" : "@values"]);
    return this.#entriesOf(container)?.value ?? this.#size(expression);
  }

  #list(expression: ListLiteral): Range {
    let cost = exactly(listCost);
    let value: Range = expression.elements.length === 0 ? exactly(0) : { min: limit, max: 0 };
    for (const { value: element } of expression.elements) {
      cost = add(cost, this.cost(element));
      value = union(value, this.#sizeOrUnknown(element));
    }
    this.#entries.set(expression, { key: exactly(1), value });
    return cost;
  }

  #map(expression: MapLiteral): Range {
    let cost = exactly(mapCost);
    const start: Range = expression.entries.length === 0 ? exactly(0) : { min: limit, max: 0 };
    let [keys, values] = [start, start];
    for (const { key, value } of expression.entries) {
      cost = add(cost, this.cost(key), this.cost(value));
      keys = union(keys, this.#sizeOrUnknown(key));
      values = union(values, this.#sizeOrUnknown(value));
    }
    this.#entries.set(expression, { key: keys, value: values });
    return cost;
  }

  #binding({ range, initial, accumulator, result }: Comprehension): Range {
    const cost = add(this.cost(range), this.cost(initial));
    const entries = this.#entriesOf(initial);
    this.#locals.push({ name: accumulator, path: this.#path(initial), size: this.#size(initial), entries });
    const total = add(cost, this.cost(result));
    this.#locals.pop();
    return total;
  }

  #comprehension(expression: Comprehension): Range {
    const { range, initial, accumulator, condition, step, result } = expression;
    let cost = add(this.cost(range), this.cost(initial));
    const depth = this.#locals.length;
    const entries = this.#entriesOf(initial);
    this.#locals.push({ name: accumulator, path: this.#path(initial), size: this.#size(initial), entries });
    this.#pushLoopVariables(expression);
    const each = add(this.cost(condition), this.cost(step));
    this.#locals.length = depth + 1;
    cost = add(cost, this.cost(result));
    this.#locals.length = depth;
    const count = this.#sizeOrUnknown(range);
    if (initial.kind === "list" || initial.kind === "map") {
      this.#sizes.set(expression, count);
      const collected = this.#entriesOf(step);
      if (collected) this.#entries.set(expression, collected);
    } else {
      const size = this.#size(initial);
      if (size) this.#sizes.set(expression, size);
    }
    return add(cost, multiply(count, each));
  }

  #pushLoopVariables({ range, first, second }: Comprehension): void {
    const entries = this.#entriesOf(range);
    const isList = this.#checked.typeOf(range).kind === "list";
    const path = this.#path(range);
    const value = {
      path: [...path, isList ? "@items" : "@values"],
      size: entries?.value,
      entries: undefined,
    };
    const key = { path: [...path, isList ? "@indices" : "@keys"], size: entries?.key, entries: undefined };
    if (second === undefined) this.#locals.push({ ...(isList ? value : key), name: first });
    else this.#locals.push({ ...key, name: first }, { ...value, name: second });
  }

  #local(name: string): Local | undefined {
    return this.#locals.findLast((local) => local.name === name);
  }

  #path(expression: Expression): Path {
    const local = expression.kind === "identifier" ? this.#local(expression.name) : undefined;
    return local?.path ?? this.#paths.get(expression) ?? [];
  }

  #operand(expression: Expression): Operand {
    const path = this.#path(expression);
    const isAccumulated = path[0] === accumulatorName;
    const type = this.#checked.typeOf(expression);
    const computedSize = this.#size(expression);
    const own = isAccumulated ? [] : path;
    return {
      expression,
      type,
      computedSize,
      size: computedSize ?? this.#sizeByPath(own) ?? unknown,
      item: type.kind === "list" ? this.#item(own, type.element) : undefined,
    };
  }

  #item(path: Path, type: Type): Operand {
    const size = path.length === 0 ? undefined : this.#sizeByPath([...path, "@items"]);
    return { expression: undefined, type, computedSize: undefined, size: size ?? unknown, item: undefined };
  }

  #sizeOrUnknown(expression: Expression): Range {
    return this.#size(expression) ?? unknown;
  }

  #size(expression: Expression): Range | undefined {
    const known = this.#sizes.get(expression) ?? literalSize(expression);
    if (known) return known;
    const byPath = this.#sizeByPath(this.#path(expression));
    if (byPath) {
      this.#sizes.set(expression, byPath);
      return byPath;
    }
    if (isScalar(this.#checked.typeOf(expression))) return exactly(1);
    return expression.kind === "identifier" ? this.#local(expression.name)?.size : undefined;
  }

  #entriesOf(expression: Expression | undefined): EntrySize | undefined {
    if (!expression) return undefined;
    const known = this.#entries.get(expression);
    if (known) return known;
    return expression.kind === "identifier" ? this.#local(expression.name)?.entries : undefined;
  }

  #copySizes(to: Expression, from: Expression): void {
    const [size, entries] = [this.#size(from), this.#entriesOf(from)];
    if (size) this.#sizes.set(to, size);
    if (entries) this.#entries.set(to, entries);
  }

  /** What the schema says of a value's size. The path's first element is the variable. */
  #sizeByPath(path: Path): Range | undefined {
    if (path.length === 0) return undefined;
    let place: Declaration | undefined = this.#root;
    for (const name of path.slice(1)) {
      if (name === "@items" || name === "@values") place = place.element;
      else if (name === "@keys") return place.element ? { min: 0, max: 0 } : undefined;
      else place = place.fields?.get(name)?.declaration;
      if (!place) return undefined;
    }
    return { min: 0, max: place.maxElements };
  }
}

function unionEntries(a: EntrySize | undefined, b: EntrySize | undefined): EntrySize | undefined {
  return a && b && { key: union(a.key, b.key), value: union(a.value, b.value) };
}

function literalSize(expression: Expression): Range | undefined {
  switch (expression.kind) {
    case "literal":
      return exactly(valueSize(expression.value));
    case "list":
      return exactly(expression.elements.length);
    case "map":
      return exactly(expression.entries.length);
    default:
      return undefined;
  }
}

function valueSize(value: Value): number {
  if (typeof value === "string") return characterCount(value);
  return value instanceof Uint8Array ? value.length : 1;
}

const scalars = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function isScalar(type: Type): boolean {
  const inner = optionalValue(type);
  return inner ? isScalar(inner) : scalars.has(type.kind);
}
