import { expect, test } from "vitest";
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { testOwner } from "../testing/metric-server.ts";
import { ScheduleSource } from "./schedule-source.ts";

interface Times {
  readonly start: string;
  readonly end: string;
  readonly timeZone?: string;
}

function metric(times: Times): AutoscalerMetric {
  return { type: "Schedule", schedule: { ...times, replicas: 5 } };
}

function valueAt(times: Times, at: string): unknown {
  const clock = new FakeClock(Date.parse(at));
  const source = new ScheduleSource({ clock });
  const reading = source.watch(metric(times), testOwner, () => {}).read();
  return reading.kind === "value"
    ? reading.value
    : reading.kind === "unknown"
      ? reading.reason
      : reading.kind;
}

const office = { start: "0 8 * * MON-FRI", end: "0 18 * * MON-FRI" };
const night = { start: "0 22 * * *", end: "0 6 * * *" };
const berlin = { start: "0 8 * * *", end: "0 18 * * *", timeZone: "Europe/Berlin" };
const gap = { start: "30 2 * * *", end: "0 4 * * *", timeZone: "Europe/Berlin" };

test.each<[string, Times, string, unknown]>([
  ["before it begins", office, "2026-01-05T07:59:59.999Z", 0],
  ["when it begins", office, "2026-01-05T08:00:00Z", 1],
  ["just before it ends", office, "2026-01-05T17:59:59.999Z", 1],
  ["when it ends", office, "2026-01-05T18:00:00Z", 0],
  ["on a day that is none of its days", office, "2026-01-04T12:00:00Z", 0],
  ["over midnight", night, "2026-01-05T00:00:00Z", 1],
  ["over midnight, in the morning", night, "2026-01-05T06:00:00Z", 0],
  [
    "from Monday to Friday, on Wednesday night",
    { start: "0 8 * * MON", end: "0 18 * * FRI" },
    "2026-01-07T23:00:00Z",
    1,
  ],
  [
    "from Monday to Friday, on Saturday",
    { start: "0 8 * * MON", end: "0 18 * * FRI" },
    "2026-01-10T23:00:00Z",
    0,
  ],
  [
    "windows that reach into each other",
    { start: "0 8,10 * * *", end: "0 12 * * *" },
    "2026-01-05T11:00:00Z",
    1,
  ],
  ["several ends", { start: "0 8 * * *", end: "0 12,18 * * *" }, "2026-01-05T13:00:00Z", 0],
  [
    "a start at the moment of an end",
    { start: "0 8,12 * * *", end: "0 12,18 * * *" },
    "2026-01-05T12:00:00Z",
    1,
  ],
  [
    "a start and an end that are the same are always",
    { start: "0 8 * * *", end: "0 8 * * *" },
    "2026-01-05T03:00:00Z",
    1,
  ],
  ["in its time zone, in winter", berlin, "2026-01-05T07:00:00Z", 1],
  ["in its time zone, in summer", berlin, "2026-07-05T06:00:00Z", 1],
  ["in its time zone, when it has ended", berlin, "2026-07-05T16:00:00Z", 0],
  ["a start in the hour that is skipped is after it", gap, "2026-03-29T01:00:00Z", 1],
  ["nor before it", gap, "2026-03-29T00:59:59Z", 0],
  ["a start in the hour that comes twice is in its first", gap, "2026-10-25T00:30:00Z", 1],
  [
    "an end in the hour that comes twice is in its first",
    { start: "0 0 * * *", end: "30 2 * * *", timeZone: "Europe/Berlin" },
    "2026-10-25T01:00:00Z",
    0,
  ],
  ["seconds", { start: "30 0 8 * * *", end: "40 0 8 * * *" }, "2026-01-05T08:00:35Z", 1],
  ["UTC when the time zone is empty", { ...office, timeZone: "" }, "2026-01-05T08:00:00Z", 1],
  ["a start that is none", { start: "every day", end: "0 8 * * *" }, "2026-01-05T08:00:00Z", "Misdeclared"],
  [
    "a time zone that is none",
    { ...office, timeZone: "Mars/Olympus" },
    "2026-01-05T08:00:00Z",
    "Misdeclared",
  ],
])("ScheduleSource: %s", (_, times, at, expected) => {
  expect(valueAt(times, at)).toBe(expected);
});

function watching(times: Times, at: string) {
  const clock = new FakeClock(Date.parse(at));
  const source = new ScheduleSource({ clock });
  const changes: string[] = [];
  const changed = () => void changes.push(new Date(clock.now()).toISOString());
  const watch = source.watch(metric(times), testOwner, changed);
  const value = () => {
    const reading = watch.read();
    return reading.kind === "value" ? reading.value : undefined;
  };
  return { clock, source, watch, changes, value };
}

test("ScheduleSource: `changed` comes at the edges, and at no other time", () => {
  const { clock, changes } = watching(office, "2026-01-02T12:00:00Z");
  clock.advance(4 * 86_400_000);
  expect(changes).toEqual([
    "2026-01-02T18:00:00.000Z",
    "2026-01-05T08:00:00.000Z",
    "2026-01-05T18:00:00.000Z",
    "2026-01-06T08:00:00.000Z",
  ]);
});

test("ScheduleSource: a clock that is set forward or back is noticed within half a minute", () => {
  const { clock, changes, value } = watching(office, "2026-01-05T07:00:00Z");
  clock.jump(3_600_000);
  expect(value()).toBe(1);
  clock.advance(30_000);
  expect(changes).toHaveLength(1);
  clock.jump(-3_600_000);
  expect(value()).toBe(0);
  clock.advance(20_000);
  expect(changes).toHaveLength(2);
  clock.advance(3_600_000);
  expect(changes).toHaveLength(3);
  expect(value()).toBe(1);
});

test("ScheduleSource: those that begin and end alike have one alarm, which goes with the last of them", () => {
  const { clock, source, watch, changes } = watching(office, "2026-01-05T07:00:00Z");
  let others = 0;
  const watches = Array.from({ length: 100 }, () => source.watch(metric(office), testOwner, () => others++));
  clock.advance(3_600_000);
  expect([changes.length, others]).toEqual([1, 100]);
  watch.close();
  for (const one of watches) one.close();
  clock.advance(86_400_000);
  expect([changes.length, others]).toEqual([1, 100]);
});
