import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { KeyedWorker, type KeyedWorkerOptions } from "./keyed-worker.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(overrides: Partial<KeyedWorkerOptions> = {}) {
  const clock = new FakeClock();
  const started: string[] = [];
  const finish: (() => void)[] = [];
  const failures: string[] = [];
  let failing = false;
  const run = async (key: string) => {
    started.push(key);
    await new Promise<void>((resolve) => finish.push(resolve));
    if (failing) throw new Error("store is down");
  };
  const worker = new KeyedWorker(run, {
    clock,
    concurrencyMax: 2,
    intervalMs: 100,
    backoff: { initialMs: 1000, factor: 2, maxMs: 8000 },
    failed: (key) => failures.push(key),
    ...overrides,
  });
  return { clock, started, finish, failures, worker, fail: (value: boolean) => (failing = value) };
}

test("KeyedWorker: many calls before a run make one run, calls during it one more", async () => {
  const { worker, started, finish, clock } = setUp();
  worker.schedule("a");
  worker.schedule("a");
  worker.schedule("a");
  expect(started).toEqual(["a"]);
  finish.shift()?.();
  await turn();
  clock.advance(100);
  expect(started).toEqual(["a", "a"]);
  finish.shift()?.();
  await turn();
  clock.advance(1000);
  expect(started).toEqual(["a", "a"]);
});

test("KeyedWorker: runs of one key keep their distance", async () => {
  const { worker, started, finish, clock } = setUp();
  worker.schedule("a");
  finish.shift()?.();
  await turn();
  clock.advance(30);
  worker.schedule("a");
  expect(started).toEqual(["a"]);
  clock.advance(69);
  expect(started).toEqual(["a"]);
  clock.advance(1);
  expect(started).toEqual(["a", "a"]);
});

test("KeyedWorker: a failing key backs off and is reported each time", async () => {
  const { worker, started, finish, clock, failures, fail } = setUp();
  fail(true);
  worker.schedule("a");
  for (const delay of [1000, 2000]) {
    finish.shift()?.();
    await turn();
    clock.advance(delay - 1);
    const before = started.length;
    clock.advance(1);
    expect(started.length).toBe(before + 1);
  }
  expect(failures).toEqual(["a", "a"]);
});

test("KeyedWorker: no more than concurrencyMax at once, the rest in order", async () => {
  const { worker, started, finish } = setUp();
  for (const key of ["a", "b", "c", "d"]) worker.schedule(key);
  expect(started).toEqual(["a", "b"]);
  finish.shift()?.();
  await turn();
  expect(started).toEqual(["a", "b", "c"]);
});

test("KeyedWorker: closing waits for what runs and starts nothing more", async () => {
  const { worker, started, finish, clock } = setUp({ concurrencyMax: 1 });
  worker.schedule("a");
  worker.schedule("b");
  const closed = worker.close();
  finish.shift()?.();
  await closed;
  clock.advance(10_000);
  expect(started).toEqual(["a"]);
});
