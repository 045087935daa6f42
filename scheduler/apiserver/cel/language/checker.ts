import { assertNever } from "../../../../kit/errors.ts";
import type { Overload } from "../functions/declare.ts";
import { Duration, Timestamp, Uint, type Value } from "../values.ts";
import type { Call, Comprehension, Expression, ListLiteral, MapLiteral, Select } from "./ast.ts";
import { qualifiedName } from "./ast.ts";
import type { Problem } from "./problem.ts";
import * as types from "./types.ts";
import { formatType, optionalOf, optionalValue, type Type } from "./types.ts";
import { isDynamic, mostGeneral, Unifier } from "./unifier.ts";

export interface Environment {
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  /** Names of types, which are values in expressions: `type(x) == int`. */
  readonly typeNames: ReadonlyMap<string, Type>;
  readonly variables: ReadonlyMap<string, Type>;
}

/** What the checker found out of every node. */
export interface Checked {
  readonly expression: Expression;
  readonly problems: readonly Problem[];
  typeOf(expression: Expression): Type;
  /** The overloads that a call may mean, one where its types are known. */
  overloadsOf(call: Expression): readonly Overload[];
  /** The type that an identifier or a chain of names stands for. */
  typeNamed(expression: Expression): Type | undefined;
  /** The variables mentioned that are not a macro's own. */
  readonly variables: ReadonlySet<string>;
  /** The full name of a call of the form `strings.quote(…)`; its target is no value. */
  qualifiedCall(call: Expression): string | undefined;
}

/** Infers types and resolves calls. Every problem is reported, as far as one does not follow from another. */
export function checkExpression(expression: Expression, environment: Environment): Checked {
  const checker = new Checker(environment);
  checker.check(expression);
  return {
    expression,
    problems: checker.problems,
    typeOf: (node) => checker.finalType(node),
    overloadsOf: (call) => checker.overloads.get(call) ?? [],
    typeNamed: (node) => checker.typeNames.get(node),
    variables: checker.mentioned,
    qualifiedCall: (call) => checker.qualifiedCalls.get(call),
  };
}

/** Each `map(x, {x: x})` doubles a type, so a short text could make one that fills the memory. */
const typeSizeMax = 500;

