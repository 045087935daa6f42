import { describe, expect, test } from "vitest";
import { handlers, hostileHandlers } from "../../components/test-handlers.ts";
import { components } from "../../components/test-components.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { Refusal } from "../refusal.ts";
import { ComponentHandler } from "./component-handler.ts";
import { FakeExchange } from "./fake-exchange.ts";
import type { HandlerParts, Servant } from "./handler.ts";
import { ServingRun } from "./serving-run.ts";
import { type FakeAnswer, handlerParts, loadComponent, requestOf, serve } from "./test-requests.ts";
import type { RunSpec } from "../../runtimes/runtime-driver.ts";

const pageBytes = 65_536;

async function servantOf(binary: Promise<Uint8Array>, spec: Partial<RunSpec> = {}) {
  const parts = handlerParts(spec);
  const bugs: unknown[] = [];
  const handler = new ComponentHandler(parts, await loadComponent(await binary));
  const servant = handler.servant({ bug: (error) => bugs.push(error), needHeap: () => true });
  parts.pot.add(servant, handler.memoryBytesMin);
  return { parts, handler, servant, bugs };
}

const textOf = (answer: FakeAnswer) => answer.written.toString();

async function answered(parts: HandlerParts, servant: Servant): Promise<string> {
  const request = requestOf();
  expect(await serve(parts, servant, request)).toEqual({ kind: "answered", reusable: true });
  return textOf(request.answer);
}

describe("ComponentServant: answers", () => {
  test("a request, and the ones after it, with the same instance", async () => {
    const { parts, servant, bugs } = await servantOf(handlers.hello());
    const request = requestOf({ method: "GET", path: "/a?b=c", headers: ["accept", "*/*"] });
    expect(await serve(parts, servant, request)).toEqual({ kind: "answered", reusable: true });
    const { answer } = request;
    expect(answer.head).toEqual({ status: 200, headers: ["content-type", "text/plain"] });
    expect(textOf(answer)).toBe("Hello, world!\n");
    expect(answer.trailers).toEqual([]);
    const before = servant.memoryBytes;
    for (let i = 0; i < 200; i++) expect(await answered(parts, servant)).toBe("Hello, world!\n");
    expect(servant.memoryBytes).toBe(before);
    servant.close();
    expect(bugs).toEqual([]);
  });

  test("a body that comes in pieces and goes out in pieces", async () => {
    const { parts, servant } = await servantOf(handlers.echoes());
    const request = requestOf({ method: "POST", bodyLength: undefined });
    const { body, answer } = request;
    body.ended = false;
    answer.room = 3;
    const serving = serve(parts, servant, request);
    body.feed("first ");
    while (answer.written.byteLength < 3) await new Promise(setImmediate);
    expect(answer.ended).toBe(false);
    body.feed("second");
    body.ended = true;
    body.wakeAll();
    answer.room = 1_000_000;
    answer.wakeAll();
    expect(await serving).toEqual({ kind: "answered", reusable: true });
    expect(textOf(answer)).toBe("first second");
  });

  test("HEAD, and a status without a body, with none", async () => {
    const { parts, servant } = await servantOf(handlers.hello());
    const request = requestOf({ method: "HEAD" });
    expect(await serve(parts, servant, request)).toEqual({ kind: "answered", reusable: true });
    expect(request.answer.written.byteLength).toBe(0);
    const empty = await servantOf(handlers.status(204));
    const other = requestOf();
    expect(await serve(empty.parts, empty.servant, other)).toEqual({ kind: "answered", reusable: true });
    expect(other.answer.head).toEqual({ status: 204, headers: [] });
  });

  test("with an error code as with a status that says it", async () => {
    // HTTP-request-denied
    const { parts, servant } = await servantOf(handlers.refuses(15));
    const request = requestOf();
    expect(await serve(parts, servant, request)).toEqual({ kind: "answered", reusable: true });
    expect(request.answer.head?.status).toBe(403);
    expect(textOf(request.answer)).toBe("the handler answers with the error HTTP-request-denied\n");
  });

  test("after a sleep", async () => {
    const { parts, servant } = await servantOf(handlers.sleeps(5));
    expect(await answered(parts, servant)).toBe("Hello, world!\n");
    expect(await answered(parts, servant)).toBe("Hello, world!\n");
  });

  test("the same whether its calls have tasks around them or not", async () => {
    const { parts, servant } = await servantOf(handlers.trapsAt(3));
    expect(await answered(parts, servant)).toBe("Hello, world!\n");
    expect(await answered(parts, servant)).toBe("Hello, world!\n");
    expect(await serve(parts, servant, requestOf())).toMatchObject({ kind: "failed", reason: "trapped" });
  });
});

