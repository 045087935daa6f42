/**
 * Kubernetes quantities: 250m, 1.5, 64Mi, 1e3. Amounts are kept as whole thousandths, rounded up, as Kubernetes does
 * beyond its own precision. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
import { Bug } from "../kit/errors.ts";

export type ParsedQuantity =
  | { readonly kind: "ok"; readonly milli: bigint }
  | { readonly kind: "invalid"; readonly message: string };

const form =
  /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3})?$/;
const binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
/** Longer texts are no amounts that anybody means, and would cost time to parse. */
const lengthMax = 64;

export function parseQuantity(text: string | number): ParsedQuantity {
  const source = String(text);
  const match = source.length <= lengthMax ? form.exec(source) : null;
  const { sign = "", whole = "", fraction = "", suffix = "" } = match?.groups ?? {};
  if (!match || whole + fraction === "") {
    return {
      kind: "invalid",
      message: `"${source.slice(0, lengthMax)}" is no quantity; write for example 250m, 1.5 or 64Mi`,
    };
  }
  const binary = binarySuffixes.indexOf(suffix);
  const exponent =
    /^[eE]/.test(suffix) && suffix.length > 1 ? Number(suffix.slice(1)) : (decimalExponents[suffix] ?? 0);
  const digits = BigInt(whole + fraction);
  const scaled =
    binary >= 0
      ? scale(digits * 1024n ** BigInt(binary + 1), 3 - fraction.length)
      : scale(digits, exponent + 3 - fraction.length);
  return { kind: "ok", milli: sign === "-" ? -scaled : scaled };
}

/** value * 10^exponent, rounded up. */
function scale(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (value + divisor - 1n) / divisor;
}

function milliOf(quantity: string | number): bigint {
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid")
    throw new Bug(`a quantity was used before it was validated: ${parsed.message}`);
  return parsed.milli;
}

/** Thousandths of a core, of a validated quantity. */
export function cpuMillis(quantity: string | number): number {
  return Number(milliOf(quantity));
}

/** Whole bytes, rounded up, of a validated quantity. */
export function memoryBytes(quantity: string | number): number {
  return Number((milliOf(quantity) + 999n) / 1000n);
}

export function formatCpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

/** The largest binary unit that divides the amount. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = "";
  for (const suffix of binarySuffixes) {
    if (amount === 0 || amount % 1024 !== 0) break;
    amount /= 1024;
    unit = suffix;
  }
  return `${amount}${unit}`;
}