class Checker {
  readonly problems: Problem[] = [];
  readonly overloads = new Map<Expression, readonly Overload[]>();
  readonly typeNames = new Map<Expression, Type>();
  readonly qualifiedCalls = new Map<Expression, string>();
  readonly mentioned = new Set<string>();
  readonly #types = new Map<Expression, Type>();
  readonly #environment: Environment;
  readonly #unifier = new Unifier();
  /** How many calls of `format` are around what is checked. */
  #formats = 0;
  readonly #locals: (readonly [name: string, type: Type])[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  finalType(expression: Expression): Type {
    return this.#unifier.substitute(this.#types.get(expression) ?? types.DYN, true);
  }

  /** Macros use some nodes twice; they are checked once, or chains of macros would take exponential time. */
  check(expression: Expression): Type {
    const known = this.#types.get(expression);
    if (known) return known;
    const inferred = this.#infer(expression);
    const type = types.isLargerThan(inferred, typeSizeMax)
      ? this.#report(expression.at, "the type of the expression is too large")
      : inferred;
    this.#types.set(expression, type);
    return type;
  }

  #infer(expression: Expression): Type {
    switch (expression.kind) {
      case "literal":
        return literalType(expression.value);
      case "identifier":
        return (
          this.#identifier(expression, expression.name) ?? this.#undeclared(expression.at, expression.name)
        );
      case "select":
        return this.#select(expression);
      case "call":
        return this.#call(expression);
      case "list":
        return this.#list(expression);
      case "map":
        return this.#map(expression);
      case "struct":
        return this.#undeclared(expression.at, expression.name);
      case "comprehension":
        return this.#comprehension(expression);
      default:
        return assertNever(expression, "expression");
    }
  }

  #report(at: number, message: string): Type {
    this.problems.push({ at, message });
    return types.ERROR;
  }

  #undeclared(at: number, name: string): Type {
    return this.#report(at, `undeclared reference to '${name}' (in container '')`);
  }

  #mismatch(at: number, expected: Type, found: Type): Type {
    const [left, right] = [expected, found].map((type) => formatType(this.#unifier.substitute(type)));
    return this.#report(at, `expected type '${left}' but found '${right}'`);
  }

  #identifier(expression: Expression, name: string): Type | undefined {
    const local = this.#locals.findLast(([known]) => known === name);
    if (local) return local[1];
    const variable = this.#environment.variables.get(name);
    if (variable) {
      this.mentioned.add(name);
      return variable;
    }
    const named = this.#environment.typeNames.get(name);
    if (!named) return undefined;
    this.typeNames.set(expression, named);
    return types.typeOf(named);
  }

  #select(expression: Select): Type {
    const name = qualifiedName(expression);
    if (name !== undefined && this.#environment.typeNames.has(name)) {
      const type = this.#identifier(expression, name);
      if (type) return type;
    }
    const operand = this.#unifier.substitute(this.check(expression.operand));
    const inner = optionalValue(operand);
    const field = this.#field(expression, inner ?? operand);
    if (expression.isTest) return types.BOOL;
    return inner || expression.isOptional ? optionalOf(field) : field;
  }

  #field({ at, field }: Select, type: Type): Type {
    switch (type.kind) {
      case "map":
        return type.value;
      case "struct":
        return type.fields.get(field) ?? this.#report(at, `undefined field '${field}'`);
      case "parameter":
        this.#unifier.isAssignable(types.DYN, type);
        return types.DYN;
      default:
        if (!isDynamic(type)) this.#report(at, `type '${formatType(type)}' does not support field selection`);
        return types.DYN;
    }
  }

  #call(expression: Call): Type {
    const { target, name } = expression;
    const isFormat = name === "format" && target !== undefined;
    if (isFormat) this.#formats++;
    for (const one of expression.arguments) this.check(one);
    if (isFormat) this.#formats--;
    const prefix = target ? qualifiedName(target) : undefined;
    if (target && prefix !== undefined) {
      const full = `${prefix}.${name}`;
      const overloads = this.#environment.functions.get(full);
      if (overloads) {
        this.qualifiedCalls.set(expression, full);
        return this.#resolve(expression, overloads, undefined);
      }
    }
    const overloads = this.#environment.functions.get(name);
    if (target) this.check(target);
    return overloads ? this.#resolve(expression, overloads, target) : this.#undeclared(expression.at, name);
  }

  #resolve(call: Call, declared: readonly Overload[], target: Expression | undefined): Type {
    const operands = target ? [target, ...call.arguments] : call.arguments;
    const given = operands.map((one) => this.#types.get(one) ?? types.DYN);
    const matching: Overload[] = [];
    let result: Type | undefined;
    for (const overload of declared) {
      if (overload.isMethod !== (target !== undefined)) continue;
      if (overload.parameters.length !== given.length) continue;
      const plain = [overload.result, ...overload.parameters];
      const [own, ...parameters] = overload.isGeneric ? this.#unifier.instantiate(plain) : plain;
      if (!own || !this.#unifier.areAssignable(given, parameters)) continue;
      matching.push(overload);
      const type = this.#unifier.substitute(own);
      if (!result) result = type;
      else if (result.kind !== "dyn" && !types.sameType(result, type)) result = types.DYN;
    }
    this.overloads.set(call, matching);
    return result ?? this.#noOverload(call, given, target !== undefined);
  }

  #noOverload(call: Call, given: readonly Type[], isMethod: boolean): Type {
    const shown = given.map((type) => formatType(this.#unifier.substitute(type, true)));
    const [first = "", ...rest] = shown;
    const signature = isMethod ? `${first}.(${rest.join(", ")})` : `(${shown.join(", ")})`;
    const name = this.qualifiedCalls.get(call) ?? call.name;
    return this.#report(call.at, `found no matching overload for '${name}' applied to '${signature}'`);
  }

  #list({ elements }: ListLiteral): Type {
    let joined: Type | undefined;
    for (const { value, isOptional } of elements)
      joined = this.#join(value, joined, isOptional ? this.#unwrapped(value) : this.check(value));
    return types.listOf(joined ?? this.#unifier.freshVariable());
  }

  #map({ entries }: MapLiteral): Type {
    let keys: Type | undefined;
    let values: Type | undefined;
    for (const { key, value, isOptional } of entries) {
      keys = this.#join(key, keys, this.check(key));
      values = this.#join(value, values, isOptional ? this.#unwrapped(value) : this.check(value));
    }
    return types.mapOf(keys ?? this.#unifier.freshVariable(), values ?? this.#unifier.freshVariable());
  }

  #unwrapped(expression: Expression): Type {
    const type = this.check(expression);
    const inner = optionalValue(type);
    if (inner) return inner;
    if (!isDynamic(type)) this.#mismatch(expression.at, optionalOf(type), type);
    return type;
  }

  /** Kubernetes has literals of one type only, except among the arguments of `format`. */
  #join(expression: Expression, before: Type | undefined, next: Type): Type {
    if (!before) return next;
    if (this.#unifier.isAssignable(before, next)) return mostGeneral(before, next);
    return this.#formats > 0 ? types.DYN : this.#mismatch(expression.at, before, next);
  }

  #comprehension(expression: Comprehension): Type {
    this.check(expression.range);
    const initial = this.check(expression.initial);
    const range = this.#unifier.substitute(this.check(expression.range));
    const scope = this.#locals.length;
    this.#locals.push([expression.accumulator, initial]);
    const [first, second] = this.#loopTypes(expression, range);
    this.#locals.push([expression.first, first]);
    if (expression.second !== undefined) this.#locals.push([expression.second, second]);
    this.#expect(expression.condition, types.BOOL);
    this.#expect(expression.step, initial);
    this.#locals.length = scope + 1;
    const result = this.check(expression.result);
    this.#locals.length = scope;
    return this.#unifier.substitute(result);
  }

  #loopTypes({ range: { at }, second }: Comprehension, range: Type): readonly [Type, Type] {
    switch (range.kind) {
      case "list":
        return second === undefined ? [range.element, types.DYN] : [types.INT, range.element];
      case "map":
        return [range.key, range.value];
      case "dyn":
      case "error":
      case "parameter":
        this.#unifier.isAssignable(types.DYN, range);
        return [types.DYN, types.DYN];
      default:
        this.#report(
          at,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [types.ERROR, types.ERROR];
    }
  }

  #expect(expression: Expression, wanted: Type): void {
    const found = this.check(expression);
    if (!this.#unifier.isAssignable(wanted, found)) this.#mismatch(expression.at, wanted, found);
  }
}

function literalType(value: Value): Type {
  switch (typeof value) {
    case "boolean":
      return types.BOOL;
    case "bigint":
      return types.INT;
    case "number":
      return types.DOUBLE;
    case "string":
      return types.STRING;
    default:
      if (value === null) return types.NULL;
      if (value instanceof Uint) return types.UINT;
      if (value instanceof Timestamp) return types.TIMESTAMP;
      if (value instanceof Duration) return types.DURATION;
      return value instanceof Uint8Array ? types.BYTES : types.DYN;
  }
}
