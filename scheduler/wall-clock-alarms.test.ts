import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { WallClockAlarms } from "./alarms.ts";

function start() {
  const clock = new FakeClock(0);
  const due: string[] = [];
  const alarms = new WallClockAlarms(clock, (key) => void due.push(`${key} ${clock.now()}`));
  return { clock, due, alarms };
}

test("WallClockAlarms: each once, at its time, whatever came before it", () => {
  const { clock, due, alarms } = start();
  alarms.set("late", 3_000);
  alarms.set("soon", 1_000);
  alarms.set("soon", 1_000);
  alarms.set("moved", 500);
  alarms.set("moved", 2_000);
  alarms.set("dropped", 1_500);
  alarms.set("dropped", undefined);
  clock.advance(10_000);
  expect(due).toEqual(["soon 1000", "moved 2000", "late 3000"]);
});

test("WallClockAlarms: a key that is due can be set again", () => {
  const clock = new FakeClock(0);
  const due: number[] = [];
  const alarms = new WallClockAlarms(clock, (key) => {
    due.push(clock.now());
    if (due.length < 3) alarms.set(key, clock.now() + 1_000);
  });
  alarms.set("tick", 1_000);
  clock.advance(10_000);
  expect(due).toEqual([1_000, 2_000, 3_000]);
});

test("WallClockAlarms: a clock that was put forward is noticed before the timer would have", () => {
  const { clock, due, alarms } = start();
  alarms.set("noon", 12 * 3_600_000);
  clock.jump(13 * 3_600_000);
  clock.advance(60_000);
  expect(due).toHaveLength(1);
});

test("WallClockAlarms: a clock that was set back makes nothing due", () => {
  const { clock, due, alarms } = start();
  alarms.set("a", 5_000);
  clock.jump(-60_000);
  clock.advance(64_000);
  expect(due).toEqual([]);
  clock.advance(1_000);
  expect(due).toEqual(["a 5000"]);
});

test("WallClockAlarms: what was replaced many times before its time came is due once", () => {
  const { clock, due, alarms } = start();
  alarms.set("still", 4_000);
  for (let i = 0; i < 1_000; i++) {
    alarms.set("moving", 1_000_000 - i);
    alarms.set(`gone ${i}`, 5_000_000);
    alarms.set(`gone ${i}`, undefined);
  }
  clock.advance(2_000_000);
  expect(due).toEqual(["still 4000", "moving 999001"]);
});

test("WallClockAlarms.close: nothing is due any more", () => {
  const { clock, due, alarms } = start();
  alarms.set("a", 5_000);
  alarms.close();
  alarms.set("b", 1_000);
  clock.advance(60_000);
  expect(due).toEqual([]);
});
