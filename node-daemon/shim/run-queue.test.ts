import { describe, expect, test } from "vitest";
import { Account, type CpuShare, Runnable, weightOf } from "./account.ts";
import { GuestTimers } from "./guest-timers.ts";
import { RunQueue } from "./run-queue.ts";

const noShare: CpuShare = { requestMillis: 0, limitMillis: undefined };

class Loop extends Runnable {
  readonly account: Account;
  readonly #run: (self: Loop) => void;

  constructor(account: Account, run: (self: Loop) => void) {
    super();
    this.account = account;
    this.#run = run;
  }

  /** In a microtask, as a guest does. */
  resume(): void {
    queueMicrotask(() => this.#run(this));
  }
}

/** Time that moves only when somebody runs; turns that happen only when told to. */
class Bench {
  nowMs = 0;
  /** Of each millisecond that passes. */
  processorShare = 1;
  #cpuMs = 0;
  readonly ran: string[] = [];
  readonly #accounts = new Map<string, Account>();
  #turns: (() => void)[] = [];
  #systemTimer: { readonly atMs: number; readonly fire: () => void } | undefined;
  readonly timers = new GuestTimers({
    clock: {
      monotonic: () => this.nowMs,
      setTimer: (delayMs, fire) => {
        this.#systemTimer = { atMs: this.nowMs + delayMs, fire };
        const cancel = () => (this.#systemTimer = undefined);
        return { cancel, [Symbol.dispose]: cancel };
      },
    },
    schedule: (step) => void this.#turns.push(step),
    onBug: (thrown) => {
      throw thrown;
    },
  });
  readonly queue = new RunQueue({
    now: () => this.nowMs,
    cpuMs: () => this.#cpuMs,
    schedule: (turn) => void this.#turns.push(turn),
    whenDrained: (step) => queueMicrotask(() => process.nextTick(step)),
    timers: this.timers,
  });

  pass(ms: number): void {
    this.nowMs += ms;
    this.#cpuMs += ms * this.processorShare;
  }

  account(name: string, share: CpuShare = noShare, beside?: Account): Account {
    const account = new Account(share, this.nowMs, { used: () => {} }, beside?.quota);
    this.#accounts.set(name, account);
    return account;
  }

  usedMs(name: string): number {
    return this.#accounts.get(name)?.usedMs ?? 0;
  }

  /** Runs for `ms` whenever it is resumed, suspends, then calls `after`. */
  runnable(
    name: string,
    ms: number,
    after: (self: Loop) => void = () => {},
    account: Account = this.account(name),
  ): Loop {
    return new Loop(account, (self) => {
      this.ran.push(name);
      this.pass(ms);
      this.queue.suspended(self);
      after(self);
    });
  }

  /** For ever. */
  loop(name: string, ms: number, share: CpuShare = noShare, beside?: Account): Loop {
    const again = (self: Loop) => this.queue.push(self, "yielded");
    return this.runnable(name, ms, again, this.account(name, share, beside));
  }

  get scheduled(): number {
    return this.#turns.length;
  }

  /** One turn of the event loop, and all microtasks it makes. */
  async turn(): Promise<string[]> {
    this.ran.length = 0;
    const timer = this.#systemTimer;
    if (timer && timer.atMs <= this.nowMs) {
      this.#systemTimer = undefined;
      timer.fire();
    }
    const turns = this.#turns;
    this.#turns = [];
    for (const turn of turns) turn();
    await new Promise((resolve) => setImmediate(resolve));
    return [...this.ran];
  }

  /** Turns, with idle time where nobody can run. */
  async until(ms: number): Promise<void> {
    while (this.nowMs < ms) {
      await this.turn();
      if (this.scheduled === 0) this.nowMs += 1;
    }
  }
}

describe("RunQueue", () => {
  test("order: urgent first, then first in, first out", async () => {
    const bench = new Bench();
    bench.queue.push(bench.runnable("yielded", 0), "yielded");
    bench.queue.push(bench.runnable("other", 0), "yielded");
    bench.queue.push(bench.runnable("urgent", 0), "urgent");
    expect(await bench.turn()).toEqual(["urgent", "yielded", "other"]);
    expect(bench.scheduled).toBe(0);
  });

  test("charge: each pays for the time between its resumption and its suspension", async () => {
    const bench = new Bench();
    bench.queue.push(bench.runnable("short", 0.5), "woken");
    bench.queue.push(bench.runnable("long", 1), "woken");
    await bench.turn();
    expect([bench.usedMs("short"), bench.usedMs("long")]).toEqual([0.5, 1]);
  });

  test("charge: CPU time counts, not what the machine did for others", async () => {
    const bench = new Bench();
    bench.processorShare = 0.25;
    bench.queue.push(bench.runnable("guest", 8), "woken");
    await bench.turn();
    expect(bench.usedMs("guest")).toBe(2);
  });

  test("turn: bounded, and serves one other even if urgent ones fill it", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4; i++) bench.queue.push(bench.runnable(`urgent-${i}`, 1), "urgent");
    bench.queue.push(bench.runnable("yielded", 1), "yielded");
    expect(await bench.turn()).toEqual(["urgent-0", "urgent-1", "yielded"]);
    expect(bench.scheduled).toBe(1);
    expect(await bench.turn()).toEqual(["urgent-2", "urgent-3"]);
  });

