import { describe, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { handlers } from "../../components/test-handlers.ts";
import type { RunSpec, Serving } from "../../runtimes/runtime-driver.ts";
import { ComponentHandler } from "./component-handler.ts";
import { FakeExchange } from "./fake-exchange.ts";
import { ServingRun } from "./serving-run.ts";
import { handlerParts, loadComponent } from "./test-requests.ts";

const pageBytes = 65_536;

const freshRun = (component: Promise<Uint8Array>) => runOf(component, { requestsPerInstance: 1 });

/** `seats`: how many places were made for its requests. */
async function runOf(component: Promise<Uint8Array>, more: Partial<Serving>, spec: Partial<RunSpec> = {}) {
  const parts = handlerParts(spec, undefined, more);
  const bugs: unknown[] = [];
  const handler = new ComponentHandler(parts, await loadComponent(await component));
  const { queue, account, pot, serving } = parts;
  let seats = 0;
  const run = new ServingRun({
    handler,
    serving,
    fuelMax: undefined,
    queue,
    account,
    pot,
    clock: new FakeClock(),
    reserve: () => {
      seats++;
      return Promise.resolve({ hold: () => {}, grow: () => true, close: () => {} });
    },
    note: () => {},
    bug: (thrown) => void bugs.push(thrown),
  });
  const ask = async () => {
    const exchange = new FakeExchange();
    run.accept(exchange);
    await exchange.ended;
    // Its place is free by then.
    await new Promise(setImmediate);
    return exchange;
  };
  const ended = async () => {
    run.drain();
    await run.ended();
    expect(bugs).toEqual([]);
  };
  return { run, pot, ask, ended, seats: () => seats };
}

describe("a fresh instance of a component for each request", () => {
  test("finds nothing of what the ones before have left, in memory that they had as well", async () => {
    const { ask, ended, seats } = await freshRun(handlers.leavesTraces());
    for (let i = 0; i < 20; i++) expect((await ask()).response?.status).toBe(200);
    expect(seats()).toBe(1);
    await ended();
  });

  test.each([
    ["trapped", "unreachable"],
    ["left a call of the host unanswered", "(call $block (call $subscribe (i64.const 3600000000000)))"],
  ])("nor of those that have %s", async (_name, end) => {
    const { run, ask, ended } = await freshRun(handlers.leavesTraces(end));
    for (let i = 0; i < 5; i++) {
      const exchange = new FakeExchange();
      run.accept(exchange);
      await exchange.until(() => exchange.response !== undefined);
      exchange.listener?.cancelled();
      expect(exchange.response?.status).toBe(200);
    }
    expect((await ask()).response?.status).toBe(200);
    run.kill();
    await ended();
  });

  test("has as much memory as the first one, and all of it counts", async () => {
    // It begins with 4 pages and asks for 8 more.
    const only = { requestsPerInstance: 1, concurrency: 1 };
    const { ask, pot, ended } = await runOf(handlers.grows(8), only, { memoryBytesMax: 13 * pageBytes });
    for (let i = 0; i < 10; i++) expect((await ask()).response?.status).toBe(200);
    expect(pot.usedBytes).toBe(12 * pageBytes);
    await ended();
    expect(pot.usedBytes).toBe(0);
  });

  test("has fuel of its own, and all of it counts", async () => {
    const { run, ask, ended } = await freshRun(handlers.hello());
    await ask();
    const each = run.fuelUsed;
    expect(each).toBeGreaterThan(0);
    await ask();
    await ask();
    // What is paid once for a function's compilation is paid by each.
    expect(run.fuelUsed).toBe(3 * each);
    await ended();
    expect(run.fuelUsed).toBe(3 * each);
  });

  test("waits, while others are served beside it", async () => {
    const { ask, ended } = await freshRun(handlers.sleeps(20));
    const answers = await Promise.all(Array.from({ length: 4 }, ask));
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 4 }, () => "Hello, world!\n"));
    await ended();
  });

  test("comes after one that has answered as many requests as it may, too", async () => {
    const { ask, ended, seats } = await runOf(handlers.trapsAt(3), { requestsPerInstance: 2 });
    for (let i = 0; i < 6; i++) expect((await ask()).text).toBe("Hello, world!\n");
    expect(seats()).toBe(1);
    await ended();
  });
});
