import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { FakeExchange } from "./fake-exchange.ts";
import type { Handler, Servant } from "./handler.ts";
import { ServingRun } from "./serving-run.ts";
import { handlerParts } from "./test-requests.ts";

class FakeServant implements Servant {
  worn = false;
  readonly fuelUsed = 0;
  readonly memoryBytes = 0;
  readonly mapped = undefined;
  closed = false;

  allow(): void {}
  exceeded(): void {}
  kill(): void {}

  serve({ answer }: Parameters<Servant["serve"]>[0]): ReturnType<Servant["serve"]> {
    answer.respond({ status: 200, headers: [] });
    answer.end([]);
    return Promise.resolve({ kind: "answered", reusable: true });
  }

  close(): void {
    this.closed = true;
  }
}

test("ServingRun: a servant that was found to be worn while it was idle is replaced", async () => {
  const servants: FakeServant[] = [];
  const handler: Handler = {
    needs: { memories: 0, memories64: 0, heapBytes: 0 },
    memoryBytesMin: 0,
    requestsPerServant: Number.POSITIVE_INFINITY,
    servant: () => {
      const servant = new FakeServant();
      servants.push(servant);
      return servant;
    },
  };
  const { queue, account, pot, serving } = handlerParts();
  const run = new ServingRun({
    handler,
    serving,
    fuelMax: undefined,
    queue,
    account,
    pot,
    clock: new FakeClock(),
    reserve: () => Promise.resolve({ hold: () => {}, grow: () => true, close: () => {} }),
    note: () => {},
    bug: (thrown) => expect.unreachable(String(thrown)),
  });
  const ask = async () => {
    const exchange = new FakeExchange();
    run.accept(exchange);
    expect(await exchange.ended).toMatchObject({ kind: "answered" });
    // Its place is free by then.
    await new Promise(setImmediate);
  };
  await ask();
  await ask();
  expect(servants.length).toBe(1);
  for (const servant of servants) servant.worn = true;
  await ask();
  expect(servants.map(({ closed }) => closed)).toEqual([true, false]);
  run.drain();
  await run.ended();
});
