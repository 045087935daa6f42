import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import type { Account } from "../account.ts";
import type { Reservation } from "../budget.ts";
import type { RunQueue } from "../run-queue.ts";
import { FakeExchange } from "./fake-exchange.ts";
import type { Handler } from "./handler.ts";
import { MemoryPot } from "./memory-pot.ts";
import { ServingRun } from "./serving-run.ts";
import { wagi } from "./test-service.ts";

/** A run without a seat; `settle` says what becomes of the one that it wants to make. */
function growing() {
  const reserved = Promise.withResolvers<Reservation | undefined>();
  const bugs: unknown[] = [];
  const handler: Pick<Handler, "needs" | "memoryBytesMin" | "servant"> = {
    needs: { memories: 0, memories64: 0, heapBytes: 0 },
    memoryBytesMin: 0,
    servant: () => {
      throw new Error("no servant");
    },
  };
  const run = new ServingRun({
    // No request gets as far as to need the rest.
    handler: handler as Handler,
    queue: { caused: () => {} } as unknown as RunQueue,
    account: {} as Account,
    serving: wagi,
    fuelMax: undefined,
    pot: new MemoryPot(1_000, 100),
    clock: new FakeClock(),
    reserve: () => reserved.promise,
    note: () => {},
    bug: (thrown) => void bugs.push(thrown),
  });
  const exchange = new FakeExchange({}, {});
  run.accept(exchange);
  return { run, exchange, bugs, settle: reserved.resolve };
}

test("ServingRun: a seat that a bug of ours keeps from being made refuses who waits, and gives back its room", async () => {
  const { run, exchange, bugs, settle } = growing();
  let closed = 0;
  settle({ grow: () => true, hold: () => {}, close: () => closed++ });
  expect(await exchange.ended).toMatchObject({ kind: "refused", reason: "full" });
  expect([bugs.map(String), closed]).toEqual([["Error: no servant"], 1]);
  run.drain();
  await run.ended();
});

test("ServingRun: drained while it waits for room that there is not, for a request that has gone, it ends", async () => {
  const { run, exchange, settle } = growing();
  run.drain();
  exchange.listener?.cancelled();
  const ended = run.ended();
  settle(undefined);
  await ended;
});
