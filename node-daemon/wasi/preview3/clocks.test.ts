import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "../component-test-support.ts";
import { GuestTrap, ResourceCount } from "../component-resources.ts";
import { GuestEnded } from "../host.ts";
import { clocksInterfaces, instant } from "./clocks.ts";
import { Deadlines } from "./deadlines.ts";

function members(host: FakeComponentHost, name: string) {
  const offered = clocksInterfaces.find((one) => one.name === name)!;
  return offered.make(host) as Record<string, (...args: readonly bigint[]) => unknown>;
}

describe("monotonic-clock", () => {
  it("tells its time and resolution", () => {
    const clock = members(new FakeComponentHost(), "wasi:clocks/monotonic-clock@0.3");
    expect(clock.now!()).toBe(5_000_000_000n);
    expect(clock.getResolution!()).toBe(1000n);
  });

  it("waits for a while, and not for what is over", async () => {
    const host = new FakeComponentHost();
    const clock = members(host, "wasi:clocks/monotonic-clock@0.3");
    expect(clock.waitFor!(0n)).toBeUndefined();
    expect(clock.waitUntil!(1n)).toBeUndefined();
    const waited = clock.waitFor!(2_000_000n);
    host.advance(3);
    await waited;
    expect(host.timers.size).toBe(0);
    expect(host.resources.open).toBe(0);
  });
});

describe("Deadlines", () => {
  it("end in their order with one timer, however they were begun", async () => {
    const host = new FakeComponentHost();
    const deadlines = new Deadlines(host);
    const ended: number[] = [];
    const waits = [40, 10, 30, 10, 20].map(async (ms, index) => {
      await deadlines.wait(host.monotonicNs + BigInt(ms) * 1_000_000n);
      ended.push(index);
    });
    expect(host.timers.size).toBe(1);
    host.advance(32);
    await Promise.all(waits.slice(1));
    expect(ended).toEqual([1, 3, 4, 2]);
    host.advance(32);
    await Promise.all(waits);
    expect(host.timers.size).toBe(0);
  });

  it("wait on when a timer fired early", async () => {
    const host = new FakeComponentHost();
    const deadlines = new Deadlines(host);
    const waited = deadlines.wait(host.monotonicNs + 5_000_000n);
    host.fireAll();
    expect(host.timers.size).toBe(1);
    host.advance(6);
    await waited;
  });

  it("end with their guest and leave no timer", async () => {
    const host = new FakeComponentHost();
    const deadlines = new Deadlines(host);
    const waits = [1, 2, 3].map((ms) => deadlines.wait(host.monotonicNs + BigInt(ms) * 1_000_000n));
    host.kill();
    for (const wait of waits) await expect(wait).rejects.toBeInstanceOf(GuestEnded);
    expect(host.timers.size).toBe(0);
    expect(host.resources.open).toBe(0);
  });

  it("are bounded", () => {
    const host = new FakeComponentHost();
    host.resources = new ResourceCount(1);
    const deadlines = new Deadlines(host);
    void deadlines.wait(2n ** 64n - 1n);
    expect(() => deadlines.wait(2n ** 64n - 1n)).toThrow(GuestTrap);
  });
});

describe("system-clock and timezone", () => {
  it.each([
    { ns: 1_700_000_000_123_456_789n, seconds: 1_700_000_000n, nanoseconds: 123_456_789 },
    { ns: 0n, seconds: 0n, nanoseconds: 0 },
    { ns: -1n, seconds: -1n, nanoseconds: 999_999_999 },
    { ns: -1_000_000_000n, seconds: -1n, nanoseconds: 0 },
  ])("$ns ns since 1970", ({ ns, seconds, nanoseconds }) => {
    expect(instant(ns)).toEqual({ seconds, nanoseconds });
  });

  it("tell the host's time, in UTC", () => {
    const host = new FakeComponentHost();
    const clock = members(host, "wasi:clocks/system-clock@0.3");
    expect(clock.now!()).toEqual({ seconds: 1_700_000_000n, nanoseconds: 123_456_789 });
    expect(clock.getResolution!()).toBe(1000n);
    const zone = members(host, "wasi:clocks/timezone@0.3");
    expect([zone.ianaId!(), zone.utcOffset!(), zone.toDebugString!()]).toEqual(["UTC", 0n, "UTC"]);
  });
});
