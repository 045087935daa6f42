import { acceptsAll, type Overload } from "./functions/declare.ts";
import { Collected, itemOf } from "./functions/operators.ts";
import { present } from "./functions/optionals.ts";
import type { Expression } from "./language/ast.ts";
import type { Meter } from "./meter.ts";
import type { Formula } from "./runtime-cost.ts";
import {
  absent,
  type ErrorValue,
  isError,
  isList,
  isMap,
  keyIdentity,
  noSuchOverload,
  OptionalValue,
  TableMap,
  type Value,
} from "./values.ts";

/** The values of the variables, each at its place. */
export interface Frame {
  readonly slots: Value[];
  readonly meter: Meter;
}

/** A compiled node. */
export interface Node {
  readonly run: (frame: Frame) => Value;
  /** Known before the expression runs; then it costs nothing. */
  readonly constant?: Value;
  /** A variable, or a chain of fields and items of one. Where cel-go resolves such a chain without observing its variable
   * (as an index, as a branch of `?:`), that one unit is not charged. `runUncharged` does that. */
  readonly runUncharged?: (frame: Frame) => Value;
}

export function constant(value: Value): Node {
  return { constant: value, run: () => value };
}

/** Lists and maps are collected in place. */
export function freshAccumulator(initial: Expression): (() => Value) | undefined {
  if (initial.kind === "list" && initial.elements.length === 0) return () => new Collected([]);
  if (initial.kind === "map" && initial.entries.length === 0) return () => new TableMap();
  return undefined;
}

/** Calls for each element until told to stop. False: the value is nothing to go through. */
export function each(
  over: Value,
  hasTwo: boolean,
  goesOn: (first: Value, second: Value) => boolean,
): boolean {
  if (isList(over)) {
    for (let at = 0; at < over.size; at++) {
      const item = over.at(at);
      if (!(hasTwo ? goesOn(BigInt(at), item) : goesOn(item, null))) break;
    }
    return true;
  }
  if (!isMap(over)) return false;
  for (const key of over.keys()) if (!goesOn(key, hasTwo ? (over.find(key) ?? null) : null)) break;
  return true;
}

/** One more step of a chain of fields and items. */
export function chain(operand: Node, read: (value: Value, meter: Meter, frame: Frame) => Value): Node {
  const after = (value: Value, frame: Frame) => (isError(value) ? value : read(value, frame.meter, frame));
  const { runUncharged } = operand;
  return {
    run: (frame) => after(operand.run(frame), frame),
    ...(runUncharged ? { runUncharged: (frame: Frame) => after(runUncharged(frame), frame) } : {}),
  };
}

/** An overload that a call may mean, with its price. */
export interface Candidate {
  readonly overload: Overload;
  readonly cost: Formula | undefined;
}

export function invoke(candidates: readonly Candidate[], values: readonly Value[], meter: Meter): Value {
  for (const { overload, cost } of candidates) {
    if (!acceptsAll(overload, values)) continue;
    const result = overload.call(values, meter);
    meter.charge(cost ? cost(values, result) : 1);
    return result;
  }
  return noSuchOverload;
}

/** A call whose operand failed costs a unit all the same. */
function failed(error: ErrorValue, { meter }: Frame): ErrorValue {
  meter.charge(1);
  return error;
}

/** Calls with one and with two operands are nearly all; they make no list bit by bit. */
export function invocation(candidates: readonly Candidate[], operands: readonly Node[]): Node {
  const [first, second] = operands;
  if (first && second && operands.length === 2)
    return {
      run: (frame) => {
        const left = first.run(frame);
        const right = second.run(frame);
        if (isError(left)) return failed(left, frame);
        if (isError(right)) return failed(right, frame);
        return invoke(candidates, [left, right], frame.meter);
      },
    };
  return {
    run: (frame) => {
      const values: Value[] = [];
      for (const operand of operands) {
        const value = operand.run(frame);
        if (isError(value)) return operands.length === 1 ? failed(value, frame) : value;
        values.push(value);
      }
      return invoke(candidates, values, frame.meter);
    },
  };
}

export function selectField(value: Value, field: string): Value {
  if (value instanceof OptionalValue)
    return value.value === undefined ? absent : optionalField(value.value, field);
  if (!isMap(value)) return noSuchOverload;
  return itemOf(value, field);
}

export function optionalField(value: Value, field: string): Value {
  if (value instanceof OptionalValue)
    return value.value === undefined ? absent : optionalField(value.value, field);
  if (!isMap(value)) return noSuchOverload;
  const found = value.find(field);
  return found === undefined ? absent : present(found);
}

export function testField(value: Value, field: string): Value {
  if (value instanceof OptionalValue) return value.value !== undefined && testField(value.value, field);
  if (!isMap(value)) return noSuchOverload;
  return value.find(field) !== undefined;
}

/** A list of plain constants is looked up, not searched; cel-go does so too, at no cost. */
export function constantSet(value: Value | undefined): ReadonlySet<string> | undefined {
  if (!isList(value) || value.size === 0) return undefined;
  const identities = new Set<string>();
  for (let at = 0; at < value.size; at++) {
    const identity = keyIdentity(value.at(at));
    if (identity === undefined || typeof value.at(at) === "number") return undefined;
    identities.add(identity);
  }
  return identities;
}

export function membership(operand: Node | undefined, set: ReadonlySet<string>): Node {
  if (!operand) return constant(noSuchOverload);
  return {
    run: (frame) => {
      const value = operand.run(frame);
      if (isError(value)) return value;
      const identity = keyIdentity(value);
      return identity !== undefined && set.has(identity);
    },
  };
}
