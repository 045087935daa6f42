import { humanDuration } from "../../kit/human-duration.ts";

/** The age of an RFC 3339 time; `<unknown>` when there is none. */
export function ageOf(time: unknown, now: number): string {
  const then = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(then) ? "<unknown>" : humanDuration(now - then);
}
