/** `wasi:clocks` of WASI 0.2. The time zone is UTC, wherever the node stands. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { Pollable } from "./io.ts";

interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

function datetime(ns: bigint): Datetime {
  return { seconds: ns / 1_000_000_000n, nanoseconds: Number(ns % 1_000_000_000n) };
}

export const clocksInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:clocks/monotonic-clock@0.2",
    functions: ["now", "resolution", "subscribe-instant", "subscribe-duration"],
    suspending: [],
    make: (host) => ({
      now: () => host.clock.monotonicNs(),
      resolution: () => host.clock.resolutionNs,
      subscribeInstant: (atNs: bigint) => new Pollable(host, { kind: "deadline", atNs }),
      subscribeDuration: (ns: bigint) =>
        new Pollable(host, { kind: "deadline", atNs: host.clock.monotonicNs() + ns }),
    }),
  },
  {
    name: "wasi:clocks/wall-clock@0.2",
    functions: ["now", "resolution"],
    suspending: [],
    make: (host) => ({
      now: () => datetime(host.clock.realtimeNs()),
      resolution: () => datetime(host.clock.resolutionNs),
    }),
  },
  {
    name: "wasi:clocks/timezone@0.2",
    functions: ["display", "utc-offset"],
    suspending: [],
    make: () => ({
      display: () => ({ utcOffset: 0, name: "UTC", inDaylightSavingTime: false }),
      utcOffset: () => 0,
    }),
  },
];
