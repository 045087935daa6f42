import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { SharedTurns } from "./shared-turns.ts";

test("SharedTurns: one piece in each turn of the event loop, users taking turns", async () => {
  const turns = new SharedTurns();
  const done: string[] = [];
  const work = async (user: string, pieces: number) => {
    for (let i = 0; i < pieces; i++) {
      await turns.next({ user, agent: "" });
      done.push(user);
    }
  };
  const all = [work("noisy", 3), work("noisy", 3), work("noisy", 3), work("quiet", 2)];
  await nextTurn();
  expect(done).toEqual(["noisy"]);
  await nextTurn();
  expect(done).toEqual(["noisy", "quiet"]);
  await Promise.all(all);
  expect(done.slice(0, 4)).toEqual(["noisy", "quiet", "noisy", "quiet"]);
  expect(turns.waiting).toBe(0);
});