  test("fairness: endless loops take turns; woken ones come first", async () => {
    const bench = new Bench();
    for (const name of ["a", "b", "c"]) bench.queue.push(bench.loop(name, 1), "yielded");
    const ran = [...(await bench.turn()), ...(await bench.turn()), ...(await bench.turn())];
    expect(ran).toEqual(["a", "b", "c", "a", "b", "c"]);
    bench.queue.push(bench.runnable("sleeper", 0.1), "woken");
    expect((await bench.turn())[0]).toBe("sleeper");
  });

  test("fairness: weights share the thread, however long the slices are", async () => {
    const bench = new Bench();
    for (const [name, requestMillis] of [
      ["one", 100],
      ["two", 200],
      ["four", 400],
    ] as const)
      bench.queue.push(bench.loop(name, requestMillis / 200, { ...noShare, requestMillis }), "yielded");
    await bench.until(7_000);
    for (const [name, ms] of [
      ["one", 1_000],
      ["two", 2_000],
      ["four", 4_000],
    ] as const)
      expect(Math.abs(bench.usedMs(name) - ms)).toBeLessThan(ms / 50);
  });

  test("fairness: a thousand things to do in one instance get no more than one in another", async () => {
    const bench = new Bench();
    const many = bench.account("many");
    const again = (self: Loop) => bench.queue.push(self, "yielded");
    for (let i = 0; i < 1_000; i++) bench.queue.push(bench.runnable("many", 1, again, many), "yielded");
    bench.queue.push(bench.loop("single", 1), "yielded");
    await bench.until(1_000);
    expect(Math.abs(bench.usedMs("many") - bench.usedMs("single"))).toBeLessThan(5);
  });

  test("limit: holds alone and beside others, who get the rest; held time is told", async () => {
    const bench = new Bench();
    const limited = bench.loop("limited", 1, { requestMillis: 1000, limitMillis: 50 });
    bench.queue.push(limited, "yielded");
    await bench.until(10_000);
    expect(Math.abs(bench.usedMs("limited") - 500)).toBeLessThan(25);
    bench.queue.push(bench.loop("free", 1), "yielded");
    await bench.until(20_000);
    expect(Math.abs(bench.usedMs("limited") - 1_000)).toBeLessThan(50);
    expect(Math.abs(bench.usedMs("free") - 9_500)).toBeLessThan(50);
    expect(limited.account.hold?.heldMs(bench.nowMs)).toBeGreaterThan(15_000);
  });

  test("limit: one of two accounts holds for both together, and both get on", async () => {
    const bench = new Bench();
    const share = { requestMillis: 1000, limitMillis: 100 };
    const instance = bench.loop("instance", 1, share);
    bench.queue.push(instance, "yielded");
    bench.queue.push(bench.loop("beside", 1, share, instance.account), "yielded");
    await bench.until(10_000);
    const [own, others] = [bench.usedMs("instance"), bench.usedMs("beside")];
    expect(Math.abs(own + others - 1_000)).toBeLessThan(50);
    expect(Math.min(own, others)).toBeGreaterThan(300);
  });

  test("limit: a hundred that are held take one timer, and a kill waits for none of it", async () => {
    const bench = new Bench();
    const loops = Array.from({ length: 100 }, (_, i) =>
      bench.loop(`${i}`, 1, { ...noShare, limitMillis: 5 }),
    );
    for (const loop of loops) bench.queue.push(loop, "yielded");
    await bench.until(150);
    expect(bench.scheduled).toBe(0);
    expect(bench.timers.size).toBe(1);
    const killed = loops[0];
    if (killed) bench.queue.push(killed, "urgent");
    expect(await bench.turn()).toEqual(["0"]);
  });

