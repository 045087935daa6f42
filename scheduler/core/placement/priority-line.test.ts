import { expect, test } from "vitest";
import { PriorityLine } from "./priority-line.ts";

function drain(line: PriorityLine<string>, priorityOf: ReadonlyMap<string, number>): string[] {
  const out: string[] = [];
  for (let first = line.first(); first !== undefined; first = line.first()) {
    out.push(first);
    line.delete(first, priorityOf.get(first) ?? 0);
  }
  return out;
}

test("PriorityLine: the highest first, equals in the order in which they came", () => {
  const items = new Map([
    ["a", 0],
    ["b", 5],
    ["c", -3],
    ["d", 5],
    ["e", 0],
    ["f", 7],
  ]);
  const line = new PriorityLine<string>();
  for (const [item, priority] of items) line.add(item, priority);
  expect(drain(line, items)).toEqual(["f", "b", "d", "a", "e", "c"]);
  expect(line.isEmpty).toBe(true);
});

test("PriorityLine: what is added again after it was taken out goes to the end", () => {
  const line = new PriorityLine<string>();
  for (const item of ["a", "b"]) line.add(item, 1);
  line.delete("a", 1);
  line.delete("nobody", 1);
  line.delete("b", 2);
  line.add("a", 1);
  expect(line.first()).toBe("b");
});
