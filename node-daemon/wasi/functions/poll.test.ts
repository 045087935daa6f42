import { describe, expect, test } from "vitest";

import { clockId, errno, eventType, right, size } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { limits } from "../limits.ts";
import { allRights, type Guest } from "../test-support.ts";

type Subscription =
  | { readonly clock: number; readonly ns: bigint; readonly absolute?: boolean }
  | { readonly read: number }
  | { readonly write: number };

const input = 65_536;
const output = 80_000;
const out = 1024;

/** Subscribes with userdata 100, 101, …; the events come back through `events`. */
function poll(guest: Guest, ...subscriptions: readonly Subscription[]): unknown {
  for (const [index, subscription] of subscriptions.entries()) {
    const at = input + index * size.subscription;
    guest.bytes(at, size.subscription).fill(0);
    guest.view.setBigUint64(at, BigInt(100 + index), true);
    if ("clock" in subscription) {
      guest.view.setUint32(at + 16, subscription.clock, true);
      guest.view.setBigUint64(at + 24, subscription.ns, true);
      guest.view.setUint16(at + 40, subscription.absolute === true ? 1 : 0, true);
    } else {
      guest.view.setUint8(at + 8, "read" in subscription ? eventType.fdRead : eventType.fdWrite);
      guest.view.setUint32(at + 16, "read" in subscription ? subscription.read : subscription.write, true);
    }
  }
  return guest.invoke("poll_oneoff", input, output, subscriptions.length, out);
}

/** Userdata, type, errno and bytes of each event. */
function events(guest: Guest): readonly (readonly bigint[])[] {
  return Array.from({ length: guest.u32(out) }, (_, index) => {
    const at = output + index * size.event;
    const { view } = guest;
    const numbers = [view.getUint8(at + 10), view.getUint16(at + 8, true)].map(BigInt);
    return [guest.u64(at), ...numbers, guest.u64(at + 16)];
  });
}

const second = 1_000_000_000n;
const never = { clock: clockId.monotonic, ns: 1000n * second };

describe("poll_oneoff: errno", () => {
  const rows: readonly (readonly [name: string, args: readonly number[], expected: number])[] = [
    ["no subscriptions", [input, output, 0, out], errno.inval],
    ["too many", [input, output, limits.subscriptionsMax + 1, out], errno.inval],
    ["subscriptions outside of memory", [-8, output, 1, out], errno.fault],
    ["events outside of memory", [input, -8, 1, out], errno.fault],
    ["the count outside of memory", [input, output, 1, -1], errno.fault],
  ];
  test.each(rows)("%s", (_name, args, expected) => {
    using mounted = new MountedGuest();
    expect(mounted.guest.call("poll_oneoff", ...args)).toBe(expected);
  });

  test("an unknown kind", () => {
    using mounted = new MountedGuest();
    mounted.guest.view.setUint8(input + 8, 3);
    expect(mounted.guest.call("poll_oneoff", input, output, 1, out)).toBe(errno.inval);
  });
});

describe("poll_oneoff: answers at once", () => {
  type Row = readonly [name: string, subscription: Subscription, event: readonly bigint[]];
  const rows: readonly Row[] = [
    ["a delay of nothing", { clock: clockId.monotonic, ns: 0n }, [100n, 0n, 0n, 0n]],
    ["a time that is over", { clock: clockId.realtime, ns: 1n, absolute: true }, [100n, 0n, 0n, 0n]],
    ["no such clock", { clock: 9, ns: 1n }, [100n, 0n, BigInt(errno.inval), 0n]],
    ["a CPU clock", { clock: clockId.processCpu, ns: 1n }, [100n, 0n, BigInt(errno.notsup), 0n]],
    ["reading a file", { read: 4 }, [100n, 1n, 0n, 4n]],
    ["writing a file", { write: 4 }, [100n, 2n, 0n, 1n]],
    ["writing a stream", { write: 1 }, [100n, 2n, 0n, 1n]],
    ["what is not open", { read: 9 }, [100n, 1n, BigInt(errno.badf), 0n]],
    ["a directory", { read: 3 }, [100n, 1n, BigInt(errno.notcapable), 0n]],
    ["what may not be polled", { read: 5 }, [100n, 1n, BigInt(errno.notcapable), 0n]],
  ];
  test.each(rows)("%s", (_name, subscription, event) => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    const { guest } = mounted;
    guest.open("file");
    guest.open("file", { rights: allRights & ~BigInt(right.pollFdReadwrite) });
    expect(poll(guest, never, subscription)).toBe(0);
    expect(events(guest)).toEqual([[101n, ...event.slice(1)]]);
    expect(poll(guest, subscription)).toBe(0);
    expect(events(guest)).toEqual([event]);
    expect(mounted.sandbox.host.waits).toBe(0);
  });
});

