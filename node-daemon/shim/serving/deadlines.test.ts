import { describe, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { Deadlines, type Due } from "./deadlines.ts";

class Item implements Due {
  place = -1;
  deadlineMs: number;

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }
}

describe("Deadlines", () => {
  test("tells each whose time is over, in order, once, and no other", () => {
    const clock = new FakeClock();
    const passed: number[] = [];
    const deadlines = new Deadlines<Item>(clock, ({ deadlineMs }) => passed.push(deadlineMs));
    const items = [300, 100, 200, 400].map((ms) => new Item(ms));
    for (const item of items) deadlines.add(item);
    clock.advance(99);
    expect(passed).toEqual([]);
    clock.advance(101);
    expect(passed).toEqual([100, 200]);
    deadlines.remove(items[0] as Item);
    clock.advance(1_000);
    expect(passed).toEqual([100, 200, 400]);
  });

  test("one that is earlier than all is not waited for until theirs", () => {
    const clock = new FakeClock();
    const passed: number[] = [];
    const deadlines = new Deadlines<Item>(clock, ({ deadlineMs }) => passed.push(deadlineMs));
    deadlines.add(new Item(10_000));
    deadlines.add(new Item(50));
    clock.advance(50);
    expect(passed).toEqual([50]);
  });

  test("one that has moved is told at its new time, be it earlier or later", () => {
    const clock = new FakeClock();
    const passed: number[] = [];
    const deadlines = new Deadlines<Item>(clock, ({ deadlineMs }) => passed.push(deadlineMs));
    const [one, other, gone] = [new Item(500), new Item(100), new Item(700)];
    for (const item of [one, other, gone]) deadlines.add(item);
    deadlines.remove(gone);
    for (const [item, ms] of [
      [one, 50],
      [other, 300],
      [gone, 10],
    ] as const) {
      item.deadlineMs = ms;
      deadlines.moved(item);
    }
    clock.advance(50);
    expect(passed).toEqual([50]);
    clock.advance(249);
    expect(passed).toEqual([50]);
    clock.advance(1_000);
    expect(passed).toEqual([50, 300]);
  });

  test("after close nothing is told", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines<Item>(clock, () => expect.unreachable());
    deadlines.add(new Item(10));
    deadlines.close();
    clock.advance(100);
  });
});
