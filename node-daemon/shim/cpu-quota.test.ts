import { describe, expect, test } from "vitest";
import { CpuQuota } from "./cpu-quota.ts";

/** How much is used of `ms` milliseconds by who always runs when it may, `sliceMs` at a time. */
function usedBy(quota: CpuQuota, ms: number, sliceMs: number): number {
  let usedMs = 0;
  for (let now = 0; now < ms; now += sliceMs) {
    if (quota.leftMs(now) <= 0) continue;
    quota.spend(sliceMs);
    usedMs += sliceMs;
  }
  return usedMs;
}

describe("CpuQuota", () => {
  test.each([
    ["5m, less than a slice in each period", 5, 1],
    ["50m", 50, 1],
    ["200m", 200, 1],
    ["200m in calls that take half a period's", 200, 10],
    ["50m in calls that take eight periods'", 50, 40],
    ["999m", 999, 1],
  ])("10 s of an endless loop: %s, within 5 %%", (_title, millis, sliceMs) => {
    const wantedMs = millis * 10;
    const usedMs = usedBy(new CpuQuota(millis, 0), 10_000, sliceMs);
    expect(usedMs).toBeGreaterThan(wantedMs * 0.95);
    expect(usedMs).toBeLessThan(wantedMs * 1.05);
  });

  test("a limit of a core or more holds nobody back", () => {
    expect(usedBy(new CpuQuota(1000, 0), 10_000, 1)).toBe(10_000);
    expect(usedBy(new CpuQuota(4000, 0), 10_000, 1)).toBe(10_000);
  });

  test("debt is bounded: after a flood of charges it waits ten seconds", () => {
    const quota = new CpuQuota(50, 0);
    for (let i = 0; i < 1_000; i++) quota.spend(60);
    expect(quota.releasePeriod(0)).toBe(101);
  });

  test("what is left over is kept for one period", () => {
    const quota = new CpuQuota(100, 0);
    quota.spend(4);
    expect(quota.leftMs(50)).toBe(6);
    expect(quota.leftMs(100)).toBe(16);
    expect(quota.leftMs(200)).toBe(20);
    expect(quota.leftMs(60_000)).toBe(20);
  });

  test.each([
    ["something left", 9, 1],
    ["nothing left", 10, 2],
    ["one period's debt", 20, 3],
    ["a little more", 21, 3],
    ["five periods' debt", 60, 7],
  ])("releasePeriod: %s", (_title, spentMs, period) => {
    const quota = new CpuQuota(100, 100);
    quota.spend(spentMs);
    expect(quota.releasePeriod(150)).toBe(period);
    expect(quota.leftMs(period * 100)).toBeGreaterThan(0);
    if (period > 1) expect(quota.leftMs((period - 1) * 100)).toBeGreaterThan(0);
  });
});
