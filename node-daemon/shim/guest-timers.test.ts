import { describe, expect, test } from "vitest";
import type { Clock } from "../../kit/clock.ts";
import { GuestTimers } from "./guest-timers.ts";
import { timersPerStep } from "./limits.ts";

/** Time that moves when it is told to, and one timer of the system. */
class Bench {
  nowMs = 0;
  readonly fired: string[] = [];
  readonly steps: (() => void)[] = [];
  readonly bugs: unknown[] = [];
  systemTimers = 0;
  #armed: { readonly atMs: number; readonly fire: () => void } | undefined;
  readonly #clock: Pick<Clock, "monotonic" | "setTimer"> = {
    monotonic: () => this.nowMs,
    setTimer: (delayMs, fire) => {
      this.systemTimers++;
      const armed = { atMs: this.nowMs + delayMs, fire };
      this.#armed = armed;
      const cancel = () => {
        if (this.#armed === armed) this.#armed = undefined;
      };
      return { cancel, [Symbol.dispose]: cancel };
    },
  };
  readonly timers = new GuestTimers({
    clock: this.#clock,
    schedule: (step) => void this.steps.push(step),
    onBug: (thrown) => void this.bugs.push(thrown),
  });

  set(delayMs: number, name: string) {
    return this.timers.setTimer(delayMs, () => void this.fired.push(name));
  }

  /** What the event loop does in this time. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#armed && this.#armed.atMs <= untilMs) {
      const { atMs, fire } = this.#armed;
      this.#armed = undefined;
      this.nowMs = Math.max(this.nowMs, atMs);
      fire();
      for (const step of this.steps.splice(0)) step();
    }
    this.nowMs = untilMs;
  }
}

describe("GuestTimers", () => {
  test("each fires once, in the order in which they are due, not before", () => {
    const bench = new Bench();
    bench.set(30, "c");
    bench.set(10.4, "a");
    bench.set(20, "b");
    bench.pass(10);
    expect(bench.fired).toEqual([]);
    bench.pass(1);
    expect(bench.fired).toEqual(["a"]);
    bench.pass(100);
    expect(bench.fired).toEqual(["a", "b", "c"]);
    expect(bench.timers.size).toBe(0);
  });

  test("10,000 take one timer of the system", () => {
    const bench = new Bench();
    for (let i = 0; i < 10_000; i++) bench.set(1_000 + i, `${i}`);
    expect(bench.systemTimers).toBe(1);
  });

  test("cancel: leaves at once, and does not fire", () => {
    const bench = new Bench();
    const cancelled = bench.set(10, "cancelled");
    bench.set(20, "kept");
    cancelled.cancel();
    expect(bench.timers.size).toBe(1);
    bench.pass(100);
    expect(bench.fired).toEqual(["kept"]);
  });

  test("many that are due together: the event loop comes in between", () => {
    const bench = new Bench();
    const count = timersPerStep * 3 + 1;
    for (let i = 0; i < count; i++) bench.set(5, "due");
    bench.nowMs = 5;
    const perStep: number[] = [];
    expect(bench.timers.fireDue(5)).toBe(true);
    perStep.push(bench.fired.length);
    bench.pass(0);
    perStep.push(bench.fired.length);
    for (let step = bench.steps.shift(); step; step = bench.steps.shift()) step();
    expect(perStep[0]).toBe(timersPerStep);
    expect(perStep[1]).toBeLessThan(count);
    bench.pass(1);
    expect(bench.fired).toHaveLength(count);
  });

  test("one that throws is told, and the others fire", () => {
    const bench = new Bench();
    bench.timers.setTimer(1, () => {
      throw new Error("a bug");
    });
    bench.set(2, "next");
    bench.pass(5);
    expect([bench.fired, bench.bugs.length]).toEqual([["next"], 1]);
  });

  test("one that is set by another goes on", () => {
    const bench = new Bench();
    bench.timers.setTimer(5, () => void bench.set(5, "second"));
    bench.pass(9);
    expect(bench.fired).toEqual([]);
    bench.pass(1);
    expect(bench.fired).toEqual(["second"]);
  });
});
