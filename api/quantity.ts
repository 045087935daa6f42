/**
 * Kubernetes quantities: a decimal number with a binary (Ki, Mi, …) or decimal (k, M, …) suffix or an exponent.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 * Values are exact and held in thousandths; what is finer is rounded away from zero, as Kubernetes does.
 */
import { Bug } from "../kit/errors.ts";

export type ParsedQuantity =
  | { readonly kind: "ok"; readonly milli: bigint }
  | { readonly kind: "invalid"; readonly message: string };

const quantityForm = /^([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$/;

const binaryPower: Readonly<Record<string, bigint>> = {
  Ki: 10n,
  Mi: 20n,
  Gi: 30n,
  Ti: 40n,
  Pi: 50n,
  Ei: 60n,
};
const decimalExponent: Readonly<Record<string, number>> = {
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

/** Longer texts and larger exponents are refused rather than computed: their value could not be used anyway. */
const textLengthMax = 64;
const exponentMax = 30;
/** 2^63-1 whole units, the range of Kubernetes' int64. */
const milliMax = (2n ** 63n - 1n) * 1000n;

export function parseQuantity(quantity: string | number): ParsedQuantity {
  const text = typeof quantity === "number" ? String(quantity) : quantity;
  const match = text.length <= textLengthMax ? quantityForm.exec(text) : null;
  if (match === null) {
    const shown = JSON.stringify(text.length <= textLengthMax ? text : `${text.slice(0, textLengthMax)}…`);
    return {
      kind: "invalid",
      message: `${shown} is no quantity: write a number with an optional unit, such as 250m or 2 for cpu, 64Mi or 1Gi for memory`,
    };
  }
  const [, sign, number = "", suffix = ""] = match;
  const [whole = "", fraction = ""] = number.split(".");
  const power = binaryPower[suffix];
  const exponent = power === undefined ? exponentOf(suffix) : 0;
  if (Math.abs(exponent) > exponentMax) return outOfRange(text);
  const digits = BigInt(whole + fraction) * 2n ** (power ?? 0n);
  const milli = scaled(digits, exponent + 3 - fraction.length);
  if (milli > milliMax) return outOfRange(text);
  return { kind: "ok", milli: sign === "-" ? -milli : milli };
}

/** Cores as millicores, of a quantity that validation has accepted. */
export function cpuMillis(quantity: string | number): number {
  return Number(acceptedMilli(quantity));
}

/** Whole bytes, rounded up, of a quantity that validation has accepted. */
export function memoryBytes(quantity: string | number): number {
  const milli = acceptedMilli(quantity);
  return Number(milli / 1000n + (milli % 1000n > 0n ? 1n : 0n));
}

function acceptedMilli(quantity: string | number): bigint {
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid")
    throw new Bug(`a quantity was used before it was validated: ${parsed.message}`);
  return parsed.milli;
}

/** 250 → "250m", 2000 → "2". */
export function formatCpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${Math.round(millis)}m`;
}

/** Bytes with the largest binary unit that divides them: 67108864 → "64Mi", 1000 → "1000". */
export function formatBytes(bytes: number): string {
  let rest = Math.round(bytes);
  let unit = "";
  for (const next of ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]) {
    if (rest === 0 || rest % 1024 !== 0) break;
    rest /= 1024;
    unit = next;
  }
  return `${rest}${unit}`;
}

function exponentOf(suffix: string): number {
  return decimalExponent[suffix] ?? (suffix === "" ? 0 : Number(suffix.slice(1)));
}

function scaled(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (digits + divisor - 1n) / divisor;
}

function outOfRange(text: string): ParsedQuantity {
  return {
    kind: "invalid",
    message: `${JSON.stringify(text)} is out of range: the largest quantity is 2^63-1`,
  };
}
