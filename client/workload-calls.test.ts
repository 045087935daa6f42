import { expect, test } from "vitest";
import type { CallTicket } from "../api/call-ticket.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import type { CallRequest } from "../proto/functions/messages.ts";
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";
import type { CallAnswer } from "./pending-call.ts";
import { FakeGateways, ticketFor, unavailable } from "./testing/fake-gateways.ts";
import { WorkloadCalls } from "./workload-calls.ts";

type Ticket = CallTicket["status"];

interface Setup {
  readonly addresses?: readonly string[];
  readonly inFlightMax?: number;
  readonly ticket?: (signal: AbortSignal) => Promise<Ticket>;
}

class Client {
  readonly clock = new FakeClock();
  readonly gateways = new FakeGateways();
  readonly calls: WorkloadCalls;
  tickets = 0;

  constructor({ addresses = ["a"], inFlightMax = 256, ticket }: Setup = {}) {
    this.calls = new WorkloadCalls({
      connect: this.gateways.connect,
      inFlightMax,
      clock: this.clock,
      background: this.clock,
      ticket: (signal) => {
        this.tickets++;
        const token = `t${this.tickets}`;
        return ticket?.(signal) ?? Promise.resolve(ticketFor(addresses, this.clock.now(), { token }));
      },
    });
  }

  call(more: Partial<CallRequest> = {}, signal?: AbortSignal): Outcome {
    const input = Buffer.from("x");
    const common = { function: "f", input, fuel: 0, memoryBytes: 0, timeoutMs: 0, seed: undefined };
    return new Outcome(this.calls.call({ ...common, ...more }, signal));
  }

  /** What was promised in the meantime has happened, too. */
  async passes(ms: number): Promise<void> {
    const stepMs = 50;
    for (let left = ms; left > 0; left -= stepMs) {
      await settled();
      this.clock.advance(Math.min(left, stepMs));
    }
    await settled();
  }
}

/** What its caller knows of a call. */
class Outcome {
  answer: CallAnswer | undefined;
  error: FunctionCallError | undefined;
  thrown: unknown;

  constructor(promise: Promise<CallAnswer>) {
    promise.then(
      (answer) => (this.answer = answer),
      (thrown: unknown) => {
        this.thrown = thrown;
        if (thrown instanceof FunctionCallError) this.error = thrown;
      },
    );
  }

  get text(): string | undefined {
    return this.answer?.output.toString();
  }

