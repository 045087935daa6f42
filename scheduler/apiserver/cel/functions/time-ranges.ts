import { Duration, ErrorValue, Timestamp } from "../values.ts";

const second = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z */
const timestampMin = -62_135_596_800n * second;
const timestampMax = 253_402_300_800n * second - 1n;

export function timestampOf(nanos: bigint, offsetMinutes = 0): Timestamp | ErrorValue {
  return nanos < timestampMin || nanos > timestampMax
    ? new ErrorValue("timestamp overflow")
    : new Timestamp(nanos, offsetMinutes);
}

export function durationOf(nanos: bigint): Duration | ErrorValue {
  return BigInt.asIntN(64, nanos) === nanos ? new Duration(nanos) : new ErrorValue("duration overflow");
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};

const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const textLengthMax = 128;

/** Go's time.ParseDuration: "1h30m", "-1.5s", "0". Undefined: the text is no duration. */
export function parseDuration(text: string): Duration | undefined {
  if (text.length > textLengthMax) return undefined;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  const rest = text.slice(sign.length);
  if (rest === "0") return new Duration(0n);
  if (rest === "") return undefined;
  let nanos = 0n;
  part.lastIndex = 0;
  while (part.lastIndex < rest.length) {
    const [, whole = "", fraction = "", unit = ""] = part.exec(rest) ?? [];
    const factor = units[unit];
    if (factor === undefined || (whole === "" && fraction === "")) return undefined;
    nanos += BigInt(whole === "" ? 0 : whole) * factor;
    if (fraction !== "") nanos += (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
  }
  const duration = durationOf(sign === "-" ? -nanos : nanos);
  return duration instanceof Duration ? duration : undefined;
}

const longUnits: readonly (readonly [RegExp, bigint])[] = [
  [/^(ns|nano|nanosecond|nanoseconds|nanos)$/, 1n],
  [/^(us|µs|micro|micros|microsecond|microseconds)$/, 1000n],
  [/^(ms|milli|millis|millisecond|milliseconds)$/, 1_000_000n],
  [/^(s|sec|secs|second|seconds)$/, second],
  [/^(m|min|mins|minute|minutes)$/, 60n * second],
  [/^(h|hr|hour|hours)$/, 3600n * second],
  [/^(d|day|days)$/, 86_400n * second],
  [/^(w|wk|week|weeks)$/, 604_800n * second],
];

/** OpenAPI's `format: duration` as Kubernetes reads it: Go's form, or "3 weeks 2 days". */
export function parseLongDuration(text: string): Duration | undefined {
  const short = parseDuration(text);
  if (short || text.length > textLengthMax) return short;
  let nanos = 0n;
  let left = text.trim();
  if (left === "") return undefined;
  while (left !== "") {
    const match = /^(-?\d+)\s*([A-Za-zµ]+)\s*/.exec(left);
    const factor = longUnits.find(([form]) => form.test(match?.[2]?.toLowerCase() ?? ""))?.[1];
    if (!match || factor === undefined) return undefined;
    nanos += BigInt(match[1] ?? 0) * factor;
    left = left.slice(match[0].length);
  }
  const duration = durationOf(nanos);
  return duration instanceof Duration ? duration : undefined;
}

const timestampForm = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339. Undefined: the text is no timestamp. */
export function parseTimestamp(text: string): Timestamp | undefined {
  if (text.length > textLengthMax) return undefined;
  const match = timestampForm.exec(text);
  if (!match) return undefined;
  const [, year = "", month = "", day = "", hour = "", minute = "", seconds = "", fraction = "", zone = ""] =
    match;
  const days = daysSinceEpoch(Number(year), Number(month), Number(day));
  const [h, m, s] = [hour, minute, seconds].map(Number);
  if (days === undefined || h === undefined || m === undefined || s === undefined) return undefined;
  if (h > 23 || m > 59 || s > 59) return undefined;
  const offset = zoneOffsetMinutes(zone);
  if (offset === undefined) return undefined;
  const wholeSeconds = BigInt(days * 86_400 + h * 3600 + m * 60 + s - offset * 60);
  const stamp = timestampOf(wholeSeconds * second + BigInt(fraction.padEnd(9, "0").slice(0, 9)), offset);
  return stamp instanceof Timestamp ? stamp : undefined;
}

/** 2024-02-29 → 19782; undefined where the calendar has no such day. */
export function daysSinceEpoch(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day)
    return undefined;
  return date.getTime() / 86_400_000;
}

/** "Z", "+01:30" or "01:30"; undefined for anything else. */
export function zoneOffsetMinutes(zone: string): number | undefined {
  if (zone === "Z" || zone === "z") return 0;
  const match = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (!match) return undefined;
  const [, sign, hours, minutes] = match;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const total = Number(hours) * 60 + Number(minutes);
  return sign === "-" ? -total : total;
}

export function formatTimestamp({ nanos, offsetMinutes }: Timestamp): string {
  const fraction = ((nanos % second) + second) % second;
  const local = Number((nanos - fraction) / 1_000_000n) + offsetMinutes * 60_000;
  const date = new Date(local).toISOString().slice(0, 19);
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
  return `${date}${digits}${formatOffset(offsetMinutes)}`;
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  const [hours, rest] = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, "0"));
  return `${minutes < 0 ? "-" : "+"}${hours}:${rest}`;
}

/** Seconds, as CEL prints durations: "5400s", "1.5s". */
export function formatDuration({ nanos }: Duration): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % second)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${size / second}${fraction === "" ? "" : `.${fraction}`}s`;
}
