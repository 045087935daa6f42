import * as fc from "fast-check";
import { expect, test } from "vitest";
import { downLimit, upLimit, withChange, type ReplicaChange } from "./replica-changes.ts";
import type { ScalingBehavior, ScalingPolicy, ScalingRules } from "./scaling-rules.ts";

const periods = [1_000, 15_000, 60_000, 1_800_000];

function rules(policies: readonly ScalingPolicy[], select: ScalingRules["select"] = "Max"): ScalingRules {
  return { windowMs: 0, select, policies, tolerance: 0.1 };
}

const behavior: ScalingBehavior = {
  up: rules(periods.map((periodMs) => ({ kind: "instances", value: 5, periodMs }))),
  down: rules([]),
};

function only(kind: ScalingPolicy["kind"], value: number, periodMs = 60_000): ScalingRules {
  return rules([{ kind, value, periodMs }]);
}

test.each([
  { name: "instances", up: only("instances", 4), current: 10, expected: 14 },
  { name: "a share, rounded up", up: only("percent", 15), current: 10, expected: 12 },
  { name: "a share that divides, not rounded", up: only("percent", 10), current: 30, expected: 33 },
  { name: "a share of nothing", up: only("percent", 100), current: 0, expected: 2 },
  { name: "never", up: rules([], "Disabled"), current: 3, expected: 3 },
])("upLimit: $name", ({ up, current, expected }) => {
  expect(upLimit(up, [], current, 0)).toBe(expected);
});

test.each([
  { name: "instances", down: only("instances", 4), current: 10, expected: 6 },
  { name: "no fewer than none", down: only("instances", 40), current: 10, expected: 0 },
  { name: "a share, of which the rest is rounded down", down: only("percent", 15), current: 10, expected: 8 },
  { name: "a share that divides, not rounded", down: only("percent", 10), current: 30, expected: 27 },
  { name: "more than all", down: only("percent", 150), current: 10, expected: 0 },
  { name: "never", down: rules([], "Disabled"), current: 3, expected: 3 },
])("downLimit: $name", ({ down, current, expected }) => {
  expect(downLimit(down, [], current, 0)).toBe(expected);
});

test("upLimit, downLimit: count from what there was when the period began", () => {
  const changes = [
    { atMs: 0, added: 6, removed: 0 },
    { atMs: 30_000, added: 0, removed: 2 },
  ];
  expect(upLimit(only("percent", 100), changes, 10, 59_999)).toBe(12);
  expect(upLimit(only("percent", 100), changes, 10, 60_000)).toBe(24);
  expect(downLimit(only("instances", 5), changes, 10, 59_999)).toBe(1);
  expect(downLimit(only("instances", 5), changes, 10, 60_000)).toBe(7);
  // What was added meanwhile was more than is allowed: no more, and none is taken away for it.
  expect(upLimit(only("instances", 1), changes, 10, 59_999)).toBe(10);
  expect(upLimit({ ...only("instances", 1), select: "Min" }, changes, 10, 59_999)).toBe(10);
  const removed = [{ atMs: 0, added: 0, removed: 6 }];
  expect(downLimit(only("instances", 1), removed, 10, 59_999)).toBe(10);
  expect(downLimit({ ...only("instances", 1), select: "Min" }, removed, 10, 59_999)).toBe(10);
});

test("withChange: is as a list of all that ever was, late by a sixteenth of the age at most", () => {
  const step = fc.tuple(
    fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 2_000_000 }),
    ),
    fc.integer({ min: 1, max: 9 }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 500 }), (steps) => {
      let nowMs = 0;
      let kept: readonly ReplicaChange[] = [];
      const all: { readonly atMs: number; readonly added: number }[] = [];
      for (const [ms, added] of steps) {
        nowMs += ms;
        kept = withChange(kept, { from: 0, to: added }, behavior, nowMs);
        all.push({ atMs: nowMs, added });
        expect(kept.length).toBeLessThanOrEqual(220);
      }
      for (const periodMs of periods) {
        const sum = (
          changes: readonly { readonly atMs: number; readonly added: number }[],
          lengthMs: number,
        ): number =>
          changes.reduce(
            (total, change) => (change.atMs + lengthMs > nowMs ? total + change.added : total),
            0,
          );
        expect(sum(kept, periodMs)).toBeGreaterThanOrEqual(sum(all, periodMs));
        expect(sum(kept, periodMs)).toBeLessThanOrEqual(sum(all, periodMs * (1 + 1 / 16)));
      }
    }),
    { numRuns: 100 },
  );
});

test("withChange: is bounded, however often something changes", () => {
  let kept: readonly ReplicaChange[] = [];
  for (let at = 1; at <= 36_000; at++) {
    kept = withChange(kept, { from: 0, to: 1 }, behavior, at * 100);
    expect(kept.length).toBeLessThanOrEqual(220);
  }
  const added = kept.reduce((total, change) => total + change.added, 0);
  expect(added).toBeGreaterThanOrEqual(18_000);
  expect(added).toBeLessThanOrEqual(18_000 * (1 + 1 / 16));
});