describe("ComponentServant: does not answer", () => {
  const table: readonly {
    readonly name: string;
    readonly component: () => Promise<Uint8Array>;
    readonly spec?: Partial<RunSpec>;
    readonly fuelMax?: number;
    readonly failed: { readonly reason: string; readonly message: unknown };
  }[] = [
    {
      name: "when it traps",
      component: () => handlers.trapsAt(1),
      failed: { reason: "trapped", message: expect.stringContaining("unreachable") },
    },
    {
      name: "when it returns without a word",
      component: () => handlers.answersNothing(),
      failed: { reason: "invalid", message: expect.stringContaining("without an answer") },
    },
    {
      name: "when it does not finish its body",
      component: () => handlers.doesNotFinish(),
      failed: { reason: "invalid", message: expect.stringContaining("outgoing-body.finish") },
    },
    {
      name: "when its fuel is spent",
      component: () => handlers.spins(),
      fuelMax: 1_000_000,
      failed: { reason: "exhausted", message: expect.stringContaining("fuel") },
    },
    {
      name: "when it grows beyond what all may have",
      component: () => handlers.grows(64),
      spec: { memoryBytesMax: 16 * pageBytes },
      failed: { reason: "trapped", message: expect.stringContaining("unreachable") },
    },
  ];
  test.each(table)("$name", async ({ component, spec, fuelMax, failed }) => {
    const { parts, servant, bugs } = await servantOf(component(), spec);
    expect(await serve(parts, servant, { ...requestOf(), fuelMax })).toMatchObject({
      kind: "failed",
      ...failed,
    });
    servant.close();
    expect(bugs).toEqual([]);
  });

  test("when it is killed: in a loop, asleep, and while its answer waits for room", async () => {
    for (const component of [handlers.spins(), handlers.sleeps(3_600_000), handlers.hello()]) {
      const { parts, servant, bugs } = await servantOf(component);
      const request = requestOf();
      request.answer.room = 1;
      const serving = serve(parts, servant, request);
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      servant.kill();
      expect(await serving).toMatchObject({ kind: "failed" });
      servant.close();
      expect(bugs).toEqual([]);
    }
  });

  test("with more fuel for the next request than was left of the one before", async () => {
    const { parts, servant } = await servantOf(handlers.hello());
    const used = async () => {
      const before = servant.fuelUsed;
      expect(await serve(parts, servant, { ...requestOf(), fuelMax: 100_000 })).toMatchObject({
        kind: "answered",
      });
      return servant.fuelUsed - before;
    };
    await used();
    const each = await used();
    expect(each).toBeGreaterThan(0);
    for (let i = 0; i < 100_000 / each + 10; i++) await used();
  });

  test("for ever, when it leaks a handle with each request: it is replaced before it breaks", async () => {
    const { parts, servant, bugs } = await servantOf(handlers.leaks());
    let served = await serve(parts, servant, requestOf());
    for (let i = 0; served.reusable && i < 5000; i++) served = await serve(parts, servant, requestOf());
    expect(served).toEqual({ kind: "answered", reusable: false });
    expect(bugs).toEqual([]);
  });
});

