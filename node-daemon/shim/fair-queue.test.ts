import { describe, expect, test } from "vitest";
import { type Competitor, FairQueue } from "./fair-queue.ts";

class Guest implements Competitor {
  readonly name: string;
  readonly weight: number;
  virtualMs = 0;
  place = -1;
  order = 0;
  usedMs = 0;

  constructor(name: string, weight: number) {
    this.name = name;
    this.weight = weight;
  }
}

const limits = { creditMs: 2, debtMs: 100 };

/** Takes the next, lets it run for `ms`, and puts it back. */
function runNext(queue: FairQueue<Guest>, ms: number): Guest {
  const guest = queue.take();
  if (!guest) throw new Error("nobody waits");
  guest.usedMs += ms;
  queue.charge(guest, ms);
  queue.add(guest, false);
  return guest;
}

describe("FairQueue", () => {
  test.each([
    ["equals", [100, 100, 100]],
    ["1:2:4", [100, 200, 400]],
    ["the least beside a core", [10, 1024]],
  ])("shares: endless loops get time by weight: %s", (_title, weights) => {
    const queue = new FairQueue<Guest>(limits);
    const guests = weights.map((weight, index) => new Guest(`${index}`, weight));
    for (const guest of guests) queue.add(guest, false);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const rounds = 20_000;
    // Slices of different lengths: time is shared, not turns.
    for (let round = 0; round < rounds; round++) runNext(queue, round % 3 === 0 ? 1.5 : 0.75);
    for (const { usedMs, weight } of guests) {
      const fairMs = (rounds * weight) / total;
      expect(Math.abs(usedMs - fairMs)).toBeLessThan(5);
    }
  });

  test("a heavy call pays: who used 40 ms at once waits until the other has had as much", () => {
    const queue = new FairQueue<Guest>(limits);
    const heavy = new Guest("heavy", 100);
    const other = new Guest("other", 100);
    for (const guest of [heavy, other]) queue.add(guest, false);
    runNext(queue, 40);
    const ran = Array.from({ length: 40 }, () => runNext(queue, 1).name);
    expect(ran).toEqual(Array.from({ length: 40 }, () => "other"));
    expect(runNext(queue, 1).name).toBe("heavy");
  });

  test("woken: it is next, before a hundred that yielded", () => {
    const queue = new FairQueue<Guest>(limits);
    const sleeper = new Guest("sleeper", 2);
    for (let i = 0; i < 100; i++) queue.add(new Guest(`loop-${i}`, 100), false);
    for (let round = 0; round < 1_000; round++) runNext(queue, 1);
    queue.add(sleeper, true);
    expect(queue.take()).toBe(sleeper);
  });

  test("sleep is not saved up: after a long one it gets its credit and then takes turns", () => {
    const queue = new FairQueue<Guest>(limits);
    const loop = new Guest("loop", 100);
    const sleeper = new Guest("sleeper", 100);
    queue.add(loop, false);
    for (let round = 0; round < 100_000; round++) runNext(queue, 1);
    queue.add(sleeper, true);
    const ran = Array.from({ length: 10 }, () => runNext(queue, 1).name);
    expect(ran.filter((name) => name === "sleeper").length).toBeLessThanOrEqual(10 / 2 + limits.creditMs);
  });

  test("debt is bounded: after a flood of charges it waits as long as the bound says", () => {
    const queue = new FairQueue<Guest>(limits);
    const flooded = new Guest("flooded", 100);
    queue.add(new Guest("loop", 100), false);
    queue.charge(flooded, 3_600_000);
    queue.add(flooded, true);
    let waitedMs = 0;
    while (runNext(queue, 1) !== flooded) waitedMs++;
    expect(waitedMs).toBeLessThanOrEqual(limits.debtMs + 1);
    expect(waitedMs).toBeGreaterThanOrEqual(limits.debtMs - 1);
  });

  test("charge: moves who waits, either way", () => {
    const queue = new FairQueue<Guest>(limits);
    const [a, b] = [new Guest("a", 1), new Guest("b", 1)];
    queue.add(a, false);
    queue.add(b, false);
    queue.charge(a, 5);
    queue.charge(b, 7);
    queue.charge(b, -6);
    expect([queue.take(), queue.take(), queue.take()]).toEqual([b, a, undefined]);
  });
});
