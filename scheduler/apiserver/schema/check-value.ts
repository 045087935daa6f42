/**
 * Checks a value against a structural schema, in the words of Kubernetes' own validation of custom kinds. The schema is read
 * as it is while the value is walked: nothing is compiled, so that a schema of ten thousand fields, which any user may bring,
 * costs nothing until it is used, and no code is made of it.
 *
 * Work is bounded by the sizes of value and schema; both are bounded before they get here.
 */
import {
  type FieldError,
  invalidValue,
  requiredValue,
  showValue,
  tooLong,
  tooMany,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { isKnownFormat, isOfFormat } from "./formats.ts";
import { matchPattern, type PatternBudget, patternStepsMax } from "./pattern.ts";

/** More would help nobody, and a list of a million wrong items must not become a million messages. */
export const errorsMax = 50;

/** Names and patterns may have a megabyte, and stand in each of the messages. */
const shownLengthMax = 300;
/** The values of an enum that are listed. */
const shownValuesMax = 200;

/** What a check costs, in the steps of patterns. */
const stepsOfCheck = 50;

/** `matches` says how much of a schema was gone through: of alternatives that all fail, the one with most is reported. */
interface Outcome {
  readonly errors: FieldError[];
  matches: number;
  readonly budget: PatternBudget;
}

/** `path`: of the value in its object; "" for the object itself. */
export function checkValue(value: unknown, schema: Schema, path: string): readonly FieldError[] {
  const budget: PatternBudget = { steps: patternStepsMax };
  const { errors } = check(value, schema, path, budget);
  // Below a `not` or beside an alternative it may have been no error that something could not be checked.
  if (budget.steps < 0 && errors.length === 0)
    return [invalidValue(fieldOf(path), "", "its schema would take too long to check")];
  return errors.slice(0, errorsMax);
}

function check(value: unknown, schema: Schema, path: string, budget: PatternBudget): Outcome {
  const outcome: Outcome = { errors: [], matches: 1, budget };
  // A list of a thousand items and as many alternatives is small, and takes a million of these.
  budget.steps -= stepsOfCheck;
  if (budget.steps < 0) return outcome;
  checkType(value, schema, path, outcome);
  if (value !== null && value !== undefined) {
    checkCombinations(value, schema, path, outcome);
    if (typeof value === "string") checkText(value, schema, path, outcome);
    else if (typeof value === "number") checkNumber(value, schema, path, outcome);
    else if (Array.isArray(value)) checkList(value, schema, path, outcome);
    else if (isObject(value)) checkFields(value, schema, path, outcome);
  }
  checkEnum(value, schema, path, outcome);
  return outcome;
}

function merge(outcome: Outcome, other: Outcome): void {
  for (const error of other.errors) if (outcome.errors.length < errorsMax) outcome.errors.push(error);
  outcome.matches += other.matches;
}

function add(outcome: Outcome, error: FieldError): void {
  if (outcome.errors.length < errorsMax) outcome.errors.push(error);
}

function checkType(value: unknown, schema: Schema, path: string, outcome: Outcome): void {
  const types = typesOf(schema);
  if (types.length === 0 || (value === null && schema.nullable === true)) return;
  const found = typeName(value);
  if (types.includes(found) || (found === "integer" && types.includes("number"))) {
    outcome.matches += 2;
    return;
  }
  // A number, a boolean or an object is compared with the format, if there is one.
  const { format } = schema;
  const comparesFormat =
    format !== undefined &&
    isKnownFormat(schema.type, format) &&
    !["string", "array", "null"].includes(found);
  const wanted = comparesFormat ? format : types.join(",");
  const shown = comparesFormat ? (numberFormats[found] ?? "") : found;
  add(outcome, typeError(path, shown, wanted));
}

const numberFormats: Readonly<Record<string, string>> = { number: "double", integer: "int64" };

function typeError(path: string, shown: string, wanted: string): FieldError {
  const text = showValue(shown);
  return {
    reason: "FieldValueTypeInvalid",
    field: fieldOf(path),
    message: `Invalid value: ${text}: ${path} in body must be of type ${wanted}: ${text}`,
  };
}

const intOrString: readonly string[] = ["integer", "string"];

function typesOf(schema: Schema): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return intOrString;
  return schema.type === undefined ? [] : [schema.type];
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/** Kubernetes' name of what has no path. */
function fieldOf(path: string): string {
  return path === "" ? "<nil>" : path;
}

function problem(path: string, value: unknown, why: string): FieldError {
  return invalidValue(fieldOf(path), value, `${path} in body ${why}`);
}

/** allOf, anyOf, oneOf, not: what they say stands beside the object, without a path of its own. */
function checkCombinations(value: unknown, schema: Schema, path: string, outcome: Outcome): void {
  outcome.matches++;
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  if (anyOf.length + oneOf.length + allOf.length === 0 && !not) return;
  const name = JSON.stringify(path);
  const complain = (text: string) => add(outcome, invalidValue("<nil>", "", `${name} must ${text}`));
  if (anyOf.length > 0) {
    const results = untilFirstSuccess(anyOf, value, path, outcome.budget);
    const success = results.find((one) => one.errors.length === 0);
    if (!success) complain("validate at least one schema (anyOf)");
    merge(outcome, success ?? closest(results));
  }
  if (oneOf.length > 0) {
    const results = oneOf.map((one) => check(value, one, path, outcome.budget));
    const successes = results.filter((one) => one.errors.length === 0);
    const [first] = successes;
    if (successes.length === 1 && first) merge(outcome, first);
    else {
      const found = first ? `Found ${successes.length} valid alternatives` : "Found none valid";
      complain(`validate one and only one schema (oneOf). ${found}`);
      if (!first) merge(outcome, closest(results));
    }
  }
  if (allOf.length > 0) {
    const results = allOf.map((one) => check(value, one, path, outcome.budget));
    for (const result of results) merge(outcome, result);
    const valid = results.filter((one) => one.errors.length === 0).length;
    if (valid < results.length)
      complain(`validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`);
  }
  if (not && check(value, not, path, outcome.budget).errors.length === 0)
    complain("not validate the schema (not)");
}

function untilFirstSuccess(
  schemas: readonly Schema[],
  value: unknown,
  path: string,
  budget: PatternBudget,
): readonly Outcome[] {
  const results: Outcome[] = [];
  for (const schema of schemas) {
    const result = check(value, schema, path, budget);
    results.push(result);
    if (result.errors.length === 0) break;
  }
  return results;
}

function closest(results: readonly Outcome[]): Outcome {
  return results.reduce((best, one) => (one.matches > best.matches ? one : best));
}

function checkText(value: string, schema: Schema, path: string, outcome: Outcome): void {
  const { minLength, maxLength, pattern = "", format } = schema;
  const errorsBefore = outcome.errors.length;
  const length = minLength === undefined && maxLength === undefined ? 0 : codePoints(value);
  if (maxLength !== undefined && length > maxLength) add(outcome, tooLong(fieldOf(path), maxLength));
  if (minLength !== undefined && length < minLength)
    add(outcome, problem(path, value, `should be at least ${minLength} chars long`));
  const match = pattern !== "" ? matchPattern(pattern, value, outcome.budget) : "matches";
  if (match === "differs") add(outcome, problem(path, value, `should match '${shorten(pattern)}'`));
  if (match === "too much")
    add(outcome, problem(path, value, `is too long to be matched with '${shorten(pattern)}'`));
  if (format && isKnownFormat(schema.type, format) && !isOfFormat(format, value))
    add(outcome, typeError(path, value, format));
  if (outcome.errors.length === errorsBefore) outcome.matches++;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const integerRanges: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  // The nearest doubles: 2^63 itself can't be told from what is allowed.
  int64: [-(2 ** 63), 2 ** 63],
};

function checkNumber(value: number, schema: Schema, path: string, outcome: Outcome): void {
  outcome.matches++;
  const { minimum, maximum, multipleOf, format = "" } = schema;
  const say = (why: string) => add(outcome, problem(path, value, why));
  const range = schema.type === "integer" ? (integerRanges[format] ?? integerRanges["int64"]) : undefined;
  if (range && (value < range[0] || value > range[1])) {
    const form = format === "" ? "(default format)" : `with format ${format}`;
    add(outcome, invalidValue("<nil>", "", `Checked value must be of type integer ${form} in ${path}`));
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    say(`should be a multiple of ${multipleOf}`);
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum))
    say(`should be less than ${schema.exclusiveMaximum === true ? "" : "or equal to "}${maximum}`);
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum))
    say(`should be greater than ${schema.exclusiveMinimum === true ? "" : "or equal to "}${minimum}`);
}

