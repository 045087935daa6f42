import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { WorkloadPace } from "./workload-pace.ts";

function aPace() {
  const clock = new FakeClock();
  const again: string[] = [];
  return { clock, again, pace: new WorkloadPace(clock, (uid) => again.push(uid)) };
}

test("WorkloadPace: a small workload never rests", () => {
  const { pace } = aPace();
  pace.note("o", 999);
  expect(pace.rests("o")).toBe(false);
});

test("WorkloadPace: a large one rests in proportion, and is told of once", () => {
  const { pace, clock, again } = aPace();
  expect(pace.rests("o")).toBe(false);
  pace.note("o", 100_000);
  expect([pace.rests("o"), pace.rests("o")]).toEqual([true, true]);
  clock.advance(199);
  expect(again).toEqual([]);
  clock.advance(1);
  expect(again).toEqual(["o"]);
  expect(pace.rests("o")).toBe(false);
});

test("WorkloadPace: nobody is told of a workload that nobody asked about", () => {
  const { pace, clock, again } = aPace();
  pace.note("o", 100_000);
  clock.advance(1_000);
  expect(again).toEqual([]);
  expect(pace.rests("o")).toBe(false);
});

test.each(["wake", "note of a small count"])("WorkloadPace: %s ends the rest", (how) => {
  const { pace, clock, again } = aPace();
  pace.note("o", 100_000);
  pace.rests("o");
  if (how === "wake") pace.wake("o");
  else pace.note("o", 1);
  expect(pace.rests("o")).toBe(false);
  if (how === "wake") {
    clock.advance(1_000);
    expect(again).toEqual([]);
  }
});
