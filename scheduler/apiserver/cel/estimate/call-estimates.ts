import type { Expression } from "../language/ast.ts";
import type { Type } from "../language/types.ts";
import { listCost, regexFactor, traversalFactor } from "../runtime-cost.ts";
import { add, exactly, limit, multiply, type Range, scale, unknown } from "./ranges.ts";

/** What an estimate of a call knows of an argument. */
export interface Operand {
  readonly expression: Expression | undefined;
  readonly type: Type;
  /** What the expression itself says of the size; undefined where only the schema can. */
  readonly computedSize: Range | undefined;
  /** The size by all that is known. */
  readonly size: Range;
  /** Of a list's items. */
  readonly item: Operand | undefined;
}

export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range;
}

interface Operands {
  /** The target too, where there is one. */
  readonly all: readonly Operand[];
  readonly hasTarget: boolean;
}

type Estimate = (operands: Operands) => CallEstimate | undefined;

const one = exactly(1);

function sizeOf({ all }: Operands, at: number): Range {
  return all[at]?.size ?? unknown;
}

/** Reads its first argument through, a number of times. */
function traversing(times = 1, keepsSize = false): Estimate {
  return (operands) => {
    const size = sizeOf(operands, 0);
    return { cost: scale(size, times * traversalFactor), ...(keepsSize ? { size } : {}) };
  };
}

const cheap: Estimate = () => ({ cost: one });

const listWalk: Estimate = ({ all: [list] }) => {
  if (!list) return undefined;
  const { item } = list;
  if (!item) return { cost: scale(list.size, traversalFactor) };
  const isText = item.type.kind === "string" || item.type.kind === "bytes";
  const each = isText ? add(one, scale(item.size, traversalFactor)) : one;
  return { cost: multiply(list.size, each) };
};

const replacing: Estimate = (operands) => {
  const [text, part, by] = [sizeOf(operands, 0), sizeOf(operands, 1), sizeOf(operands, 2)];
  const count = { min: 0, max: 0 };
  const kept = { min: 0, max: 0 };
  if (part.min === 0) [count.max, kept.max] = [Math.min(text.max + 1, limit), text.max];
  else if (by.max <= part.min) kept.max = text.max;
  else count.max = Math.ceil(text.max / part.min);
  if (part.max === 0) [count.min, kept.min] = [text.min + 1, text.min];
  else if (part.max <= by.min) kept.min = text.min;
  else count.min = Math.ceil(text.min / part.max);
  return { cost: scale(text, 2 * traversalFactor), size: add(multiply(count, by), kept) };
};

const splitting: Estimate = (operands) => {
  const text = sizeOf(operands, 0);
  const count = operands.all[2]?.expression;
  const max = count?.kind === "literal" && typeof count.value === "bigint" ? Number(count.value) : text.max;
  return { cost: scale(text, 2 * traversalFactor), size: { min: 0, max: max < 0 ? limit : max } };
};

const joining: Estimate = ({ all: [list, separator] }) => {
  if (!list) return undefined;
  const texts = list.item ? multiply(list.size, list.item.size) : exactly(0);
  const gaps = { min: Math.max(0, list.size.min - 1), max: Math.max(0, list.size.max - 1) };
  const size = separator ? add(texts, multiply(separator.size, gaps)) : texts;
  return { cost: scale(size, traversalFactor), size };
};

const matching =
  (hasResult: boolean): Estimate =>
  (operands) => {
    const text = sizeOf(operands, 0);
    const steps = scale(add(text, one), traversalFactor);
    const cost = multiply(steps, scale(sizeOf(operands, 1), regexFactor));
    return { cost, ...(hasResult ? { size: { min: 0, max: text.max } } : {}) };
  };

const addressSize = { min: 4, max: 16 };

function containing(isText: boolean, isCidr: boolean): Estimate {
  return (operands) => {
    const compared = scale(add(addressSize, addressSize), traversalFactor);
    const masked = isCidr ? add(scale(addressSize, traversalFactor), one) : exactly(0);
    const read = isText ? scale(sizeOf(operands, 1), traversalFactor) : exactly(0);
    return { cost: add(compared, masked, read) };
  };
}

const validating: Estimate = (operands) => ({
  cost: scale(scale(sizeOf(operands, 1), traversalFactor), 128 * regexFactor),
});

/** By function name: Kubernetes' own estimates. */
export const byName: Readonly<Record<string, Estimate>> = {
  isSorted: listWalk,
  sum: listWalk,
  max: listWalk,
  min: listWalk,
  indexOf: listWalk,
  lastIndexOf: listWalk,
  url: traversing(1, true),
  lowerAscii: traversing(1, true),
  upperAscii: traversing(1, true),
  substring: traversing(1, true),
  trim: traversing(1, true),
  replace: replacing,
  split: splitting,
  join: joining,
  find: matching(true),
  findAll: matching(true),
  cidr: traversing(),
  isIP: traversing(),
  isCIDR: traversing(),
  ip: traversing(),
  "ip.isCanonical": traversing(2),
  quantity: traversing(),
  isQuantity: traversing(),
  semver: traversing(),
  isSemver: traversing(),
  validate: validating,
};

