import { isDeepStrictEqual } from "node:util";
import {
  type FieldError,
  forbiddenValue,
  requiredValue,
  showValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { CostExceeded, Meter, Toil } from "./meter.ts";
import type { CompiledRule } from "./rule-compiler.ts";
import type { Declaration } from "./schema/declaration.ts";
import { toValue } from "./schema/schema-values.ts";
import { absent, isError, OptionalValue, type Value } from "./values.ts";
import { nameOf } from "./validation-rule.ts";

/** The rules of a schema and of those below it. Values without rules are not looked at. */
export interface RuleNode {
  readonly schema: Schema;
  readonly declaration: Declaration | undefined;
  readonly isRoot: boolean;
  readonly rules: readonly CompiledRule[];
  /** Of `allOf`: more rules on the same values. */
  readonly parts: readonly RuleNode[];
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
}

/** Kubernetes' limits: what one rule, and all rules of one object, may cost. */
const callCostMax = 1_000_000;
const objectCostMax = 10_000_000;
/** Steps beyond what the cost counts, under half a second of work: no sensible rule comes near. */
const toilMax = 100_000_000;
/** What starting a rule takes at least. */
const ruleToil = 50;
const messageBytesMax = 5 * 1024;
/** More would help nobody. */
const errorsMax = 50;

/** The same value in the new and the old object, where both are known to be the same. */
interface Pair {
  readonly value: unknown;
  readonly old: unknown;
  isEqual?: boolean;
}

interface Place {
  /** "" for the object itself. */
  readonly path: string;
  /** What transition rules compare with. */
  readonly old: unknown;
  readonly pair: Pair | undefined;
  /** The nearest enclosing pair, where this value itself has none. */
  readonly outer: Pair | undefined;
}

export function checkRules(
  node: RuleNode,
  object: JsonObject,
  old: JsonObject | undefined,
  warn?: (warning: string) => void,
): readonly FieldError[] {
  const run = new Run(warn);
  const pair = old ? { value: object, old } : undefined;
  run.visit(node, object, { path: "", old, pair, outer: undefined });
  return run.errors;
}

/** Errors that leave no sense in running rules; Kubernetes then says so. */
const blocking: ReadonlySet<string> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** What to add to a schema's errors in place of running the rules; undefined: run them. */
export function rulesSkipped(errors: readonly FieldError[]): FieldError | undefined {
  if (!errors.some(({ reason }) => blocking.has(reason))) return undefined;
  return {
    reason: "FieldValueInvalid",
    field: "<nil>",
    message:
      "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
  };
}

type Outcome =
  | { readonly kind: "value"; readonly value: Value }
  /** The rule took more than one rule may. */
  | { readonly kind: "limit" }
  /** All rules together took more than they may. */
  | { readonly kind: "budget" };

class Run {
  readonly errors: FieldError[] = [];
  readonly #warn: ((warning: string) => void) | undefined;
  readonly #toil = new Toil(toilMax);
  #budget = objectCostMax;
  #warnings = 0;
  #isOver = false;

  constructor(warn: ((warning: string) => void) | undefined) {
    this.#warn = warn;
  }

  visit(node: RuleNode, value: unknown, place: Place): void {
    if (this.#isOver || value === null || value === undefined) return;
    this.#runAll(node, value, place);
    for (const part of node.parts) this.visit(part, value, { ...place, pair: undefined, outer: place.outer });
    if (Array.isArray(value)) this.#visitItems(node, value, place);
    else if (isObject(value)) this.#visitFields(node, value, place);
  }

  #visitItems(node: RuleNode, list: readonly unknown[], place: Place): void {
    const { items } = node;
    if (!items) return;
    const find = itemFinder(node.schema, place.old);
    for (let at = 0; at < list.length && !this.#isOver; at++) {
      const old = find(list[at]);
      this.visit(items, list[at], inside(place, `${place.path}[${at}]`, list[at], old));
    }
  }

  #visitFields(node: RuleNode, value: JsonObject, place: Place): void {
    if (!node.values && node.properties.size === 0) return;
    const before = isObject(place.old) ? place.old : {};
    for (const [name, field] of Object.entries(value)) {
      if (this.#isOver) return;
      const old = Object.hasOwn(before, name) ? before[name] : undefined;
      if (node.values) this.visit(node.values, field, inside(place, `${place.path}[${name}]`, field, old));
      const own = node.properties.get(name);
      const path = place.path === "" ? name : `${place.path}.${name}`;
      if (own) this.visit(own, field, inside(place, path, field, old));
    }
  }

  #runAll(node: RuleNode, value: unknown, place: Place): void {
    const { declaration, rules } = node;
    if (rules.length === 0 || !declaration) return;
    const self = toValue(value, declaration);
    const hasOld = place.old !== null && place.old !== undefined;
    const oldSelf = hasOld ? toValue(place.old, declaration) : undefined;
    for (const compiled of rules) {
      if (this.#isOver) return;
      const { optionalOldSelf } = compiled.rule;
      if (compiled.usesOldSelf && !hasOld && optionalOldSelf !== true) continue;
      const optional = oldSelf === undefined ? absent : new OptionalValue(oldSelf);
      const variables = [self, optionalOldSelf === true ? optional : (oldSelf ?? null)];
      this.#runRule(node, compiled, variables, value, place);
    }
  }

  #runRule(
    node: RuleNode,
    compiled: CompiledRule,
    variables: readonly Value[],
    value: unknown,
    place: Place,
  ): void {
    const { rule, program } = compiled;
    if (typeof program === "string") {
      this.#broken(node, place, `rule compile error: ${program}`);
      return;
    }
    const outcome = this.#evaluate(program, variables);
    switch (outcome.kind) {
      case "budget":
        this.#end(
          node,
          place,
          "validation failed due to running out of cost budget, no further validation rules will be run",
        );
        return;
      case "limit":
        this.#end(
          node,
          place,
          `'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${nameOf(rule)}`,
        );
        return;
      case "value":
        if (outcome.value === true) return;
        if (isError(outcome.value)) this.#broken(node, place, errorText(outcome.value.message, nameOf(rule)));
        else this.#failed(node, compiled, variables, value, place);
    }
  }

  #evaluate(program: Exclude<CompiledRule["program"], string>, variables: readonly Value[]): Outcome {
    if (this.#budget <= 0 || this.#toil.isSpent) return { kind: "budget" };
    const meter = new Meter(callCostMax, this.#toil);
    try {
      meter.toil(ruleToil);
      const value = program.run(variables, meter);
      if (meter.cost > this.#budget) return { kind: "budget" };
      this.#budget -= meter.cost;
      return { kind: "value", value };
    } catch (error) {
      if (!(error instanceof CostExceeded)) throw error;
      return { kind: meter.cost > this.#budget ? "budget" : "limit" };
    }
  }

  #failed(
    node: RuleNode,
    compiled: CompiledRule,
    variables: readonly Value[],
    value: unknown,
    place: Place,
  ): void {
    const { rule, fieldPath } = compiled;
    const relative = fieldPath === "" ? "" : `${place.path === "" ? "" : "."}${fieldPath}`;
    const field = fieldName(`${place.path}${relative}`);
    const message = this.#message(compiled, variables);
    if (message.kind === "over") {
      this.#end(node, { ...place, path: field }, message.text);
      return;
    }
    const isHidden = node.schema.type === "object" || node.schema.type === "array";
    const error = errorFor(rule.reason, field, isHidden ? undefined : value, message.text);
    if (!compiled.usesOldSelf && isUnchanged(place.pair ?? place.outer)) this.#warnOf(error);
    else this.#add(error);
  }

  #message(
    { rule, message }: CompiledRule,
    variables: readonly Value[],
  ): { readonly kind: "text" | "over"; readonly text: string } {
    const otherwise = rule.message === "" ? `failed rule: ${nameOf(rule)}` : rule.message.trim();
    if (!message) return { kind: "text", text: otherwise };
    const outcome = this.#evaluate(message, variables);
    if (outcome.kind === "budget")
      return {
        kind: "over",
        text: "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run",
      };
    if (outcome.kind === "limit")
      return {
        kind: "over",
        text: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`,
      };
    const text = typeof outcome.value === "string" ? outcome.value.trim() : "";
    const isUsable = text !== "" && !text.includes("\n") && Buffer.byteLength(text) <= messageBytesMax;
    return { kind: "text", text: isUsable ? text : otherwise };
  }

  /** The rule itself could not be evaluated; the value shown is the schema's type. */
  #broken(node: RuleNode, place: Place, why: string): void {
    this.#add({
      reason: "FieldValueInvalid",
      field: fieldName(place.path),
      message: `Invalid value: ${JSON.stringify(node.schema.type ?? "")}: ${why}`,
    });
  }

  #end(node: RuleNode, place: Place, why: string): void {
    this.#broken(node, place, why);
    this.#isOver = true;
  }

  #warnOf({ field, message }: FieldError): void {
    if (++this.#warnings <= errorsMax) this.#warn?.(`${field}: ${message}`);
  }

  #add(error: FieldError): void {
    this.errors.push(error);
    if (this.errors.length >= errorsMax) this.#isOver = true;
  }
}

function fieldName(path: string): string {
  return path === "" ? "<nil>" : path;
}

function inside(place: Place, path: string, value: unknown, old: unknown): Place {
  // Of apiVersion and kind both objects show the same, so that says nothing.
  if (place.pair && place.path === "" && (path === "apiVersion" || path === "kind"))
    return { path, old, pair: undefined, outer: undefined };
  const outer = place.pair ?? place.outer;
  const isKnown = place.pair !== undefined && old !== undefined;
  return { path, old, pair: isKnown ? { value, old } : undefined, outer };
}

/** Finds the item of an old list that an item of the new one stands for: by its keys, in lists that have keys. */
function itemFinder(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (schema["x-kubernetes-list-type"] !== "map" || keys.length === 0 || !Array.isArray(old))
    return () => undefined;
  const byKey = new Map<string, unknown>();
  for (const item of old) {
    const key = itemKey(item, keys);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, item);
  }
  return (item) => {
    const key = itemKey(item, keys);
    return key === undefined ? undefined : byKey.get(key);
  };
}

function itemKey(item: unknown, keys: readonly string[]): string | undefined {
  if (!isObject(item)) return undefined;
  const values = keys.map((key) => (Object.hasOwn(item, key) ? item[key] : undefined));
  return values.includes(undefined) ? undefined : JSON.stringify(values);
}

/** Whether what fails now was so before: then it is not this update's fault. */
function isUnchanged(pair: Pair | undefined): boolean {
  if (!pair) return false;
  pair.isEqual ??= isDeepStrictEqual(pair.value, pair.old);
  return pair.isEqual;
}

function errorText(message: string, rule: string): string {
  return message.startsWith("no such overload")
    ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`
    : `${message} evaluating rule: ${rule}`;
}

/** `value`: undefined where it is not shown. */
function errorFor(reason: string | undefined, field: string, value: unknown, detail: string): FieldError {
  const shown = value === undefined ? "" : `: ${showValue(value)}`;
  switch (reason) {
    case "FieldValueForbidden":
      return forbiddenValue(field, detail);
    case "FieldValueRequired":
      return requiredValue(field, detail);
    case "FieldValueDuplicate":
      return { reason: "FieldValueDuplicate", field, message: `Duplicate value${shown}` };
    default:
      return { reason: "FieldValueInvalid", field, message: `Invalid value${shown}: ${detail}` };
  }
}
