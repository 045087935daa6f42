import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  noRecommendations,
  recallRecommendations,
  stabilized,
  windowEnd,
  type Recommendations,
} from "./recommendations.ts";

const windows = { upMs: 60_000, downMs: 300_000 };

/** What it comes to after these, each at its time. */
function after(course: readonly (readonly [number, number])[], current: number): Recommendations {
  let kept: Recommendations = noRecommendations;
  for (const [atMs, replicas] of course)
    kept = { ...recallRecommendations(kept, current, windows, atMs), latest: replicas };
  return kept;
}

test("recallRecommendations: the first time, what there is counts as recommended", () => {
  expect(recallRecommendations(noRecommendations, 7, windows, 5)).toEqual({
    latest: 7,
    lowest: [{ untilMs: 5, replicas: 7 }],
    highest: [{ untilMs: 5, replicas: 7 }],
  });
});

test("recallRecommendations: what a later one makes pointless goes", () => {
  const kept = recallRecommendations(
    after(
      [
        [0, 5],
        [10, 9],
        [20, 7],
        [30, 8],
      ],
      5,
    ),
    5,
    windows,
    40,
  );
  expect(kept.lowest).toEqual([
    { untilMs: 10, replicas: 5 },
    { untilMs: 30, replicas: 7 },
    { untilMs: 40, replicas: 8 },
  ]);
  expect(kept.highest).toEqual([
    { untilMs: 20, replicas: 9 },
    { untilMs: 40, replicas: 8 },
  ]);
});

test("recallRecommendations: without a window nothing is kept", () => {
  const kept = recallRecommendations({ ...noRecommendations, latest: 3 }, 3, { upMs: 0, downMs: 0 }, 0);
  expect(kept).toEqual({ latest: 3, lowest: [], highest: [] });
});

test.each([
  { name: "up, when less was wanted: to the lowest", wanted: 9, current: 4, expected: 6, end: 60_000 },
  { name: "up, when more was wanted: to what is wanted", wanted: 5, current: 4, expected: 5, end: undefined },
  { name: "down, when more was wanted: to the highest", wanted: 2, current: 9, expected: 6, end: 300_000 },
  {
    name: "down, when less was wanted: to what is wanted",
    wanted: 7,
    current: 9,
    expected: 7,
    end: undefined,
  },
  { name: "nowhere, when what there is lies between", wanted: 9, current: 7, expected: 7, end: 60_000 },
])("stabilized: $name", ({ wanted, current, expected, end }) => {
  const kept: Recommendations = {
    latest: 6,
    lowest: [{ untilMs: 0, replicas: 6 }],
    highest: [{ untilMs: 0, replicas: 6 }],
  };
  expect(stabilized(kept, wanted, current)).toBe(expected);
  expect(windowEnd(kept, wanted, current, windows)).toBe(end);
});

test("recallRecommendations: is as a list of all that ever was, late by a sixty-fourth of the window at most", () => {
  const step = fc.tuple(
    fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 30_000 })),
    fc.nat(1_000),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 400 }), (steps) => {
      let nowMs = 0;
      let kept: Recommendations = noRecommendations;
      const all: { readonly untilMs: number; readonly replicas: number }[] = [];
      for (const [ms, replicas] of steps) {
        nowMs += ms;
        kept = recallRecommendations(kept, 500, windows, nowMs);
        all.push({ untilMs: nowMs, replicas: kept.latest! });
        const within = (lengthMs: number): readonly number[] =>
          all.filter(({ untilMs }) => untilMs + lengthMs > nowMs).map((one) => one.replicas);
        const { downMs, upMs } = windows;
        const late = 1 + 1 / 64;
        expect(kept.highest[0]!.replicas).toBeGreaterThanOrEqual(Math.max(...within(downMs)));
        expect(kept.highest[0]!.replicas).toBeLessThanOrEqual(Math.max(...within(downMs * late)));
        expect(kept.lowest[0]!.replicas).toBeLessThanOrEqual(Math.min(...within(upMs)));
        expect(kept.lowest[0]!.replicas).toBeGreaterThanOrEqual(Math.min(...within(upMs * late)));
        kept = { ...kept, latest: replicas };
      }
    }),
    { numRuns: 100 },
  );
});

test("recallRecommendations: what falls slowly for long is bounded and not kept too long", () => {
  let kept: Recommendations = noRecommendations;
  for (let at = 0; at < 5_000; at++) {
    kept = { ...recallRecommendations(kept, 10_000, windows, at * 100), latest: 10_000 - at };
    expect(kept.highest.length).toBeLessThanOrEqual(128);
  }
  // 300 s ago, and a sixty-fourth of that before.
  expect(10_000 - kept.highest[0]!.replicas).toBeGreaterThanOrEqual(5_000 - 3_000 - 47 - 2);
  expect(10_000 - kept.highest[0]!.replicas).toBeLessThanOrEqual(5_000 - 3_000);
});
