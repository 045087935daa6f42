import type { Overload } from "./functions/declare.ts";
import { Format } from "./functions/formats.ts";
import { characterCount, costSize, isList, isMap, isOpaque, type Value } from "./values.ts";

/**
 * What a call costs once its arguments are known, in Kubernetes' units.
 * https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
 */
export const traversalFactor = 0.1;
export const regexFactor = 0.25;
export const listCost = 10;
export const mapCost = 30;

export type Formula = (values: readonly Value[], result: Value) => number;

/**
 * The formula of an overload; undefined: one unit. Costs are known only after a call, so every function whose time grows
 * with its arguments counts its own steps as it takes them.
 */
export function costFormula({ id, name }: Overload): Formula | undefined {
  if (Object.hasOwn(byId, id)) return byId[id];
  return Object.hasOwn(byName, name) ? byName[name] : undefined;
}

function sizeOf(values: readonly Value[], at: number): number {
  const value = values[at];
  return value === undefined ? 1 : costSize(value);
}

function traversing(factor = 1): Formula {
  return (values) => Math.ceil(sizeOf(values, 0) * factor * traversalFactor);
}

const regexCost: Formula = (values) =>
  Math.ceil((1 + sizeOf(values, 0)) * traversalFactor) * Math.ceil(sizeOf(values, 1) * regexFactor);

const smallerCost: Formula = (values) => {
  const [value] = values;
  if (isOpaque(value)) return 1;
  return Math.ceil(Math.min(sizeOf(values, 0), sizeOf(values, 1)) * traversalFactor);
};

const concatenation: Formula = (values) =>
  Math.ceil((sizeOf(values, 0) + sizeOf(values, 1)) * traversalFactor);
const resultSize: Formula = (_values, result) => costSize(result) + 1 + listCost;
const treeCost: Formula = ([value]) => (value === undefined ? 0 : traversal(value));
const setsCost =
  (factor: number): Formula =>
  (values) =>
    1 + Math.floor(sizeOf(values, 0) * sizeOf(values, 1) * factor);

function selfCompare(at: number): Formula {
  return (values) => {
    const list = values[at];
    if (!isList(list)) return 1;
    const first = list.size === 0 ? undefined : list.at(0);
    const factor = 2 + (typeof first === "string" || first instanceof Uint8Array ? traversalFactor : 0);
    return Math.floor(list.size * list.size * factor) + 1 + listCost;
  };
}

function containing(isText: boolean, isCidr: boolean): Formula {
  return (values) => {
    const size = sizeOf(values, 0);
    const compared = Math.ceil(2 * size * traversalFactor);
    const masked = isCidr ? Math.ceil(size * traversalFactor) + 1 : 0;
    return compared + masked + (isText ? Math.ceil(sizeOf(values, 1) * traversalFactor) : 0);
  };
}

const byId: Readonly<Record<string, Formula>> = {
  starts_with_string: traversing(),
  ends_with_string: traversing(),
  string_to_bytes: traversing(),
  bytes_to_string: traversing(),
  strings_quote: traversing(),
  string_format: traversing(),
  in_list: (values) => sizeOf(values, 1),
  less_string: smallerCost,
  greater_string: smallerCost,
  less_equals_string: smallerCost,
  greater_equals_string: smallerCost,
  less_bytes: smallerCost,
  greater_bytes: smallerCost,
  less_equals_bytes: smallerCost,
  greater_equals_bytes: smallerCost,
  equals: smallerCost,
  not_equals: smallerCost,
  add_string: concatenation,
  add_bytes: concatenation,
  matches_string: regexCost,
  contains_string: (values) =>
    Math.ceil(sizeOf(values, 0) * traversalFactor) * Math.ceil(sizeOf(values, 1) * traversalFactor),
  cidr_ip: () => 1,
  cidr_contains_ip_string: containing(true, false),
  cidr_contains_ip_ip: containing(false, false),
  cidr_contains_cidr_string: containing(true, true),
  cidr_contains_cidr: containing(false, true),
  list_slice: resultSize,
  lists_range: resultSize,
  list_reverse: resultSize,
  list_flatten: (values) => sizeOf(values, 0) + 1 + listCost,
  list_flatten_int: (values) => {
    const [, depth] = values;
    return Math.floor(sizeOf(values, 0) * (typeof depth === "bigint" ? Number(depth) : 1)) + 1 + listCost;
  },
  list_distinct: selfCompare(0),
  list_sets_contains_list: setsCost(1),
  list_sets_intersects_list: setsCost(1),
  list_sets_equivalent_list: setsCost(2),
};

const byName: Readonly<Record<string, Formula>> = {
  isSorted: treeCost,
  sum: treeCost,
  max: treeCost,
  min: treeCost,
  indexOf: treeCost,
  lastIndexOf: treeCost,
  url: traversing(),
  lowerAscii: traversing(),
  upperAscii: traversing(),
  substring: traversing(),
  trim: traversing(),
  replace: traversing(2),
  split: traversing(2),
  join: (_values, result) => Math.ceil(costSize(result) * 2 * traversalFactor),
  find: regexCost,
  findAll: regexCost,
  cidr: traversing(),
  isIP: traversing(),
  isCIDR: traversing(),
  ip: traversing(),
  "ip.isCanonical": traversing(2),
  quantity: traversing(),
  isQuantity: traversing(),
  semver: traversing(),
  isSemver: traversing(),
  sort: selfCompare(0),
  "@sortByAssociatedKeys": selfCompare(1),
  validate: (values) => {
    const [format] = values;
    if (!(format instanceof Format)) return 1;
    return (
      Math.ceil((1 + sizeOf(values, 1)) * traversalFactor) * Math.ceil(format.patternLength * regexFactor)
    );
  },
};

/** The cost of walking over a whole value. */
function traversal(value: Value): number {
  if (typeof value === "string") return Math.floor(characterCount(value) * traversalFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * traversalFactor);
  let cost = 0;
  if (isList(value)) {
    for (let at = 0; at < value.size; at++) cost += traversal(value.at(at));
    return cost;
  }
  if (isMap(value)) {
    for (const key of value.keys()) cost += traversal(key) + traversal(value.find(key) ?? null);
    return cost;
  }
  return 1;
}
