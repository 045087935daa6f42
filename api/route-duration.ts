/** Durations as the Gateway API writes them (GEP-2257): 1h30m, 500ms, 0s. */

const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const form = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

/** Milliseconds; undefined for what is no duration. */
export function routeDurationMs(text: string): number | undefined {
  if (!form.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/([0-9]+)(ms|h|m|s)/g))
    sum += Number(amount) * (unitsMs[unit] ?? 0);
  return sum;
}