describe("poll_oneoff: waits for the earliest", () => {
  const rows: readonly (readonly [name: string, clock: Subscription])[] = [
    ["a delay", { clock: clockId.monotonic, ns: 2n * second }],
    ["a delay by the realtime clock", { clock: clockId.realtime, ns: 2n * second }],
    ["a monotonic time", { clock: clockId.monotonic, ns: 7n * second, absolute: true }],
    ["a realtime time", { clock: clockId.realtime, ns: 1_700_000_002_123_456_789n, absolute: true }],
  ];
  test.each(rows)("%s", async (_name, clock) => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = poll(guest, never, clock, { read: 0 });
    sandbox.host.advance(1999);
    sandbox.host.fireAll();
    sandbox.host.advance(2);
    expect(await answer).toBe(0);
    expect(events(guest)).toEqual([[101n, 0n, 0n, 0n]]);
    expect([sandbox.host.timers.size, sandbox.host.stdin.watchers]).toEqual([0, 0]);
  });

  test("standard input", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = poll(guest, never, { read: 0 });
    sandbox.host.stdin.feed("x");
    expect(await answer).toBe(0);
    expect(events(guest)).toEqual([[101n, 1n, 0n, 1n]]);
    expect([sandbox.host.timers.size, sandbox.host.stdin.watchers]).toEqual([0, 0]);
    expect(guest.read(0)).toBe("x");
  });

  test("a full standard output", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdout.room = 0;
    const answer = poll(guest, { write: 1 });
    sandbox.host.stdout.room = 1;
    sandbox.host.stdout.wakeAll();
    expect(await answer).toBe(0);
    expect(events(guest)).toEqual([[100n, 2n, 0n, 1n]]);
  });

  test("a delay longer than timers go is armed again", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = poll(guest, { clock: clockId.monotonic, ns: 30n * 24n * 3600n * second });
    expect([...sandbox.host.timers][0]?.delayMs).toBe(limits.timerDelayMsMax);
    sandbox.host.advance(limits.timerDelayMsMax);
    expect(sandbox.host.timers.size).toBe(1);
    sandbox.host.advance(limits.timerDelayMsMax);
    expect(await answer).toBe(0);
  });

  test("a thousand subscriptions take one timer for each clock and one watcher for each stream", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdout.room = 0;
    const kinds = (index: number): readonly Subscription[] => [
      { clock: clockId.monotonic, ns: BigInt(1000 - index) * second },
      { clock: clockId.realtime, ns: 1_800_000_000n * second - BigInt(index), absolute: true },
      { read: 0 },
      { write: 1 },
    ];
    const answer = poll(guest, ...Array.from({ length: 64 }, (_, index) => kinds(index)).flat());
    expect([sandbox.host.timers.size, sandbox.host.stdin.watchers, sandbox.host.stdout.watchers]).toEqual([
      2, 1, 1,
    ]);
    sandbox.host.advance(937_001);
    expect(await answer).toBe(0);
    expect(events(guest)).toEqual([[352n, 0n, 0n, 0n]]);
    expect([sandbox.host.timers.size, sandbox.host.stdin.watchers, sandbox.host.stdout.watchers]).toEqual([
      0, 0, 0,
    ]);
  });

  test("a kill ends it", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = poll(guest, never, { read: 0 });
    sandbox.host.kill();
    expect(await answer).toBe(errno.intr);
    expect([sandbox.host.timers.size, sandbox.host.stdin.watchers]).toEqual([0, 0]);
  });
});
