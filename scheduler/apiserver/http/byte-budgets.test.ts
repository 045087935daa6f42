import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { AnswerBudget, BodyBudget } from "./byte-budgets.ts";

test("BodyBudget: one user's bodies leave room for others', and what is given back counts no more", () => {
  const budget = new BodyBudget({ bytes: 100, bytesOfUser: 60 });
  const refusal = expect.objectContaining({ code: "TooManyRequests" }) as Error;
  budget.take("noisy", 60);
  expect(() => budget.take("noisy", 1)).toThrow(refusal);
  budget.take("quiet", 40);
  expect(() => budget.take("other", 1)).toThrow(refusal);
  budget.give("noisy", 60);
  budget.take("other", 60);
  expect(budget.bytes).toBe(100);
});

function answers() {
  const clock = new FakeClock();
  const budget = new AnswerBudget({ bytes: 100, bytesOfUser: 60, ageMs: 1_000 }, clock);
  const dropped: string[] = [];
  const add = (user: string, bytes: number, name: string) =>
    budget.add(user, bytes, () => dropped.push(name));
  return { clock, budget, dropped, add };
}

test("AnswerBudget: the oldest of whoever takes too little go, and nobody else's", () => {
  const { budget, dropped, add } = answers();
  add("quiet", 30, "q");
  add("noisy", 30, "a");
  add("noisy", 30, "b");
  add("noisy", 10, "c");
  expect([dropped, budget.bytes]).toEqual([["a"], 70]);
});

test("AnswerBudget: beyond what all may have, the oldest of all go; the newest never", () => {
  const { budget, dropped, add } = answers();
  add("a", 50, "a");
  add("b", 40, "b");
  add("c", 60, "c");
  expect([dropped, budget.bytes]).toEqual([["a"], 100]);
  add("d", 500, "d");
  expect([dropped, budget.bytes]).toEqual([["a", "b", "c"], 500]);
});

test("AnswerBudget: what is taken counts no more, once", () => {
  const { budget, add } = answers();
  const taken = add("a", 50, "a");
  taken();
  taken();
  expect(budget.bytes).toBe(0);
});

test("AnswerBudget: what nobody has taken for too long goes", () => {
  const { clock, budget, dropped, add } = answers();
  add("a", 10, "old");
  clock.advance(600);
  add("a", 10, "young");
  clock.advance(500);
  expect(dropped).toEqual(["old"]);
  clock.advance(2_000);
  expect([dropped, budget.bytes]).toEqual([["old", "young"], 0]);
});
