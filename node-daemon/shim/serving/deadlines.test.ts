import { describe, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { Deadlines, type Due } from "./deadlines.ts";

class Item implements Due {
  place = -1;
  readonly deadlineMs: number;

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

  test("after close nothing is told", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines<Item>(clock, () => expect.unreachable());
    deadlines.add(new Item(10));
    deadlines.close();
    clock.advance(100);
  });
});
