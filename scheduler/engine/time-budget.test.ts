import { expect, test } from "vitest";
import { TimeBudget } from "./time-budget.ts";

function start() {
  let now = 0;
  const budget = new TimeBudget(250, 1_000, () => now);
  const work = (ms: number) => {
    if (!budget.hasTime) return "refused";
    return budget.spend(() => {
      now += ms;
      return "done";
    });
  };
  const wait = (ms: number) => (now += ms);
  return { work, wait };
}

test("TimeBudget: a quarter of each second, and no more", () => {
  const { work, wait } = start();
  expect([work(100), work(100), work(100), work(1)]).toEqual(["done", "done", "done", "refused"]);
  wait(699);
  expect(work(1)).toBe("refused");
  wait(1);
  expect(work(1)).toBe("done");
});

test("TimeBudget: what took longer than there was is paid off by waiting", () => {
  const { work, wait } = start();
  expect(work(1_000)).toBe("done");
  expect(work(1)).toBe("refused");
  wait(1_000);
  expect(work(1)).toBe("refused");
  wait(2_000);
  expect(work(1)).toBe("done");
});

test("TimeBudget: what fails has taken time, too", () => {
  let now = 0;
  const budget = new TimeBudget(10, 1_000, () => now);
  expect(budget.hasTime).toBe(true);
  const fail = () => {
    now += 10;
    throw new Error("no");
  };
  expect(() => budget.spend(fail)).toThrow("no");
  expect(budget.hasTime).toBe(false);
});
