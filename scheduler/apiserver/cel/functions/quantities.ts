import { BOOL, DOUBLE, INT, opaque, STRING } from "../language/types.ts";
import { ErrorValue, isOpaque, noSuchOverload, type OpaqueValue, type Value } from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";

export const QUANTITY = opaque("kubernetes.Quantity");

/** An exact decimal: `digits` × 10^`exponent`. */
export class Quantity implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = QUANTITY.name;
  readonly size = 1;
  readonly digits: bigint;
  readonly exponent: number;

  constructor(digits: bigint, exponent: number) {
    this.digits = digits;
    this.exponent = exponent;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Quantity && compareQuantities(this, other) === 0;
  }
}

const form = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(n|u|m|k|[KMGTPE]i?|[eE][+-]?\d{1,4})?$/;
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binaryPowers: Readonly<Record<string, bigint>> = {
  Ki: 10n,
  Mi: 20n,
  Gi: 30n,
  Ti: 40n,
  Pi: 50n,
  Ei: 60n,
};

const textLengthMax = 256;
/** Kubernetes keeps nothing finer than a nano and nothing larger than this beside exact decimals. */
const finest = -9;
const exponentMax = 1000;

/** Undefined: the text is no quantity. What is finer than a nano is rounded away from zero, as Kubernetes does. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = text.length <= textLengthMax ? form.exec(text) : null;
  if (!match) return undefined;
  const [, sign, number = "", suffix = ""] = match;
  const power = Object.hasOwn(binaryPowers, suffix) ? binaryPowers[suffix] : undefined;
  const isExponent = /^[eE][+-]?\d/.test(suffix);
  const known = Object.hasOwn(decimalExponents, suffix) ? decimalExponents[suffix] : undefined;
  if (suffix === "K" || (suffix !== "" && power === undefined && known === undefined && !isExponent))
    return undefined;
  const [whole = "", fraction = ""] = number.split(".");
  const scale = isExponent ? Number(suffix.slice(1)) : (known ?? 0);
  if (Math.abs(scale) > exponentMax) return undefined;
  const digits = BigInt(`${whole}${fraction}`) * 2n ** (power ?? 0n);
  return roundUp(sign === "-" ? -digits : digits, scale - fraction.length);
}

function roundUp(digits: bigint, exponent: number): Quantity {
  if (exponent >= finest) return new Quantity(digits, exponent);
  const divisor = 10n ** BigInt(finest - exponent);
  const rest = digits % divisor;
  const step = rest === 0n ? 0n : rest < 0n ? -1n : 1n;
  return new Quantity(digits / divisor + step, finest);
}

function aligned(a: Quantity, b: Quantity): readonly [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  const scale = (one: Quantity) => one.digits * 10n ** BigInt(one.exponent - exponent);
  return [scale(a), scale(b), exponent];
}

function compareQuantities(a: Quantity, b: Quantity): number {
  const [left, right] = aligned(a, b);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function add(a: Quantity, b: Quantity, sign: bigint): Quantity {
  const [left, right, exponent] = aligned(a, b);
  return new Quantity(left + sign * right, exponent);
}

/** Undefined: no whole number, or more than 64 bits. */
function integerOf({ digits, exponent }: Quantity): bigint | undefined {
  const factor = 10n ** BigInt(Math.abs(exponent));
  if (exponent < 0 && digits % factor !== 0n) return undefined;
  const value = exponent < 0 ? digits / factor : digits * factor;
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function withOne(value: unknown, use: (quantity: Quantity) => Value): Value {
  return isOpaque(value) && value instanceof Quantity ? use(value) : noSuchOverload;
}

function withTwo(a: unknown, b: unknown, use: (a: Quantity, b: Quantity) => Value): Value {
  return withOne(a, (left) => withOne(b, (right) => use(left, right)));
}

export const quantities: readonly Overload[] = [
  define(
    ["quantity", "string_to_quantity"],
    [STRING],
    QUANTITY,
    ([text]) =>
      parseQuantity(text) ??
      new ErrorValue(
        form.test(text)
          ? "unable to parse quantity's suffix"
          : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      ),
  ),
  define(["isQuantity", "is_quantity_string"], [STRING], BOOL, ([text]) => parseQuantity(text) !== undefined),
  define(["sign", "quantity_sign"], [QUANTITY], INT, ([value]) => sign(value)),
  defineMethod(["sign", "quantity_sign_method"], [QUANTITY], INT, ([value]) => sign(value)),
  defineMethod(["isInteger", "quantity_is_integer"], [QUANTITY], BOOL, ([value]) =>
    withOne(value, (quantity) => integerOf(quantity) !== undefined),
  ),
  defineMethod(["asInteger", "quantity_get_int"], [QUANTITY], INT, ([value]) =>
    withOne(value, (quantity) => integerOf(quantity) ?? new ErrorValue("cannot convert value to integer")),
  ),
  defineMethod(["asApproximateFloat", "quantity_get_float"], [QUANTITY], DOUBLE, ([value]) =>
    withOne(value, ({ digits, exponent }) => Number(`${digits}e${exponent}`)),
  ),
  defineMethod(["add", "quantity_add"], [QUANTITY, QUANTITY], QUANTITY, ([a, b]) =>
    withTwo(a, b, (left, right) => add(left, right, 1n)),
  ),
  defineMethod(["add", "quantity_add_int"], [QUANTITY, INT], QUANTITY, ([a, b]) =>
    withOne(a, (left) => add(left, new Quantity(b, 0), 1n)),
  ),
  defineMethod(["sub", "quantity_sub"], [QUANTITY, QUANTITY], QUANTITY, ([a, b]) =>
    withTwo(a, b, (left, right) => add(left, right, -1n)),
  ),
  defineMethod(["sub", "quantity_sub_int"], [QUANTITY, INT], QUANTITY, ([a, b]) =>
    withOne(a, (left) => add(left, new Quantity(b, 0), -1n)),
  ),
  defineMethod(["compareTo", "quantity_compare_to"], [QUANTITY, QUANTITY], INT, ([a, b]) =>
    withTwo(a, b, (left, right) => BigInt(compareQuantities(left, right))),
  ),
  defineMethod(["isLessThan", "quantity_is_less_than"], [QUANTITY, QUANTITY], BOOL, ([a, b]) =>
    withTwo(a, b, (left, right) => compareQuantities(left, right) < 0),
  ),
  defineMethod(["isGreaterThan", "quantity_is_greater_than"], [QUANTITY, QUANTITY], BOOL, ([a, b]) =>
    withTwo(a, b, (left, right) => compareQuantities(left, right) > 0),
  ),
];

function sign(value: unknown): Value {
  return withOne(value, ({ digits }) => (digits === 0n ? 0n : digits < 0n ? -1n : 1n));
}