  get isOver(): boolean {
    return this.answer !== undefined || this.thrown !== undefined;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("WorkloadCalls: each call gets its own answer, in whatever order they come", async () => {
  const client = new Client();
  const [one, two] = [client.call({ input: Buffer.from("1") }), client.call({ input: Buffer.from("2") })];
  await settled();
  const { last } = client.gateways;
  expect(last.requests.map(({ id }) => id)).toEqual([1, 2]);
  last.answer(2);
  last.answer(1);
  await settled();
  expect([one.text, two.text]).toEqual(["1", "2"]);
  expect(client.tickets).toBe(1);
});

test("WorkloadCalls: an answer that nobody has asked for, or a second one, changes nothing", async () => {
  const client = new Client();
  const call = client.call();
  await settled();
  client.gateways.last.answer(7);
  client.gateways.last.answer(1);
  client.gateways.last.fail(1, "Trapped");
  await settled();
  expect(call.text).toBe("x");
});

test("WorkloadCalls: sends as many as may be under way, the next ones as answers come", async () => {
  const client = new Client({ inFlightMax: 2 });
  const calls = Array.from({ length: 5 }, () => client.call());
  await settled();
  const { last } = client.gateways;
  expect(last.requests.length).toBe(2);
  while (calls.some(({ isOver }) => !isOver)) {
    expect(last.requests.length).toBeLessThanOrEqual(2);
    last.answerAll();
    await settled();
  }
  expect(calls.map(({ text }) => text)).toEqual(Array.from({ length: 5 }, () => "x"));
});

test("WorkloadCalls: waits while the stream has no room", async () => {
  const client = new Client();
  client.call();
  await settled();
  const { last } = client.gateways;
  last.hasRoom = false;
  client.call();
  await settled();
  expect(last.requests.length).toBe(1);
  last.drain();
  expect(last.requests.length).toBe(2);
});

test("WorkloadCalls: refuses what is more than may wait", async () => {
  const client = new Client({ ticket: () => new Promise(() => {}) });
  for (let i = 0; i < clientLimits.waiting; i++) client.call();
  const beyond = client.call();
  await settled();
  expect(beyond.error).toMatchObject({ reason: "Full", notBegun: true });
});

test("WorkloadCalls: goes to the next gateway when one refuses or is silent", async () => {
  const client = new Client({ addresses: ["refuses", "silent", "good"] });
  client.gateways.set("refuses", "refuses");
  client.gateways.set("silent", "silent");
  const call = client.call();
  await client.passes(clientLimits.connectMs);
  expect(client.gateways.tried).toEqual(["refuses", "silent", "good"]);
  client.gateways.last.answerAll();
  await settled();
  expect(call.text).toBe("x");
});

test("WorkloadCalls: does not ask a silent gateway again before others, until some time has passed", async () => {
  const client = new Client({ addresses: ["silent", "good"] });
  client.gateways.set("silent", "silent");
  client.call();
  await client.passes(clientLimits.connectMs);
  client.gateways.last.answerAll();
  client.gateways.last.leave();
  client.call();
  await settled();
  expect(client.gateways.tried).toEqual(["silent", "good", "good"]);
  client.gateways.last.answerAll();
  client.gateways.last.leave();
  await client.passes(clientLimits.shunMs);
  client.call();
  await settled();
  expect(client.gateways.tried.at(-1)).toBe("silent");
});

test("WorkloadCalls: a gateway that breaks off loses what was under way there, and the next calls go elsewhere", async () => {
  const client = new Client({ addresses: ["a", "b"], inFlightMax: 1 });
  const [lost, waiting] = [client.call(), client.call()];
  await settled();
  client.gateways.last.close(unavailable("reset"));
  await settled();
  expect(lost.error).toMatchObject({ reason: "Lost", notBegun: false });
  expect(client.gateways.tried).toEqual(["a", "b"]);
  client.gateways.last.answerAll();
  await settled();
  expect(waiting.text).toBe("x");
});

test("WorkloadCalls: a gateway that leaves answers what it has, and new calls go on a new stream", async () => {
  const client = new Client();
  const first = client.call();
  await settled();
  const old = client.gateways.last;
  old.leave();
  const second = client.call();
  await settled();
  expect([old.requests.length, client.gateways.last.requests.length]).toEqual([1, 1]);
  old.answerAll();
  old.close();
  client.gateways.last.answerAll();
  await settled();
  expect([first.text, second.text]).toEqual(["x", "x"]);
});

test("WorkloadCalls: when no gateway takes calls, those that wait are told in the end, and the next one begins anew", async () => {
  const client = new Client({ addresses: ["a", "b"] });
  for (const address of ["a", "b"]) client.gateways.set(address, "refuses");
  const call = client.call();
  await client.passes(clientLimits.openMs);
  expect(call.error).toMatchObject({
    reason: "Unavailable",
    notBegun: true,
    message: expect.stringContaining("b refuses"),
  });
  const { connectMs } = clientLimits;
  expect(client.gateways.tried.slice(0, 6)).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(client.gateways.patience.slice(0, 6)).toEqual([1, 1, 2, 2, 4, 4].map((times) => times * connectMs));
  expect(client.tickets).toBe(client.gateways.tried.length / 2);
  client.gateways.set("b", "accepts");
  const later = client.call();
  await settled();
  client.gateways.last.answerAll();
  await settled();
  expect(later.text).toBe("x");
});

test("WorkloadCalls: gateways that do not take the ticket may not have the keys yet, and are asked a few times", async () => {
  const client = new Client();
  client.gateways.set("a", "does not know");
  const call = client.call();
  await client.passes(1_500);
  client.gateways.set("a", "accepts");
  await client.passes(1_600);
  client.gateways.last.answerAll();
  await settled();
  expect(call.text).toBe("x");
  client.gateways.last.leave();
  client.gateways.set("a", "does not know");
  const tried = client.gateways.tried.length;
  const refused = client.call();
  await client.passes(5_000);
  expect(refused.error).toMatchObject({ reason: "Unauthenticated", notBegun: true });
  expect(client.gateways.tried.length - tried).toBe(clientLimits.refusals);
});

test.each([
  { name: "gateways never answer", setup: { addresses: ["a", "b", "c", "d", "e", "f", "g", "h"] } },
  { name: "the API server never answers", setup: { ticket: () => new Promise<Ticket>(() => {}) } },
])("WorkloadCalls: ends in time when $name", async ({ setup }) => {
  const client = new Client(setup);
  for (const address of "abcdefgh") client.gateways.set(address, "silent");
  const call = client.call();
  await client.passes(clientLimits.openMs - 100);
  expect(call.isOver).toBe(false);
  await client.passes(100);
  expect(call.error).toMatchObject({ reason: "Unavailable", notBegun: true });
});

test("WorkloadCalls: a refused ticket is not asked for again", async () => {
  const client = new Client({ ticket: () => Promise.reject(new FunctionCallError("Refused", "no", true)) });
  const call = client.call();
  await settled();
  expect(call.error?.reason).toBe("Refused");
  expect(client.tickets).toBe(1);
});

test.each([
  { name: "nothing", ticket: undefined },
  { name: "null", ticket: null },
  { name: "no time", ticket: { ...ticketFor(["a"], 0), expirationTimestamp: "soon" } },
  { name: "no list of gateways", ticket: { ...ticketFor(["a"], 0), endpoints: "a" } },
  { name: "a gateway without an address", ticket: { ...ticketFor([], 0), endpoints: [{ node: "a" }] } },
])("WorkloadCalls: a ticket with $name is none", async ({ ticket }) => {
  const client = new Client({ ticket: () => Promise.resolve(ticket as unknown as Ticket) });
  const call = client.call();
  await client.passes(clientLimits.openMs);
  expect(call.error?.message).toMatch("the ticket cannot be read");
  expect(client.gateways.tried).toEqual([]);
});

test("WorkloadCalls: a call whose time is over before it was sent has not begun; later nobody knows", async () => {
  const client = new Client({ inFlightMax: 1 });
  const sent = client.call({ timeoutMs: 1_000 });
  const waiting = client.call({ timeoutMs: 1_000 });
  await client.passes(1_000);
  expect(waiting.error).toMatchObject({ reason: "Timeout", notBegun: true });
  expect(sent.isOver).toBe(false);
  await client.passes(clientLimits.graceMs);
  expect(sent.error).toMatchObject({ reason: "Timeout", notBegun: false });
});

test("WorkloadCalls: a gateway is told what is left of a call's time", async () => {
  const client = new Client({ inFlightMax: 1 });
  client.call();
  client.call({ timeoutMs: 1_000 });
  await client.passes(400);
  client.gateways.last.answerAll();
  expect(client.gateways.last.requests.map(({ timeoutMs }) => timeoutMs)).toEqual([600]);
});

test("WorkloadCalls: the signal of a call ends it alone, whether it waits or is under way", async () => {
  const client = new Client({ inFlightMax: 1 });
  const controller = new AbortController();
  const sent = client.call({}, controller.signal);
  const waiting = client.call({}, controller.signal);
  const other = client.call();
  await settled();
  controller.abort(new Error("enough"));
  await settled();
  expect([sent.thrown, waiting.thrown]).toEqual([new Error("enough"), new Error("enough")]);
  client.gateways.last.answerAll();
  await settled();
  client.gateways.last.answerAll();
  await settled();
  expect(other.text).toBe("x");
  expect(client.call({}, controller.signal).isOver || (await settled(), true)).toBe(true);
});

test("WorkloadCalls: where queues are full it tries again, with fewer under way", async () => {
  const client = new Client({ inFlightMax: 64 });
  const calls = Array.from({ length: 64 }, () => client.call());
  await settled();
  const { last } = client.gateways;
  for (const { id } of last.requests.splice(0)) last.fail(id, "QueueFull");
  await client.passes(clientLimits.fullPauseMs);
  expect(last.requests.length).toBe(32);
  while (last.requests.length > 0) last.answerAll();
  await settled();
  expect(calls.every(({ text }) => text === "x")).toBe(true);
});

test("WorkloadCalls: a queue that stays full is an error in the end", async () => {
  const client = new Client();
  const call = client.call();
  for (let i = 0; i <= clientLimits.fullAttempts; i++) {
    await client.passes(clientLimits.fullPauseMs);
    const { requests } = client.gateways.last;
    for (const { id } of requests.splice(0)) client.gateways.last.fail(id, "QueueFull");
  }
  await settled();
  expect(call.error).toMatchObject({ reason: "QueueFull", notBegun: true });
});

test("WorkloadCalls: renews the ticket before it ends, and what is under way is answered on the stream before", async () => {
  const client = new Client();
  const call = client.call();
  await settled();
  const old = client.gateways.last;
  await client.passes(481_000);
  expect(client.gateways.streams.map(({ token }) => token)).toEqual(["t1", "t2"]);
  expect(old.isLeft).toBe(true);
  old.answerAll();
  await settled();
  expect(call.text).toBe("x");
});

test("WorkloadCalls: an idle client lets its stream go instead", async () => {
  const client = new Client();
  client.call();
  await settled();
  client.gateways.last.answerAll();
  await client.passes(481_000);
  expect(client.tickets).toBe(1);
  expect(client.gateways.last.isLeft).toBe(true);
});

test("WorkloadCalls: when a ticket cannot be renewed, calls go on with the one before, and it is tried again", async () => {
  let isAway = false;
  const client: Client = new Client({
    ticket: () =>
      isAway ? Promise.reject(unavailable("away")) : Promise.resolve(ticketFor(["a"], client.clock.now())),
  });
  client.call();
  await settled();
  isAway = true;
  await client.passes(490_000);
  const call = client.call();
  expect(client.gateways.streams.length).toBe(1);
  isAway = false;
  await client.passes(2 * clientLimits.renewMsMin);
  expect(client.gateways.streams.length).toBe(2);
  client.gateways.streams[0]?.answerAll();
  await settled();
  expect(call.text).toBe("x");
});

test("WorkloadCalls: what an ended ticket has stopped is sent again with a new one, once", async () => {
  const client = new Client();
  const call = client.call();
  await settled();
  client.gateways.last.fail(1, "TicketExpired");
  await settled();
  expect(client.gateways.last.token).toBe("t2");
  client.gateways.last.fail(2, "TicketExpired");
  await settled();
  expect(call.error?.reason).toBe("TicketExpired");
});

test.each(["waits for a ticket", "waits for a gateway", "pauses", "is under way"])(
  "WorkloadCalls: close: tells a call that %s, and nothing goes on",
  async (state) => {
    const isAway = state === "waits for a ticket";
    const client = new Client(isAway ? { ticket: () => new Promise(() => {}) } : {});
    if (state === "waits for a gateway") client.gateways.set("a", "silent");
    if (state === "pauses") client.gateways.set("a", "refuses");
    const call = client.call();
    await settled();
    client.calls.close();
    await settled();
    expect(call.error?.reason).toBe(state === "is under way" ? "Lost" : "Closed");
    const tried = client.gateways.tried.length;
    await client.passes(5_000);
    expect(client.gateways.tried.length).toBe(tried);
    const after = client.call();
    await settled();
    expect(after.error?.reason).toBe("Closed");
  },
);
