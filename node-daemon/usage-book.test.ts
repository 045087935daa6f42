import { expect, test } from "vitest";
import { UsageBook } from "./usage-book.ts";

const usage = (uid: string, cpuUs: number) => ({
  id: { uid, run: 1 },
  cpuUs,
  memoryBytes: 1,
  fuel: cpuUs,
  throttledUs: 0,
});

const taken = (book: UsageBook) => book.take(1_000).map(({ id, cpuUs }) => `${id.uid} ${cpuUs}`);

test("UsageBook.take: what changed, and what has stopped once more", () => {
  const book = new UsageBook();
  book.note(usage("a", 1), 10);
  expect(taken(book)).toEqual(["a 1"]);
  book.note(usage("a", 1), 10);
  book.note(usage("b", 5), 10);
  expect(taken(book)).toEqual(["b 5"]);
  expect(taken(book)).toEqual(["a 1"]);
  expect(taken(book)).toEqual(["b 5"]);
  expect(taken(book)).toEqual([]);
});

test("UsageBook.take: one that missed a round has not stopped", () => {
  const book = new UsageBook();
  for (let at = 1; at < 5; at++) {
    book.note(usage("a", at), 10);
    expect(taken(book)).toEqual([`a ${at}`]);
    expect(taken(book)).toEqual([]);
  }
});

test("UsageBook.take: of an instance that is gone nothing is told", () => {
  const book = new UsageBook();
  book.note(usage("a", 1), 10);
  book.take(1_000);
  book.forget("a");
  expect([taken(book), taken(book), taken(book)]).toEqual([[], [], []]);
});

test("UsageBook.take: when it was so: when it was noted, or now if nothing has changed since", () => {
  const book = new UsageBook();
  const times = (nowMs: number) => book.take(nowMs).map(({ id, atMs }) => `${id.uid} ${atMs}`);
  book.note(usage("a", 1), 10);
  book.note(usage("a", 1), 40);
  expect(times(50)).toEqual(["a 10"]);
  expect([times(60), times(70)]).toEqual([[], ["a 70"]]);
  book.note(usage("b", 1), 80);
  book.renew(90);
  expect(times(100)).toEqual(["b 80", "a 90"]);
});
