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

export function parseQuantity(quantity: string | number): ParsedQuantity {
  const read = readQuantity(quantity, 3);
  return read.kind === "invalid" ? read : { kind: "ok", milli: read.scaled };
}

/** How a quantity is written: with k, M, … or with Ki, Mi, … or with e3, e6, …. */
export type QuantityFormat = "decimal" | "binary" | "exponent";

type ReadQuantity =
  | { readonly kind: "ok"; readonly scaled: bigint; readonly format: QuantityFormat }
  | Extract<ParsedQuantity, { kind: "invalid" }>;

/** The value times 10^scale, rounded away from zero. */
function readQuantity(quantity: string | number, scale: number): ReadQuantity {
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
  const value = scaled(digits, exponent + scale - fraction.length);
  if (value > (2n ** 63n - 1n) * 10n ** BigInt(scale)) return outOfRange(text);
  return { kind: "ok", scaled: sign === "-" ? -value : value, format: formatOf(suffix) };
}

function formatOf(suffix: string): QuantityFormat {
  if (suffix in binaryPower) return "binary";
  return suffix === "" || suffix in decimalExponent ? "decimal" : "exponent";
}

/** Cores as millicores, of a quantity that validation has accepted. */
export function cpuMillis(quantity: string | number): number {
  return Number(acceptedMilli(quantity));
}

/** Whole bytes, rounded up, of a quantity that validation has accepted. */
export function memoryBytes(quantity: string | number): number {
  return countOf(quantity);
}

/** The whole number, rounded up, of a quantity that validation has accepted. */
export function countOf(quantity: string | number): number {
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

/**
 * The one way to write this value in this format, as Kubernetes does: no fraction, the largest unit that leaves none.
 * Below 1024, and where there is a fraction, the binary format is written as the decimal one.
 */
export function formatQuantity(milli: bigint, format: QuantityFormat): string {
  return formatNano(milli * 1_000_000n, format);
}

/** A quantity as Kubernetes hands it back: "1000m" is "1", "0.5" is "500m". What is no quantity is left as it is. */
export function canonicalQuantity(quantity: string | number): string {
  const read = readQuantity(quantity, 9);
  return read.kind === "ok" ? formatNano(read.scaled, read.format) : String(quantity);
}

const decimalSuffixes: readonly string[] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes: readonly string[] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const nanoPerUnit = 1_000_000_000n;

function formatNano(nano: bigint, format: QuantityFormat): string {
  if (nano === 0n) return "0";
  const size = nano < 0n ? -nano : nano;
  if (format === "binary" && size >= 1024n * nanoPerUnit && size % nanoPerUnit === 0n) {
    const { mantissa, steps } = divided(nano / nanoPerUnit, 1024n, binarySuffixes.length - 1);
    return `${mantissa}${binarySuffixes[steps] ?? ""}`;
  }
  const { mantissa, steps } = divided(nano, 1000n, decimalSuffixes.length - 1);
  const exponent = (steps - 3) * 3;
  if (format === "exponent") return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  return `${mantissa}${decimalSuffixes[steps] ?? ""}`;
}

function divided(value: bigint, by: bigint, stepsMax: number): { mantissa: bigint; steps: number } {
  let mantissa = value;
  let steps = 0;
  while (steps < stepsMax && mantissa % by === 0n) {
    mantissa /= by;
    steps++;
  }
  return { mantissa, steps };
}

function exponentOf(suffix: string): number {
  return decimalExponent[suffix] ?? (suffix === "" ? 0 : Number(suffix.slice(1)));
}

function scaled(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (digits + divisor - 1n) / divisor;
}

function outOfRange(text: string): Extract<ParsedQuantity, { kind: "invalid" }> {
  return {
    kind: "invalid",
    message: `${JSON.stringify(text)} is out of range: the largest quantity is 2^63-1`,
  };
}
