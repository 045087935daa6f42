import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type CronSchedule, readSchedule } from "./cron-schedule.ts";

function read(text: string, timeZone?: string): CronSchedule {
  const reading = readSchedule(text, timeZone);
  if (reading.kind === "invalid") throw new Error(reading.message);
  return reading.schedule;
}

/** The first `count` times after `from`, as UTC in short. */
function times(schedule: CronSchedule, from: string, count: number): readonly string[] {
  const found: string[] = [];
  for (let ms = schedule.nextAfter(Date.parse(from)); ms !== undefined && found.length < count;) {
    found.push(new Date(ms).toISOString().replace(/:00\.000Z$|\.000Z$/, ""));
    ms = schedule.nextAfter(ms);
  }
  return found;
}

test.each([
  { text: "*/20 * * * *", expected: ["2026-01-01T00:20", "2026-01-01T00:40", "2026-01-01T01:00"] },
  { text: "5/25 * * * *", expected: ["2026-01-01T00:05", "2026-01-01T00:30", "2026-01-01T00:55"] },
  { text: "*/30 * * * * *", expected: ["2026-01-01T00:00:30", "2026-01-01T00:01", "2026-01-01T00:01:30"] },
  { text: "@hourly", expected: ["2026-01-01T01:00", "2026-01-01T02:00", "2026-01-01T03:00"] },
  { text: " 0 0\t? ? Mon-Wed/2 ", expected: ["2026-01-05T00:00", "2026-01-07T00:00", "2026-01-12T00:00"] },
  { text: "0 0 13 * 5", expected: ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00"] },
  { text: "0 0 29 2 *", expected: ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"] },
  { text: "0 0 L * *", expected: ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"] },
  { text: "0 0 * * 7", expected: ["2026-01-04T00:00", "2026-01-11T00:00", "2026-01-18T00:00"] },
])("readSchedule: $text", ({ text, expected }) => {
  expect(times(read(text), "2026-01-01T00:00:00Z", 3)).toEqual(expected);
});

test.each([
  { name: "the last day that no year has", text: "0 0 31 2 *", message: "it never comes" },
  { name: "the thirty-first of short months", text: "0 0 31 4,6,9,11 *", message: "it never comes" },
  { name: "a minute too many", text: "60 * * * *", message: 'field 1 (minute) "60": must be' },
  { name: "an hour too many", text: "0 24 * * *", message: 'field 2 (hour) "24": must be' },
  {
    name: "with seconds, the fields after them",
    text: "0 0 24 * * *",
    message: 'field 3 (hour) "24": must be',
  },
  { name: "day 0", text: "0 0 0 * *", message: "values are 1-31" },
  { name: "month 13", text: "0 0 1 13 *", message: 'field 4 (month) "13"' },
  { name: "a day of no week", text: "0 0 * * foo", message: 'field 5 (day of the week) "foo"' },
  { name: "a name in the wrong field", text: "JAN * * * *", message: 'field 1 (minute) "JAN"' },
  { name: "a range backwards", text: "0 22-2 * * *", message: 'field 2 (hour) "22-2"' },
  { name: "a step of nothing", text: "*/0 * * * *", message: 'field 1 (minute) "*/0"' },
  { name: "a step through nothing", text: "/5 * * * *", message: "as in */5" },
  { name: "an empty part of a list", text: "1,,2 * * * *", message: 'field 1 (minute) "1,,2"' },
  { name: "fractions", text: "*/1.5 * * * *", message: '"." has no meaning here' },
  { name: "signs", text: "+1 * * * *", message: '"+" has no meaning here' },
  { name: "control characters", text: "0 0 * * 1\u0000", message: 'field 5 (day of the week) "1\\u0000"' },
  { name: "a zone in front", text: "TZ=UTC 0 * * * *", message: "set timeZone beside it" },
  { name: "a zone in front, in cron's words", text: "CRON_TZ=UTC @daily", message: "set timeZone beside it" },
  { name: "intervals", text: "@every 5m", message: "@every" },
  { name: "events", text: "@reboot", message: '"@reboot" is none of @yearly' },
  { name: "a macro and more", text: "@daily 5", message: "nothing can follow @daily" },
  { name: "years", text: "0 0 0 1 1 * 2027", message: "has 7 fields" },
  { name: "parts of seconds", text: "*/100 * * * * * *", message: "more often than once a second" },
  { name: "too few fields", text: "0 0 *", message: "has 3 of the 5 fields" },
  { name: "a date", text: "2026-01-01T00:00:00", message: "has 1 of the 5 fields" },
  { name: "nothing", text: "  ", message: "must not be empty" },
  { name: "what is too long", text: "0,".repeat(500), message: "no more than 200 characters" },
])("readSchedule: refuses $name", ({ text, message }) => {
  expect(readSchedule(text)).toEqual({ kind: "invalid", message: expect.stringContaining(message) });
});

test("readSchedule: whatever it is given, it says no or has a time", () => {
  const piece = fc.constantFrom(
    "*",
    "0",
    "7",
    "31",
    "60",
    "-",
    "/",
    ",",
    "L",
    "W",
    "#",
    "MON",
    "FEB",
    "?",
    "@",
    "1e3",
    "__proto__",
  );
  const field = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(""));
  const text = fc.oneof(
    fc.string(),
    fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(" ")),
  );
  fc.assert(
    fc.property(text, (text) => {
      const reading = readSchedule(text);
      if (reading.kind === "invalid") expect(reading.message).not.toBe("");
      else expect(reading.schedule.nextAfter(0)).toBeGreaterThan(0);
    }),
  );
});

test.each([
  {
    name: "Berlin skips 02:00 to 03:00",
    zone: "Europe/Berlin",
    from: "2026-03-29T00:15:00Z",
    timeOfDay: ["2026-03-29T01:00", "2026-03-30T00:30"],
    list: ["2026-03-29T01:00", "2026-03-29T01:30", "2026-03-30T00:30", "2026-03-30T01:30"],
    hourly: ["2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"],
    step: ["2026-03-30T00:00", "2026-03-30T00:30"],
  },
  {
    name: "Berlin has 02:00 to 03:00 twice",
    zone: "Europe/Berlin",
    from: "2026-10-24T23:15:00Z",
    timeOfDay: ["2026-10-25T00:30", "2026-10-26T01:30"],
    list: ["2026-10-25T00:30", "2026-10-25T02:30", "2026-10-26T01:30", "2026-10-26T02:30"],
    hourly: ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30"],
    step: [
      "2026-10-25T00:00",
      "2026-10-25T00:30",
      "2026-10-25T01:00",
      "2026-10-25T01:30",
      "2026-10-26T01:00",
    ],
  },
  {
    name: "New York skips 02:00 to 03:00",
    zone: "America/New_York",
    from: "2026-03-08T06:15:00Z",
    timeOfDay: ["2026-03-08T07:00", "2026-03-09T06:30"],
    list: ["2026-03-08T07:00", "2026-03-08T07:30", "2026-03-09T06:30", "2026-03-09T07:30"],
    hourly: ["2026-03-08T06:30", "2026-03-08T07:30", "2026-03-08T08:30"],
    step: ["2026-03-09T06:00", "2026-03-09T06:30"],
  },
  {
    name: "New York has 01:00 to 02:00 twice",
    zone: "America/New_York",
    from: "2026-11-01T04:15:00Z",
    timeOfDay: ["2026-11-01T07:30", "2026-11-02T07:30"],
    list: ["2026-11-01T07:30", "2026-11-01T08:30", "2026-11-02T07:30", "2026-11-02T08:30"],
    hourly: ["2026-11-01T04:30", "2026-11-01T05:30", "2026-11-01T06:30"],
    step: ["2026-11-01T07:00", "2026-11-01T07:30", "2026-11-02T07:00"],
  },
])("CronSchedule: $name", ({ zone, from, timeOfDay, list, hourly, step }) => {
  const of = (text: string, like: readonly string[]) => times(read(text, zone), from, like.length);
  expect(of("30 2 * * *", timeOfDay)).toEqual(timeOfDay);
  expect(of("30 2-3 * * *", list)).toEqual(list);
  expect(of("30 * * * *", hourly)).toEqual(hourly);
  expect(of("*/30 2 * * *", step)).toEqual(step);
});

test("CronSchedule: in the hour that New York has twice, a time of day is due in the first", () => {
  expect(times(read("30 1 * * *", "America/New_York"), "2026-11-01T04:00:00Z", 2)).toEqual([
    "2026-11-01T05:30",
    "2026-11-02T06:30",
  ]);
});

test("CronSchedule.lastUntil: the last of what nextAfter gives, over every change of the clock", () => {
  const texts = ["30 2 * * *", "0,30 1-3 * * *", "30 * * * *", "*/20 2 * * *", "0 0 * * *", "15 */2 * * * *"];
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Etc/UTC"];
  const day = 86_400_000;
  const starts = ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"];
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.constantFrom(...zones),
      fc.constantFrom(...starts),
      fc.integer({ min: 0, max: 2 * day }),
      (text, zone, start, offsetMs) => {
        const schedule = read(text, zone);
        const untilMs = Date.parse(start) + offsetMs;
        const last = schedule.lastUntil(untilMs);
        if (last === undefined) throw new Error("every one of these has one");
        expect(last).toBeLessThanOrEqual(untilMs);
        expect(schedule.nextAfter(last)).toBeGreaterThan(untilMs);
        expect(schedule.nextAfter(last - 1)).toBe(last);
      },
    ),
    { numRuns: 300 },
  );
});

test("CronSchedule.lastUntil: a time counts from its first millisecond", () => {
  const schedule = read("* * * * *");
  const atMs = Date.parse("2026-01-01T00:01:00Z");
  expect(schedule.lastUntil(atMs)).toBe(atMs);
  expect(schedule.lastUntil(atMs - 1)).toBe(atMs - 60_000);
  expect(schedule.lastUntil(atMs + 999)).toBe(atMs);
});
