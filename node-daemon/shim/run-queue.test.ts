import { describe, expect, test } from "vitest";
import { type Runnable, RunQueue } from "./run-queue.ts";

/** Time that moves only when somebody runs; turns that happen only when told to. */
class Bench {
  nowMs = 0;
  readonly ran: string[] = [];
  readonly charged = new Map<string, number>();
  #turns: (() => void)[] = [];
  readonly queue = new RunQueue({
    now: () => this.nowMs,
    schedule: (turn) => void this.#turns.push(turn),
    whenDrained: (step) => queueMicrotask(() => process.nextTick(step)),
    turnMs: 4,
  });

  /** Runs for `ms` whenever it is resumed, in a microtask as a guest does, then calls `after`. */
  runnable(name: string, ms: number, after: (self: Runnable) => void = () => {}): Runnable {
    const self: Runnable = {
      resume: () => {
        queueMicrotask(() => {
          this.ran.push(name);
          this.nowMs += ms;
          after(self);
        });
      },
      charge: (usedMs) => void this.charged.set(name, (this.charged.get(name) ?? 0) + usedMs),
    };
    return self;
  }

  get scheduled(): number {
    return this.#turns.length;
  }

  /** One turn of the event loop, and all microtasks it makes. */
  async turn(): Promise<string[]> {
    this.ran.length = 0;
    const turns = this.#turns;
    this.#turns = [];
    for (const turn of turns) turn();
    await new Promise((resolve) => setImmediate(resolve));
    return [...this.ran];
  }
}

describe("RunQueue", () => {
  test("order: first in, first out, urgent before woken before yielded", async () => {
    const bench = new Bench();
    bench.queue.push(bench.runnable("yielded", 0), "yielded");
    bench.queue.push(bench.runnable("woken-1", 0), "woken");
    bench.queue.push(bench.runnable("woken-2", 0), "woken");
    bench.queue.push(bench.runnable("urgent", 0), "urgent");
    expect(await bench.turn()).toEqual(["urgent", "woken-1", "woken-2", "yielded"]);
    expect(bench.scheduled).toBe(0);
  });

  test("charge: each pays for the time between its resumption and its suspension", async () => {
    const bench = new Bench();
    bench.queue.push(bench.runnable("short", 1), "woken");
    bench.queue.push(bench.runnable("long", 2), "woken");
    await bench.turn();
    expect([...bench.charged]).toEqual([
      ["short", 1],
      ["long", 2],
    ]);
  });

  test("turn: bounded, and serves one that yielded even if those woken fill it", async () => {
    const bench = new Bench();
    for (let i = 0; i < 6; i++) bench.queue.push(bench.runnable(`woken-${i}`, 2), "woken");
    bench.queue.push(bench.runnable("yielded", 2), "yielded");
    expect(await bench.turn()).toEqual(["woken-0", "woken-1", "yielded"]);
    expect(bench.scheduled).toBe(1);
    expect(await bench.turn()).toEqual(["woken-2", "woken-3"]);
  });

  test("fairness: endless loops take turns", async () => {
    const bench = new Bench();
    for (const name of ["a", "b", "c"]) {
      const again = (self: Runnable) => bench.queue.push(self, "yielded");
      bench.queue.push(bench.runnable(name, 1, again), "yielded");
    }
    const ran = [...(await bench.turn()), ...(await bench.turn()), ...(await bench.turn())];
    expect(ran.slice(0, 9)).toEqual(["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
  });

  test("push: moves who waits already; remove: forgets it", async () => {
    const bench = new Bench();
    const moved = bench.runnable("moved", 0);
    const removed = bench.runnable("removed", 0);
    bench.queue.push(moved, "yielded");
    bench.queue.push(removed, "woken");
    bench.queue.push(bench.runnable("other", 0), "woken");
    bench.queue.push(moved, "urgent");
    bench.queue.remove(removed);
    expect(await bench.turn()).toEqual(["moved", "other"]);
  });

  test("hop: a guest that goes on at once is still the one that runs", async () => {
    const bench = new Bench();
    const hopping = bench.runnable("hopping", 1, (self) => {
      bench.queue.hop(self);
      queueMicrotask(() => {
        bench.ran.push("went on");
        bench.nowMs += 1;
      });
    });
    bench.queue.push(hopping, "woken");
    bench.queue.push(bench.runnable("next", 0), "woken");
    expect(await bench.turn()).toEqual(["hopping", "went on", "next"]);
    expect(bench.charged.get("hopping")).toBe(2);
  });

  test("mayContinue: alone, and until the turn is over", async () => {
    const bench = new Bench();
    const seen: boolean[] = [];
    const ask = () => void seen.push(bench.queue.mayContinue);
    bench.queue.push(bench.runnable("first", 1, ask), "woken");
    bench.queue.push(bench.runnable("last", 1, ask), "woken");
    await bench.turn();
    bench.queue.push(bench.runnable("long", 5, ask), "woken");
    await bench.turn();
    expect(seen).toEqual([false, true, false]);
  });
});
