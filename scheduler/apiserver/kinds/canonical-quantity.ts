import { parseQuantity } from "../../../api/quantity.ts";

const binaryUnits = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimalUnits = ["m", "", "k", "M", "G", "T", "P", "E"];

/**
 * A quantity as Kubernetes writes it: without fraction, with the largest unit of its family that divides it. 0.5 → 500m,
 * 1024Mi → 1Gi, 2000 → 2k. What is no quantity stays as it is, for validation to refuse.
 */
export function canonicalQuantity(quantity: unknown): unknown {
  if (typeof quantity !== "string" && typeof quantity !== "number") return quantity;
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid") return quantity;
  const { milli } = parsed;
  if (milli === 0n) return "0";
  const text = String(quantity);
  const isBinary = text.endsWith("i") && milli % 1000n === 0n && abs(milli) >= 1_024_000n;
  if (isBinary) return scaled(milli / 1000n, 1024n, binaryUnits);
  return scaled(milli, 1000n, /[eE][-+]?\d/.test(text) ? exponentUnits : decimalUnits);
}

const exponentUnits = ["e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"];

function scaled(value: bigint, base: bigint, units: readonly string[]): string {
  let rest = value;
  let at = 0;
  while (rest % base === 0n && at < units.length - 1) {
    rest /= base;
    at++;
  }
  return `${rest}${units[at]}`;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
