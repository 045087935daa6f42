import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { WakeUps } from "./wake-ups.ts";

test("WakeUps: each key is due once, at its time", () => {
  const clock = new FakeClock();
  const due: (readonly string[])[] = [];
  const wakeUps = new WakeUps(clock, (keys) => due.push(keys));
  const now = clock.now();
  wakeUps.set("b", now + 200);
  wakeUps.set("a", now + 100);
  wakeUps.set("c", now + 150);
  wakeUps.set("c", undefined);
  clock.advance(100);
  expect(due).toEqual([["a"]]);
  clock.advance(1_000);
  expect(due).toEqual([["a"], ["b"]]);
});

test("WakeUps: a key is due although the wall clock has been set back since", () => {
  const clock = new FakeClock();
  const due: (readonly string[])[] = [];
  const wakeUps = new WakeUps(clock, (keys) => due.push(keys));
  wakeUps.set("a", clock.now() + 100);
  clock.jump(-3_600_000);
  clock.advance(100);
  expect(due).toEqual([["a"]]);
});
