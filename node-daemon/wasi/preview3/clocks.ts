/** `wasi:clocks` of WASI 0.3. The time zone is UTC, wherever the node stands. */
import type { OfferedInterface } from "../component-interfaces.ts";
import type { ComponentHost } from "../host.ts";
import { Deadlines } from "./deadlines.ts";

export const clocksInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:clocks/types@0.3",
    functions: [],
    suspending: [],
    make: () => ({}),
  },
  {
    name: "wasi:clocks/monotonic-clock@0.3",
    functions: ["now", "get-resolution", "wait-until", "wait-for"],
    suspending: ["wait-until", "wait-for"],
    async: ["wait-until", "wait-for"],
    make(host: ComponentHost) {
      const deadlines = new Deadlines(host);
      return {
        now: () => host.clock.monotonicNs(),
        getResolution: () => host.clock.resolutionNs,
        waitUntil: (atNs: bigint) => deadlines.wait(atNs),
        waitFor: (ns: bigint) => deadlines.wait(host.clock.monotonicNs() + ns),
      };
    },
  },
  {
    name: "wasi:clocks/system-clock@0.3",
    functions: ["now", "get-resolution"],
    suspending: [],
    make: (host) => ({
      now: () => instant(host.clock.realtimeNs()),
      getResolution: () => host.clock.resolutionNs,
    }),
  },
  {
    name: "wasi:clocks/timezone@0.3",
    functions: ["iana-id", "utc-offset", "to-debug-string"],
    suspending: [],
    make: () => ({ ianaId: () => "UTC", utcOffset: () => 0n, toDebugString: () => "UTC" }),
  },
];

/** Seconds are signed: before 1970 they are rounded down, as nanoseconds count up. */
export function instant(ns: bigint): { readonly seconds: bigint; readonly nanoseconds: number } {
  const nanoseconds = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: (ns - nanoseconds) / 1_000_000_000n, nanoseconds: Number(nanoseconds) };
}