describe("ComponentHandler", () => {
  test("an instance that answers once and not again: from then on there are fresh ones", async () => {
    const { parts, handler, servant } = await servantOf(handlers.answersOnce());
    expect(await answered(parts, servant)).toBe("Hello, world!\n");
    expect(handler.requestsPerInstance).toBe(1000);
    expect(await serve(parts, servant, requestOf())).toMatchObject({
      kind: "failed",
      reason: "invalid",
      message: expect.stringContaining("from now on each has a fresh one"),
      reusable: false,
    });
    expect(handler.requestsPerInstance).toBe(1);
  });

  test("instances that have answered once by then are asked for nothing more", async () => {
    const { parts, handler, servant } = await servantOf(handlers.answersOnce());
    const other = handler.servant({ bug: () => {}, needHeap: () => true });
    for (const one of [servant, other]) {
      await answered(parts, one);
      expect(one.worn).toBe(false);
    }
    await serve(parts, servant, requestOf());
    expect(other.worn).toBe(true);
  });

  test("an instance that does not answer at all, or only sometimes, changes nothing", async () => {
    const never = await servantOf(handlers.answersNothing());
    expect(await serve(never.parts, never.servant, requestOf())).toMatchObject({ kind: "failed" });
    expect(never.handler.requestsPerInstance).toBe(1000);
  });

  test("refuses a component that is no handler, and says what to do", async () => {
    const loaded = await loadComponent(await components.exits(0));
    expect(() => new ComponentHandler(handlerParts(), loaded)).toThrow(Refusal);
    expect(() => new ComponentHandler(handlerParts(), loaded)).toThrow(/leave http out of the template/);
  });

  test("says what an instance of it takes", async () => {
    const { handler } = await servantOf(handlers.hello());
    expect(handler.memoryBytesMin).toBeGreaterThanOrEqual(4 * pageBytes);
    expect(handler.needs).toMatchObject({ memories: 1, memories64: 0 });
    expect(handler.needs.heapBytes).toBeGreaterThan(50_000);
  });

  test("servants share an account and a pot", async () => {
    const { handler, servant, parts } = await servantOf(handlers.hello());
    const other = handler.servant({ bug: () => {}, needHeap: () => true });
    parts.pot.add(other, handler.memoryBytesMin);
    const [first, second] = [requestOf(), requestOf()];
    await Promise.all([serve(parts, servant, first), serve(parts, other, second)]);
    expect([textOf(first.answer), textOf(second.answer)]).toEqual(["Hello, world!\n", "Hello, world!\n"]);
    expect(parts.account.usedMs).toBeGreaterThan(0);
  });
});

describe("ComponentServant: a hostile guest", () => {
  const traps: readonly { readonly name: keyof typeof hostileHandlers; readonly says: string }[] = [
    { name: "usesWhatItDropped", says: "has no handle" },
    { name: "dropsTwice", says: "unknown handle" },
    { name: "usesWhatItNeverHad", says: "has no handle" },
    { name: "usesANegativeHandle", says: "has no handle" },
    { name: "usesAnotherKind", says: "has no handle" },
    { name: "readsBeyondItsMemory", says: "" },
    { name: "readsFarAway", says: "" },
    { name: "writesFarAway", says: "" },
    { name: "answersTwice", says: "has no handle" },
    { name: "makesFieldsForEver", says: "2048" },
    { name: "makesPollablesForEver", says: "2048" },
    { name: "spinsInRealloc", says: "took too long" },
    { name: "trapsInRealloc", says: "unreachable" },
    { name: "allocatesFarAway", says: "" },
    { name: "blocksInRealloc", says: "what waits" },
    { name: "catchesItsTraps", says: "has no handle" },
  ];
  test.each(traps)("$name: it traps, and its process has no bug", async ({ name, says }) => {
    const { parts, servant, bugs } = await servantOf(hostileHandlers[name]());
    const served = await serve(parts, servant, requestOf());
    expect(served).toMatchObject({ kind: "failed", reason: "trapped", reusable: false });
    expect(served.kind === "failed" ? served.message : "").toContain(says);
    servant.close();
    expect(bugs).toEqual([]);
  });

  test.each(["callsForEver", "writesForEver"] as const)(
    "%s: others have their turn, and a kill ends it",
    async (name) => {
      const { parts, servant, handler, bugs } = await servantOf(hostileHandlers[name]());
      const serving = serve(parts, servant, requestOf());
      const timers = await Promise.race([
        serving,
        new Promise((resolve) => setTimeout(resolve, 20, "a timer")),
      ]);
      expect(timers).toBe("a timer");
      expect(handler.requestsPerInstance).toBe(1000);
      servant.kill();
      expect(await serving).toMatchObject({ kind: "failed" });
      servant.close();
      expect(bugs).toEqual([]);
    },
  );
});

test("ServingRun: requests that wait for nothing need few instances of a component, though there may be many", async () => {
  const parts = handlerParts();
  const handler = new ComponentHandler(parts, await loadComponent(await handlers.hello()));
  const { queue, account, pot } = parts;
  let seats = 0;
  const run = new ServingRun({
    handler,
    serving: { ...parts.serving, concurrency: 16 },
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
    bug: (thrown) => {
      throw thrown;
    },
  });
  const exchanges = Array.from({ length: 16 }, () => new FakeExchange());
  for (const exchange of exchanges) run.accept(exchange);
  for (const exchange of exchanges) expect(await exchange.ended).toMatchObject({ kind: "answered" });
  // One; on a busy machine a slice can be over before the guest is, and there is one or another more.
  expect(seats).toBeLessThan(8);
  run.drain();
  await run.ended();
});
