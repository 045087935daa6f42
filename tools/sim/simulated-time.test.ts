import { expect, test } from "vitest";
import { ProcessClock, SimulatedTime } from "./simulated-time.ts";

function run(time: SimulatedTime, untilMs: number): void {
  while (time.fireNext(untilMs));
}

test("SimulatedTime: timers fire in order of time, then of being set, and not when cancelled", () => {
  const time = new SimulatedTime();
  const fired: string[] = [];
  for (const [name, delayMs] of Object.entries({ c: 30, a: 10, b: 20, b2: 20, negative: -5 }))
    time.after(delayMs, () => fired.push(`${name}@${time.elapsedMs}`));
  time.after(15, () => fired.push("never")).cancel();
  run(time, 25);
  expect(fired).toEqual(["negative@0", "a@10", "b@20", "b2@20"]);
  expect(time.elapsedMs).toBe(25);
});

test("SimulatedTime: who waits without letting time go by is found", () => {
  const time = new SimulatedTime();
  const again = () => void time.after(0, again);
  again();
  expect(() => run(time, 1)).toThrow(/time stands still/);
});

test("ProcessClock: begins at its birth, jumps by itself, and is silent when stopped", () => {
  const time = new SimulatedTime();
  run(time, 1_000);
  const clock = new ProcessClock(time);
  const other = new ProcessClock(time);
  clock.jump(-5_000);
  expect([clock.monotonic(), other.now() - clock.now()]).toEqual([0, 5_000]);
  const fired: string[] = [];
  clock.setTimer(10, () => fired.push("stopped"));
  other.setTimer(10, () => fired.push("alive"));
  clock.stop();
  run(time, 2_000);
  expect(fired).toEqual(["alive"]);
});
