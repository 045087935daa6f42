import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { MonotonicAlarms } from "./alarms.ts";

test("MonotonicAlarms: each once, at its time, whatever the wall clock does", () => {
  const clock = new FakeClock(0);
  const due: string[] = [];
  const alarms = new MonotonicAlarms(clock, (key) => void due.push(`${key} ${clock.monotonic()}`));
  alarms.set("late", 3_000);
  alarms.set("soon", 1_000);
  alarms.set("moved", 500);
  alarms.set("moved", 2_000);
  alarms.set("dropped", 1_500);
  alarms.set("dropped", undefined);
  clock.jump(3_600_000);
  clock.advance(1_500);
  clock.jump(-7_200_000);
  clock.advance(5_000);
  expect(due).toEqual(["soon 1000", "moved 2000", "late 3000"]);
  alarms.set("past", 1);
  clock.advance(0);
  expect(due.at(-1)).toBe("past 6500");
});

test("MonotonicAlarms.close: nothing is due any more", () => {
  const clock = new FakeClock(0);
  const due: string[] = [];
  const alarms = new MonotonicAlarms(clock, (key) => void due.push(key));
  alarms.set("a", 1_000);
  alarms.close();
  alarms.set("b", 500);
  clock.advance(5_000);
  expect(due).toEqual([]);
});
