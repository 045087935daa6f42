import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { UsageBook } from "./usage-book.ts";
import { WakeTimer } from "./wake-timer.ts";

test("WakeTimer: wakes each when it is due, in order, also one that came later for earlier", () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const timer = new WakeTimer<string>(clock, (value) => {
    woken.push(value);
    if (value === "a") timer.after(50, "again");
  });
  timer.after(300, "c");
  timer.after(100, "a");
  timer.after(200, "b");
  clock.advance(120);
  expect(woken).toEqual(["a"]);
  clock.advance(1000);
  expect(woken).toEqual(["a", "again", "b", "c"]);
});

test("WakeTimer: nothing after close", () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const timer = new WakeTimer<string>(clock, (value) => woken.push(value));
  timer.after(10, "a");
  timer.close();
  clock.advance(100);
  expect(woken).toEqual([]);
});

test("UsageBook: tells what changed, once, and everything to a new session", () => {
  const book = new UsageBook();
  const usage = (uid: string, cpuUs: number) => ({
    id: { uid, run: 0 },
    cpuUs,
    memoryBytes: 1,
    fuel: 0,
    throttledUs: 0,
  });
  book.note(usage("a", 1), 0);
  book.note(usage("b", 1), 0);
  expect(book.take(0)).toHaveLength(2);
  book.note(usage("a", 1), 0);
  book.note(usage("b", 2), 0);
  expect(book.take(0)).toMatchObject([usage("b", 2)]);
  book.forget("a");
  book.renew(0);
  expect(book.take(0)).toMatchObject([usage("b", 2)]);
});
