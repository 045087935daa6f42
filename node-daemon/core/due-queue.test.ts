import { expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { DueQueue } from "./due-queue.ts";

test("takeDue: the earliest first, and only what is due", () => {
  const random = seededRandom(7);
  const queue = new DueQueue<number>();
  const times = Array.from({ length: 500 }, () => Math.floor(random.fraction() * 1000));
  for (const time of times) queue.push(time, time);
  const taken: number[] = [];
  for (let due = queue.takeDue(700); due !== undefined; due = queue.takeDue(700)) taken.push(due);
  expect(taken).toEqual(times.filter((time) => time <= 700).sort((a, b) => a - b));
  expect(queue.nextMs).toBe(Math.min(...times.filter((time) => time > 700)));
});

test("takeDue: nothing from an empty queue", () => {
  expect(new DueQueue().takeDue(1e9)).toBeUndefined();
});
