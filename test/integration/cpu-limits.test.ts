/**
 * CPU limits and weights, on real shims, by the clock of the kernel. The machine may be busy with anything: what is asserted
 * are bounds that lost time cannot break, and ratios among those that lost the same.
 */
import { describe, expect, test } from "vitest";
import { components } from "../../node-daemon/components/test-components.ts";
import { type Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import type { PreparedModule, RunUsage } from "../../node-daemon/runtimes/runtime-driver.ts";
import { guests } from "../../node-daemon/shim/test-guests.ts";
import { type ThreadTime, threadTime } from "../support/thread-time.ts";

const windowMs = 10_000;

interface Moment {
  readonly threads: readonly ThreadTime[];
  readonly usage: ReadonlyMap<string, RunUsage>;
}

/** As soon as the usage of all is news. */
async function moment(told: Recorder, uids: readonly string[], pids: readonly number[]): Promise<Moment> {
  const from = told.usages.length;
  const fresh = () => new Map(told.usages.slice(from).map((usage) => [usage.id.uid, usage]));
  await told.until(() => (uids.every((uid) => fresh().has(uid)) ? true : undefined));
  return { threads: pids.map(threadTime), usage: fresh() };
}

function difference(
  before: Moment,
  after: Moment,
  uid: string,
): { readonly [key in "cpuMs" | "throttledMs" | "fuel"]: number } {
  const [a, b] = [before.usage.get(uid), after.usage.get(uid)];
  return {
    cpuMs: ((b?.cpuUs ?? 0) - (a?.cpuUs ?? 0)) / 1000,
    throttledMs: ((b?.throttledUs ?? 0) - (a?.throttledUs ?? 0)) / 1000,
    fuel: (b?.fuel ?? 0) - (a?.fuel ?? 0),
  };
}

describe("over ten seconds", () => {
  const limited = [
    { uid: "limit-50m", cpuLimitMillis: 50 },
    { uid: "limit-100m-calls", cpuLimitMillis: 100 },
    { uid: "limit-100m-component", cpuLimitMillis: 100 },
    { uid: "limit-200m", cpuLimitMillis: 200 },
    { uid: "limit-1", cpuLimitMillis: 1000 },
  ];
  const weighted = [
    { uid: "weight-1", cpuRequestMillis: 100 },
    { uid: "weight-2", cpuRequestMillis: 200 },
    { uid: "weight-4", cpuRequestMillis: 400 },
  ];

  test("limits hold within 10 %, and weights 1:2:4 share a thread 1:2:4", { timeout: 60_000 }, async () => {
    await using node = new TestNode({ usagePeriodMs: 100 });
    const { driver, told } = await node.open();
    const spins = await node.prepared(driver, guests.spins());
    const others: Readonly<Record<string, PreparedModule>> = {
      "limit-100m-calls": await node.prepared(driver, guests.callsHost()),
      "limit-100m-component": await node.prepared(driver, await components.spins()),
    };
    // A process for each: the kernel shares the machine between the two.
    for (const { uid, cpuLimitMillis } of limited)
      driver.start(node.spec(uid, others[uid] ?? spins, { namespace: "limited", cpuLimitMillis }));
    await told.hasStarted(limited.length);
    const [limitedPid = 0] = node.shimPids();
    for (const { uid, cpuRequestMillis } of weighted)
      driver.start(node.spec(uid, spins, { namespace: "weighted", cpuRequestMillis }));
    await told.hasStarted(limited.length + weighted.length);
    const pids = [limitedPid, ...node.shimPids().filter((pid) => pid !== limitedPid)];
    const uids = [...limited, ...weighted].map(({ uid }) => uid);

    const before = await moment(told, uids, pids);
    const endMs = performance.now() + windowMs;
    // Asked whenever there is news, several times a second.
    await told.until(() => (performance.now() >= endMs ? true : undefined));
    const after = await moment(told, uids, pids);

    const thread = {
      wallMs: (after.threads[0]?.atMs ?? 0) - (before.threads[0]?.atMs ?? 0),
      cpuMs: (after.threads[0]?.cpuMs ?? 0) - (before.threads[0]?.cpuMs ?? 0),
      waitedMs: (after.threads[0]?.waitedMs ?? 0) - (before.threads[0]?.waitedMs ?? 0),
    };
    for (const { uid, cpuLimitMillis } of limited) {
      const { cpuMs, throttledMs, fuel } = difference(before, after, uid);
      const limitMs = (cpuLimitMillis / 1000) * thread.wallMs;
      console.log(
        `${uid}: ${cpuMs.toFixed(0)} ms of ${limitMs.toFixed(0)} ms, held ${throttledMs.toFixed(0)} ms, ${fuel} fuel`,
      );
      expect(cpuMs).toBeLessThan(limitMs * 1.1);
      // Its share of what the thread got, or its limit in the time that the thread did not wait.
      const fairMs = thread.cpuMs / limited.length;
      const possibleMs = (cpuLimitMillis / 1000) * (thread.wallMs - thread.waitedMs);
      expect(cpuMs).toBeGreaterThan(0.9 * Math.min(possibleMs, fairMs));
      expect(fuel).toBeGreaterThan(0);
      if (cpuLimitMillis < 1000 && cpuMs > limitMs * 0.97) expect(throttledMs).toBeGreaterThan(0);
    }
    const total = limited.reduce((sum, { uid }) => sum + difference(before, after, uid).cpuMs, 0);
    console.log(
      `thread: ${thread.cpuMs.toFixed(0)} ms, waited ${thread.waitedMs.toFixed(0)} ms; charged ${total.toFixed(0)}`,
    );
    // What the thread used is what its instances are charged, but for what it does for all.
    expect(total).toBeLessThan(thread.cpuMs * 1.1);
    expect(total).toBeGreaterThan(thread.cpuMs * 0.85);

    const [one = 0, two = 0, four = 0] = weighted.map(({ uid }) => difference(before, after, uid).cpuMs);
    console.log(`weights 1:2:4: ${one.toFixed(0)}, ${two.toFixed(0)}, ${four.toFixed(0)} ms`);
    for (const ratio of [two / one / 2, four / one / 4]) {
      expect(ratio).toBeGreaterThan(0.9);
      expect(ratio).toBeLessThan(1.1);
    }
  });
});
