import { expect, test } from "vitest";
import { GangTurns } from "./gang-turns.ts";
import { gangLimits } from "./limits.ts";

const { patienceMs, termMs } = gangLimits;

test("GangTurns: one gang at a time, the highest priority first, then who has waited longest", () => {
  const turns = new GangTurns();
  for (const [place, [key, priority]] of (
    [
      ["late", 1],
      ["later", 1],
      ["high", 2],
    ] as const
  ).entries())
    expect(turns.mayCollect(key, priority, place)).toBe(false);
  expect(turns.due(patienceMs - 1)).toBeUndefined();
  expect(turns.wakeAtMs()).toBe(patienceMs);
  const nowMs = patienceMs + 10;
  const served: (string | undefined)[] = [];
  for (let round = 0; round < 3; round++) {
    const key = turns.due(nowMs) ?? "";
    served.push(key);
    for (const other of ["late", "later", "high"].filter((one) => one !== key && !served.includes(one)))
      expect(turns.mayCollect(other, other === "high" ? 2 : 1, nowMs)).toBe(false);
    expect(turns.mayCollect(key, key === "high" ? 2 : 1, nowMs)).toBe(true);
    turns.over(key);
  }
  expect(served).toEqual(["high", "late", "later"]);
  expect([turns.due(nowMs), turns.wakeAtMs()]).toEqual([undefined, undefined]);
});

test("GangTurns: a term is counted from the last place, and after it the gang rests as long", () => {
  const turns = new GangTurns();
  turns.mayCollect("gang", 0, 0);
  expect(turns.mayCollect("gang", 0, patienceMs)).toBe(true);
  turns.progressed("gang", patienceMs + 1_000);
  const endMs = patienceMs + 1_000 + termMs;
  expect([turns.due(endMs - 1), turns.wakeAtMs(), turns.due(endMs)]).toEqual([undefined, endMs, "gang"]);
  expect(turns.mayCollect("gang", 0, endMs)).toBe(false);
  expect(turns.collecting).toBeUndefined();
  expect([turns.due(endMs + termMs - 1), turns.wakeAtMs()]).toEqual([undefined, endMs + termMs]);
  expect(turns.mayCollect("gang", 0, endMs + termMs)).toBe(true);
});

test("GangTurns: while one rests, the next has its turn", () => {
  const turns = new GangTurns();
  turns.mayCollect("one", 0, 0);
  turns.mayCollect("two", 0, 1);
  expect(turns.mayCollect("one", 0, patienceMs + 1)).toBe(true);
  const endMs = patienceMs + 1 + termMs;
  expect(turns.mayCollect("two", 0, endMs - 1)).toBe(false);
  expect(turns.mayCollect("one", 0, endMs)).toBe(false);
  expect(turns.due(endMs)).toBe("two");
  expect(turns.mayCollect("two", 0, endMs)).toBe(true);
});
