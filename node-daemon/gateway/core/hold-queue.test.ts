import { expect, test } from "vitest";
import { HoldQueue, HoldRoom } from "./hold-queue.ts";

test("HoldQueue: is bounded for itself, by number in all and by bytes in all", () => {
  const room = new HoldRoom({ perWorkload: 2, inAll: 3, bytesInAll: 100 });
  const a = new HoldQueue<string>(room);
  const b = new HoldQueue<string>(room);
  expect([a.add("1", 10), a.add("2", 10), a.add("3", 10)]).toEqual([true, true, false]);
  expect(b.add("4", 90)).toBe(false);
  expect([b.add("4", 80), b.add("5", 0)]).toEqual([true, false]);
  expect(a.remove("1")).toBe(true);
  expect(a.remove("1")).toBe(false);
  expect(b.add("5", 10)).toBe(true);
  expect(room.count).toBe(3);
});

test("HoldQueue: lets the first come first", () => {
  const queue = new HoldQueue<string>(new HoldRoom({ perWorkload: 9, inAll: 9, bytesInAll: 9 }));
  for (const one of ["a", "b", "c"]) queue.add(one, 0);
  queue.remove("a");
  queue.add("a", 0);
  expect(queue.first()).toBe("b");
  expect([...queue]).toEqual(["b", "c", "a"]);
});