function allocating(factor: number, size: Range): CallEstimate {
  return { cost: add(scale(size, factor), one, exactly(listCost)), size };
}

function integerOf(operand: Operand | undefined, otherwise: number): number {
  const expression = operand?.expression;
  if (expression?.kind !== "literal" || typeof expression.value !== "bigint") return otherwise;
  return Math.max(0, Number(expression.value));
}

function selfCompare(at: number): Estimate {
  return ({ all }) => {
    const list = all[at];
    if (!list) return undefined;
    const isText = list.item?.type.kind === "string" || list.item?.type.kind === "bytes";
    return allocating(2 + (isText ? traversalFactor : 0), multiply(list.size, list.size));
  };
}

function comparingSets(factor: number): Estimate {
  return (operands) => ({
    cost: add(scale(multiply(sizeOf(operands, 0), sizeOf(operands, 1)), factor), one),
  });
}

const smaller: Estimate = (operands) => {
  const [first, second] = operands.all;
  if (first?.type.kind === "opaque" && second?.type.kind === "opaque" && first.type.name !== "optional_type")
    return { cost: one };
  const max = Math.min(computed(operands, 0).max, computed(operands, 1).max);
  return { cost: scale({ min: max > 0 ? 1 : 0, max }, traversalFactor) };
};

/** The size by what cel-go itself knows. */
function computed({ all }: Operands, at: number): Range {
  return all[at]?.computedSize ?? unknown;
}

const concatenating: Estimate = (operands) => {
  const size = add(computed(operands, 0), computed(operands, 1));
  return { cost: scale(size, traversalFactor), size };
};

/** By overload: the standard library's estimates. */
export const byId: Readonly<Record<string, Estimate>> = {
  list_slice: ({ all: [list, start, end] }) =>
    list && allocating(1, exactly(Math.max(0, integerOf(end, list.size.max) - integerOf(start, 0)))),
  lists_range: ({ all: [count] }) => allocating(1, exactly(integerOf(count, limit))),
  list_reverse: ({ all: [list] }) => list && allocating(1, list.size),
  list_flatten: ({ all: [list] }) => list && allocating(1, list.size),
  list_flatten_int: ({ all: [list, depth] }) => list && allocating(integerOf(depth, limit), list.size),
  list_distinct: ({ all: [list] }) => list && allocating(2, multiply(list.size, list.size)),
  list_sets_contains_list: comparingSets(1),
  list_sets_intersects_list: comparingSets(1),
  list_sets_equivalent_list: comparingSets(2),
  cidr_ip: cheap,
  cidr_contains_ip_string: containing(true, false),
  cidr_contains_ip_ip: containing(false, false),
  cidr_contains_cidr_string: containing(true, true),
  cidr_contains_cidr: containing(false, true),
  string_format: (operands) => ({ cost: scale(computed(operands, 0), traversalFactor) }),
  string_to_bytes: (operands) => {
    const size = computed(operands, 0);
    return {
      cost: scale(size, traversalFactor),
      size: { min: size.min, max: Math.min(size.max * 4, limit) },
    };
  },
  bytes_to_string: (operands) => {
    const size = computed(operands, 0);
    return { cost: scale(size, traversalFactor), size: { min: Math.floor(size.min / 4), max: size.max } };
  },
  strings_quote: (operands) => {
    const size = computed(operands, 0);
    return {
      cost: scale(size, traversalFactor),
      size: { min: size.min + 2, max: Math.min(size.max * 2 + 2, limit) },
    };
  },
  starts_with_string: (operands) => ({ cost: scale(computed(operands, 1), traversalFactor) }),
  ends_with_string: (operands) => ({ cost: scale(computed(operands, 1), traversalFactor) }),
  in_list: (operands) => ({ cost: computed(operands, 1) }),
  matches_string: matching(false),
  contains_string: (operands) => ({
    cost: multiply(
      scale(computed(operands, 0), traversalFactor),
      scale(computed(operands, 1), traversalFactor),
    ),
  }),
  add_string: concatenating,
  add_bytes: concatenating,
  add_list: (operands) => ({ cost: one, size: add(computed(operands, 0), computed(operands, 1)) }),
  less_string: smaller,
  greater_string: smaller,
  less_equals_string: smaller,
  greater_equals_string: smaller,
  less_bytes: smaller,
  greater_bytes: smaller,
  less_equals_bytes: smaller,
  greater_equals_bytes: smaller,
  equals: smaller,
  not_equals: smaller,
};

const sorting = selfCompare(0);
const sortingBy = selfCompare(1);

/** What a call may cost and how large its result may be; undefined: one unit, of unknown size. */
export function estimateCall(name: string, id: string, operands: Operands): CallEstimate | undefined {
  if (name === "sort") return sorting(operands);
  if (name === "@sortByAssociatedKeys") return sortingBy(operands);
  const estimate = Object.hasOwn(byId, id)
    ? byId[id]
    : Object.hasOwn(byName, name)
      ? byName[name]
      : undefined;
  return estimate?.(operands);
}