function isMultiple(value: number, factor: number): boolean {
  if (factor <= 0) return false;
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(quotient - Math.round(quotient)) <= Number.EPSILON * Math.max(1, Math.abs(quotient));
}

function checkList(value: readonly unknown[], schema: Schema, path: string, outcome: Outcome): void {
  outcome.matches++;
  const { items, minItems, maxItems } = schema;
  if (items)
    for (const [at, one] of value.entries()) {
      if (outcome.errors.length >= errorsMax) return;
      merge(outcome, check(one, items, `${path}[${at}]`, outcome.budget));
    }
  if (minItems !== undefined && value.length < minItems)
    add(outcome, problem(path, value.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems)
    add(outcome, tooMany(fieldOf(path), value.length, maxItems));
}

function checkFields(value: JsonObject, schema: Schema, path: string, outcome: Outcome): void {
  const { properties = {}, additionalProperties, required = [], minProperties, maxProperties } = schema;
  const names = Object.keys(value);
  if (minProperties !== undefined && names.length < minProperties)
    add(outcome, problem(path, names.length, `should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && names.length > maxProperties)
    add(outcome, tooMany(fieldOf(path), names.length, maxProperties));
  for (const name of names) {
    if (outcome.errors.length >= errorsMax) return;
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const place = fieldPath(path, name);
    if (own) merge(outcome, check(value[name], own, place, outcome.budget));
    else if (isObject(additionalProperties))
      merge(outcome, check(value[name], additionalProperties, place, outcome.budget));
    else if (additionalProperties === false)
      add(outcome, invalidValue(fieldOf(path), name, `${path}.${name} in body is a forbidden property`));
  }
  for (const name of required)
    if (!Object.hasOwn(value, name)) add(outcome, requiredValue(fieldPath(path, name)));
}

function fieldPath(path: string, name: string): string {
  const shown = shorten(name);
  return path === "" ? shown : `${path}.${shown}`;
}

function shorten(text: string): string {
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}

function checkEnum(value: unknown, schema: Schema, path: string, outcome: Outcome): void {
  const { enum: values } = schema;
  if (!values || values.length === 0) return;
  const isPlain = typeof value !== "object" || value === null;
  const text = isPlain ? "" : canonical(value);
  if (values.some((one) => one === value || (!isPlain && canonical(one) === text))) return;
  add(outcome, unsupportedValue(fieldOf(path), value, values.slice(0, shownValuesMax)));
}

/** JSON with the names of objects in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) =>
    isObject(one) ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1))) : one,
  );
}
