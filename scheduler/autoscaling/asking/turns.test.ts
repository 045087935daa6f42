import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("Turns: owners take turns, each in the order in which its own came", () => {
  const turns = new Turns<string>();
  for (const one of ["a1", "a2", "a3", "b1", "c1", "c2"]) turns.add(one.slice(0, 1), one);
  turns.delete("c", "c1");
  turns.delete("b", "nothing");
  turns.delete("nobody", "a1");
  const taken = Array.from({ length: 6 }, () => turns.take());
  expect(taken).toEqual(["a1", "b1", "c2", "a2", "a3", undefined]);
  expect(turns.isEmpty).toBe(true);
});

test("Turns: an owner that comes back is the last", () => {
  const turns = new Turns<string>();
  turns.add("a", "a1");
  turns.add("b", "b1");
  expect(turns.take()).toBe("a1");
  turns.add("a", "a2");
  expect([turns.take(), turns.take()]).toEqual(["b1", "a2"]);
});
