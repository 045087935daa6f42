import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "../component-test-support.ts";
import { clocksInterfaces } from "./clocks.ts";
import type { Pollable } from "./io.ts";

function members(host: FakeComponentHost, name: string) {
  const offered = clocksInterfaces.find((one) => one.name === name)!;
  return offered.make(host) as Record<string, (...args: readonly bigint[]) => unknown>;
}

describe("monotonic-clock", () => {
  it("tells its time and resolution", () => {
    const clock = members(new FakeComponentHost(), "wasi:clocks/monotonic-clock@0.2");
    expect(clock.now!()).toBe(5_000_000_000n);
    expect(clock.resolution!()).toBe(1000n);
  });

  it.each([
    { name: "subscribeInstant", value: 5_002_000_000n },
    { name: "subscribeDuration", value: 2_000_000n },
  ])("$name waits until it is so", async ({ name, value }) => {
    const host = new FakeComponentHost();
    const pollable = members(host, "wasi:clocks/monotonic-clock@0.2")[name]!(value) as Pollable;
    expect(pollable.ready()).toBe(false);
    const blocked = pollable.block();
    host.advance(2);
    await blocked;
    expect(pollable.ready()).toBe(true);
  });
});

describe("wall-clock and timezone", () => {
  it("tell the host's time, in UTC", () => {
    const host = new FakeComponentHost();
    const clock = members(host, "wasi:clocks/wall-clock@0.2");
    expect(clock.now!()).toEqual({ seconds: 1_700_000_000n, nanoseconds: 123_456_789 });
    expect(clock.resolution!()).toEqual({ seconds: 0n, nanoseconds: 1000 });
    const zone = members(host, "wasi:clocks/timezone@0.2");
    expect(zone.utcOffset!()).toBe(0);
    expect(zone.display!()).toEqual({ utcOffset: 0, name: "UTC", inDaylightSavingTime: false });
  });
});