  test("limit: two that share a quota get as much as one, and each is held for itself", async () => {
    const bench = new Bench();
    const first = bench.loop("first", 1, { ...noShare, limitMillis: 50 });
    const beside = new Account(noShare, bench.nowMs, { used: () => {} }, first.account.quota);
    const again = (self: Loop) => bench.queue.push(self, "yielded");
    const second = bench.runnable("second", 1, again, beside);
    for (const loop of [first, second]) bench.queue.push(loop, "yielded");
    await bench.until(4_950);
    bench.queue.remove(second);
    await bench.until(10_000);
    expect(Math.abs(first.account.usedMs + beside.usedMs - 500)).toBeLessThan(25);
    expect(beside.usedMs).toBeGreaterThan(100);
    expect(beside.hold?.heldMs(bench.nowMs)).toBeLessThan(5_000);
  });

  test("events: what the thread does between turns is shared among those it was for", async () => {
    const bench = new Bench();
    const flooded = bench.account("flooded");
    const other = bench.account("other");
    for (let i = 0; i < 30; i++) bench.queue.caused(flooded);
    for (let i = 0; i < 10; i++) bench.queue.caused(other);
    bench.pass(1);
    await bench.turn();
    expect([bench.usedMs("flooded"), bench.usedMs("other")]).toEqual([0.75, 0.25]);
    // Who has one event pays little for a loop that was busy with something else.
    bench.queue.caused(other);
    bench.pass(100);
    await bench.turn();
    expect(bench.usedMs("other")).toBeLessThan(0.35);
  });

  test("timers: fire between two slices, not only when the turn is over", async () => {
    const bench = new Bench();
    bench.queue.push(bench.loop("loop", 1), "yielded");
    const sleeper = bench.runnable("sleeper", 0);
    bench.timers.setTimer(1, () => bench.queue.push(sleeper, "woken"));
    expect(await bench.turn()).toEqual(["loop", "sleeper", "loop"]);
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

  test("a guest that says nothing has the thread until no microtask is left, however many there are", async () => {
    const bench = new Bench();
    const hop = (left: number) => {
      bench.ran.push("silent");
      bench.pass(0.01);
      if (left > 1) queueMicrotask(() => hop(left - 1));
    };
    const silent = new Loop(bench.account("silent"), () => hop(20));
    bench.queue.push(silent, "woken");
    bench.queue.push(bench.runnable("next", 0), "woken");
    expect(await bench.turn()).toEqual([...Array.from({ length: 20 }, () => "silent"), "next"]);
    expect(bench.usedMs("silent")).toBeCloseTo(0.2);
  });

  test("order: of several of one account, who yields goes on for five milliseconds before the next has its turn", async () => {
    const bench = new Bench();
    const account = bench.account("run");
    const request = (name: string) => {
      const loop = bench.runnable(name, 1, (self) => bench.queue.push(self, "yielded"), account);
      loop.member = { memoryBytes: 0, allow: () => {}, exceeded: () => {} };
      return loop;
    };
    bench.queue.push(request("first"), "woken");
    bench.queue.push(request("second"), "woken");
    const ran: string[] = [];
    while (ran.length < 14) ran.push(...(await bench.turn()));
    const row = (name: string) => Array.from({ length: 6 }, () => name);
    expect(ran.slice(0, 14)).toEqual([...row("first"), ...row("second"), "first", "first"]);
  });

  test("order: between accounts it changes nothing that one of them has several", async () => {
    const bench = new Bench();
    const loop = bench.loop("run", 1);
    loop.member = { memoryBytes: 0, allow: () => {}, exceeded: () => {} };
    bench.queue.push(loop, "woken");
    bench.queue.push(bench.loop("other", 1), "woken");
    for (let i = 0; i < 20; i++) await bench.turn();
    expect(Math.abs(bench.usedMs("run") - bench.usedMs("other"))).toBeLessThanOrEqual(1);
  });

  test("mayContinue: alone, until the turn is over, and within the limit", async () => {
    const bench = new Bench();
    const seen: boolean[] = [];
    const ask = ({ account }: Loop) => void seen.push(bench.queue.mayContinue(account));
    bench.queue.push(bench.runnable("first", 1, ask), "woken");
    bench.queue.push(bench.runnable("last", 0.5, ask), "woken");
    await bench.turn();
    bench.queue.push(bench.runnable("long", 5, ask), "woken");
    await bench.turn();
    const limited = bench.account("limited", { ...noShare, limitMillis: 5 });
    bench.queue.push(bench.runnable("limited", 1, ask, limited), "woken");
    await bench.turn();
    expect(seen).toEqual([false, true, false, false]);
  });
});

test.each([
  ["no request", 0, 10],
  ["a millicore", 1, 10],
  ["a tenth of a core", 100, 102],
  ["a core", 1000, 1024],
  ["16 cores", 16_000, 16_384],
])("weightOf: %s", (_title, requestMillis, weight) => {
  expect(weightOf(requestMillis)).toBe(weight);
});
