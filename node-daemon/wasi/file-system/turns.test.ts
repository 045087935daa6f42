import { expect, test } from "vitest";

import { payWith } from "./payer.ts";
import { atOnce, inTurns } from "./turns.ts";

function* counting(steps: number, ended: string[]): Generator<undefined, number> {
  try {
    for (let i = 1; i < steps; i++) yield;
    return steps;
  } finally {
    ended.push("ended");
  }
}

test("inTurns: one step is done at once, more take turns", async () => {
  const ended: string[] = [];
  let turns = 0;
  const turn = async () => void turns++;
  expect(inTurns(counting(1, ended), turn)).toBe(1);
  expect(await inTurns(counting(4, ended), turn)).toBe(4);
  expect([turns, ended.length, atOnce(counting(9, ended))]).toEqual([3, 2, 9]);
});

test("inTurns: when there is no next turn, what is open is closed", async () => {
  const ended: string[] = [];
  const answer = inTurns(counting(3, ended), () => Promise.reject(new Error("killed")));
  await expect(answer).rejects.toThrow("killed");
  expect(ended).toEqual(["ended"]);
});

test("inTurns: whoever asked pays for the steps that follow, if it does not take them itself", async () => {
  const paid: string[] = [];
  let running = "guest";
  payWith(() => {
    const payer = running;
    return () => void paid.push(payer);
  });
  const answer = inTurns(counting(4, []));
  running = "another";
  expect([await answer, paid]).toEqual([4, ["guest", "guest", "guest"]]);
  await inTurns(counting(4, []), async () => {});
  expect(paid).toHaveLength(3);
});
