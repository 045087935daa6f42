import { DURATION, INT, STRING, TIMESTAMP } from "../language/types.ts";
import type { Meter } from "../meter.ts";
import { ErrorValue, type Timestamp, type Value } from "../values.ts";
import { floorDivide } from "./conversions.ts";
import { defineMethod, type Overload } from "./declare.ts";
import { zoneOffsetMinutes } from "./time-ranges.ts";

const millisecond = 1_000_000n;

/** A getter reads a date whose UTC fields are the local time asked for. */
type Getter = readonly [name: string, id: string, read: (local: Date) => number];

const getters: readonly Getter[] = [
  ["getFullYear", "timestamp_to_year", (date) => date.getUTCFullYear()],
  ["getMonth", "timestamp_to_month", (date) => date.getUTCMonth()],
  ["getDate", "timestamp_to_day_of_month_1_based", (date) => date.getUTCDate()],
  ["getDayOfMonth", "timestamp_to_day_of_month", (date) => date.getUTCDate() - 1],
  ["getDayOfWeek", "timestamp_to_day_of_week", (date) => date.getUTCDay()],
  ["getDayOfYear", "timestamp_to_day_of_year", dayOfYear],
  ["getHours", "timestamp_to_hours", (date) => date.getUTCHours()],
  ["getMinutes", "timestamp_to_minutes", (date) => date.getUTCMinutes()],
  ["getSeconds", "timestamp_to_seconds", (date) => date.getUTCSeconds()],
  ["getMilliseconds", "timestamp_to_milliseconds", (date) => date.getUTCMilliseconds()],
];

function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / 86_400_000);
}

/** Reading one date in a named zone takes about this long. */
const namedZoneToil = 5000;
const formats = new Map<string, Intl.DateTimeFormat | undefined>();
const formatsMax = 500;

function localDate({ nanos }: Timestamp, zone: string, meter: Meter): Date | ErrorValue {
  const utc = Number(floorDivide(nanos, millisecond));
  const offset = zone === "" || zone === "UTC" ? 0 : zoneOffsetMinutes(zone);
  if (offset !== undefined) return new Date(utc + offset * 60_000);
  meter.toil(namedZoneToil);
  const format = zoneFormat(zone);
  if (!format) return new ErrorValue(`unknown time zone ${zone}`);
  const parts = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, ((utc % 1000) + 1000) % 1000);
  return local;
}

function zoneFormat(zone: string): Intl.DateTimeFormat | undefined {
  if (formats.has(zone)) return formats.get(zone);
  if (formats.size >= formatsMax) formats.clear();
  const format = makeFormat(zone);
  formats.set(zone, format);
  return format;
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const numeric = "numeric";
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
  } catch {
    return undefined;
  }
}

function read(stamp: Timestamp, zone: string, get: (local: Date) => number, meter: Meter): Value {
  const local = localDate(stamp, zone, meter);
  return local instanceof ErrorValue ? local : BigInt(get(local));
}

export const times: readonly Overload[] = [
  ...getters.flatMap(([name, id, get]) => [
    defineMethod([name, id], [TIMESTAMP], INT, ([stamp], meter) => read(stamp, "", get, meter)),
    defineMethod([name, `${id}_with_tz`], [TIMESTAMP, STRING], INT, ([stamp, zone], meter) =>
      read(stamp, zone, get, meter),
    ),
  ]),
  defineMethod(
    ["getHours", "duration_to_hours"],
    [DURATION],
    INT,
    ([{ nanos }]) => nanos / 3_600_000_000_000n,
  ),
  defineMethod(
    ["getMinutes", "duration_to_minutes"],
    [DURATION],
    INT,
    ([{ nanos }]) => nanos / 60_000_000_000n,
  ),
  defineMethod(
    ["getSeconds", "duration_to_seconds"],
    [DURATION],
    INT,
    ([{ nanos }]) => nanos / 1_000_000_000n,
  ),
  defineMethod(
    ["getMilliseconds", "duration_to_milliseconds"],
    [DURATION],
    INT,
    ([{ nanos }]) => nanos / millisecond,
  ),
];
