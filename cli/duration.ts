import { Failure } from "./failure.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `90s`, `5m`, `1h30m`: Go's durations, and days. */
export function parseDurationMs(text: string, option: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (text === "" || parts.map(([part]) => part).join("") !== text) {
    throw new Failure(`${option} "${text}" is no duration; write it as 90s, 5m or 1h30m`);
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ""] ?? 0), 0);
}

/** A whole number from `min` on. */
export function parseCount(text: string, option: string, min = 0): number {
  const count = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(count) || count < min) {
    throw new Failure(`${option} "${text}" must be a whole number, at least ${min}`);
  }
  return count;
}
