import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { ExpiryAlarm } from "./expiry-alarm.ts";

const hourMs = 3_600_000;

test("ExpiryAlarm: tells each once when it is due, however late that is, and not what is due no more", () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const alarm = new ExpiryAlarm(clock, (key) => told.push(key));
  const inHours = (hours: number) => clock.now() + hours * hourMs;
  alarm.set("late", inHours(48));
  alarm.set("soon", inHours(2));
  alarm.set("moved", inHours(1));
  alarm.set("moved", inHours(3));
  alarm.set("gone", inHours(1));
  alarm.set("gone", undefined);
  clock.advance(2 * hourMs - 1);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual(["soon"]);
  clock.advance(hourMs);
  expect(told).toEqual(["soon", "moved"]);
  clock.advance(45 * hourMs);
  expect(told).toEqual(["soon", "moved", "late"]);
  clock.advance(100 * hourMs);
  expect(told.length).toBe(3);
});

test("ExpiryAlarm: one that is set again when it is told is told again", () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const alarm: ExpiryAlarm = new ExpiryAlarm(clock, (key) => {
    if (told.push(clock.now()) < 3) alarm.set(key, clock.now() + hourMs);
  });
  const began = clock.now();
  alarm.set("a", began + hourMs);
  clock.advance(hourMs);
  clock.advance(hourMs);
  clock.advance(10 * hourMs);
  expect(told).toEqual([1, 2, 3].map((hours) => began + hours * hourMs));
  alarm.close();
});
