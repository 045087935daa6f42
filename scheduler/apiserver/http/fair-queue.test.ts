import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { FairQueue, type FairQueueLimits, type Seat } from "./fair-queue.ts";
import type { Flow } from "./turn-queue.ts";

const roomy: FairQueueLimits = {
  seats: 8,
  seatsOfUser: 6,
  seatsOfFlow: 4,
  queuedOfFlow: 20_000,
  queuedOfUser: 40_000,
  queued: 50_000,
  refusals: 1_000,
  refusalIntervalMs: 20,
  refusalsWaiting: 1_000,
  turnMs: 5,
};
/** Of its own for each request, as they have. */
const newSignal = () => new AbortController().signal;
const noisy: Flow = { user: "noisy", agent: "storm/1" };
const quiet: Flow = { user: "quiet", agent: "kubectl/1" };

/** Requests that run until they are told to end; the order in which they begin is kept. */
class Load {
  readonly queue: FairQueue;
  readonly begun: string[] = [];
  readonly refused: unknown[] = [];
  readonly #ends: { readonly name: string; readonly end: () => void }[] = [];

  constructor(limits: Partial<FairQueueLimits> = {}) {
    this.queue = new FairQueue({ ...roomy, ...limits }, new FakeClock());
  }

  send(flow: Flow, name = flow.user, signal: AbortSignal = newSignal()): void {
    const work = () => {
      this.begun.push(name);
      return new Promise<void>((end) => this.#ends.push({ name, end }));
    };
    this.queue.run(flow, work, signal).catch((thrown: unknown) => this.refused.push(thrown));
  }

  /** Ends the oldest that runs, and lets the next begin. */
  async endOne(): Promise<void> {
    this.#ends.shift()?.end();
    await nextTurn();
    await nextTurn();
  }
}

test("FairQueue: ten thousand requests of one client do not delay another's by more than one", async () => {
  const load = new Load();
  for (let i = 0; i < 10_000; i++) load.send(noisy);
  await nextTurn();
  load.send(quiet);
  await nextTurn();
  expect(load.begun).toEqual([...Array<string>(4).fill("noisy"), "quiet"]);
});

test("FairQueue: when all seats are taken, the other client has one of the next two", async () => {
  const load = new Load({ seats: 4 });
  for (let i = 0; i < 10_000; i++) load.send(noisy);
  await nextTurn();
  load.send(quiet);
  await load.endOne();
  await load.endOne();
  expect(load.begun.slice(4)).toContain("quiet");
});

test("FairQueue: whoever calls himself by a thousand names has one turn all the same", async () => {
  const load = new Load({ seats: 2, seatsOfUser: 2 });
  for (let i = 0; i < 1_000; i++) load.send({ user: "noisy", agent: `storm/${i}` });
  await nextTurn();
  for (let i = 0; i < 3; i++) load.send(quiet);
  for (let i = 0; i < 6; i++) await load.endOne();
  expect(load.begun.slice(2)).toEqual(["noisy", "quiet", "noisy", "quiet", "noisy", "quiet"]);
});

test("FairQueue: no user has more than a share of the seats, by however many names", async () => {
  const load = new Load();
  for (let i = 0; i < 100; i++) load.send({ user: "noisy", agent: `storm/${i}` });
  await nextTurn();
  expect([load.queue.running, load.queue.queued]).toEqual([6, 94]);
  load.send(quiet);
  await nextTurn();
  expect(load.begun.at(-1)).toBe("quiet");
});

test.each([
  { name: "of its flow", limits: { queuedOfFlow: 3 }, flows: [noisy] },
  {
    name: "of its user",
    limits: { queuedOfUser: 3 },
    flows: [noisy, { user: "noisy", agent: "other/1" }],
  },
  { name: "of everybody", limits: { queued: 3 }, flows: [noisy, quiet] },
])("FairQueue: too many $name are refused with 429 and when to come again", async ({ limits, flows }) => {
  const load = new Load({ seats: 1, seatsOfUser: 1, seatsOfFlow: 1, ...limits });
  load.send(noisy);
  for (let i = 0; i < 10; i++) for (const flow of flows) load.send(flow);
  await nextTurn();
  expect(load.queue.queued).toBe(3);
  expect(load.refused).toHaveLength(10 * flows.length - 3);
  expect(load.refused[0]).toMatchObject({
    code: "TooManyRequests",
    httpCode: 429,
    details: { retryAfterSeconds: 1 },
  });
});

test("FairQueue: who leaves the queue makes room, and is not run", async () => {
  const load = new Load({ seats: 1, seatsOfUser: 1, seatsOfFlow: 1, queuedOfFlow: 1 });
  const leaving = new AbortController();
  load.send(noisy, "first");
  load.send(noisy, "leaves", leaving.signal);
  leaving.abort(new Error("gone"));
  load.send(noisy, "second");
  await load.endOne();
  expect(load.begun).toEqual(["first", "second"]);
  expect(load.refused).toMatchObject([{ message: "gone" }]);
});

test("FairQueue: a seat that is given up is another's, and only once", async () => {
  const load = new Load({ seats: 1, seatsOfUser: 1, seatsOfFlow: 1 });
  let seat: Seat | undefined;
  const slow = load.queue.run(noisy, (own) => ((seat = own), new Promise<void>(() => {})), newSignal());
  load.send(quiet);
  load.send(quiet);
  await nextTurn();
  expect(load.begun).toEqual([]);
  seat?.leave();
  seat?.leave();
  await nextTurn();
  expect(load.begun).toEqual(["quiet"]);
  expect(load.queue.running).toBe(1);
  void slow;
});

test("FairQueue: work that fails gives its seat back", async () => {
  const load = new Load({ seats: 1, seatsOfUser: 1, seatsOfFlow: 1 });
  await expect(load.queue.run(noisy, () => Promise.reject(new Error("no")), newSignal())).rejects.toThrow(
    "no",
  );
  load.send(quiet);
  await nextTurn();
  expect(load.begun).toEqual(["quiet"]);
});
