import { describe, expect, test } from "vitest";
import { CpuMeter } from "./cpu-meter.ts";

/** A thread that is told what it has used. */
function bench() {
  const charged = new Map<string, number>();
  const charge = (who: string, ms: number) => void charged.set(who, (charged.get(who) ?? 0) + ms);
  const thread = { cpuMs: 100 };
  const meter = new CpuMeter<string>(() => thread.cpuMs, charge);
  const run = (who: string, wallMs: number) => {
    charge(who, wallMs);
    meter.add(who, wallMs);
  };
  return { charged, thread, meter, run };
}

describe("CpuMeter", () => {
  test("on a thread that has the processor for itself the clock on the wall is right", () => {
    const { charged, thread, meter, run } = bench();
    run("a", 2);
    run("b", 1);
    thread.cpuMs += 3;
    meter.settle();
    expect(Object.fromEntries(charged)).toEqual({ a: 2, b: 1 });
  });

  test("what the processor did for others is taken from those who ran meanwhile, in proportion", () => {
    const { charged, thread, meter, run } = bench();
    run("a", 8);
    run("b", 4);
    run("a", 4);
    thread.cpuMs += 4;
    meter.settle();
    expect(Object.fromEntries(charged)).toEqual({ a: 3, b: 1 });
    expect(meter.unsettledMs).toBe(0);
  });

  test("what ran for nobody is charged to nobody, and is no gap either", () => {
    const { charged, thread, meter, run } = bench();
    run("a", 1);
    meter.addUnowned(3);
    thread.cpuMs += 4;
    meter.settle();
    expect(Object.fromEntries(charged)).toEqual({ a: 1 });
  });

  test("settleIfWorth: a little is charged by the wall clock, and is of no later settlement", () => {
    const { charged, thread, meter, run } = bench();
    run("a", 0.25);
    thread.cpuMs += 0.25;
    meter.settleIfWorth(0.5);
    expect(meter.unsettledMs).toBe(0);
    thread.cpuMs += 3;
    expect(meter.sinceLast()).toBe(3);
    run("a", 2);
    thread.cpuMs += 1;
    meter.settleIfWorth(0.5);
    expect(Object.fromEntries(charged)).toEqual({ a: 1.25 });
  });

  test("sinceLast: what was between two settlements is of neither", () => {
    const { charged, thread, meter, run } = bench();
    thread.cpuMs += 50;
    expect(meter.sinceLast()).toBe(50);
    run("a", 1);
    thread.cpuMs += 1;
    meter.settle();
    expect(Object.fromEntries(charged)).toEqual({ a: 1 });
  });
});
