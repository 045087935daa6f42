import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { guests } from "../test-guests.ts";
import type { FakeExchange } from "./fake-exchange.ts";
import { TestService } from "./test-service.ts";

const head = "Content-Type: text/plain\n\n";
const page = guests.hello(`${head}hi`);
const echo = guests.cgiEchoes(head);
const pages = (count: number) => count * 65_536;
const streaming = { method: "POST", bodyLength: undefined } as const;

/** A request that is being served: its guest has printed its head and waits for more. */
async function under(service: TestService): Promise<FakeExchange> {
  const exchange = await service.open(streaming);
  exchange.listener?.data(Buffer.from("x"));
  await exchange.until(() => exchange.text === "x");
  return exchange;
}

describe("ServingRun: queue", () => {
  test("so many are served at once, so many wait, and those beyond are refused as not begun", async () => {
    await using service = new TestService(echo, { serving: { concurrency: 2, queueMax: 2 } });
    const served = [await under(service), await under(service)];
    const waiting = [await service.open(streaming), await service.open(streaming)];
    const refused = await service.ask(streaming);
    expect(await refused.ended).toMatchObject({ kind: "refused", reason: "full", retryAfterMs: 1_000 });
    for (const exchange of [...served, ...waiting]) exchange.send("y");
    for (const exchange of served) {
      expect(await exchange.ended).toMatchObject({ kind: "answered" });
      expect(exchange.text).toBe("xy");
    }
    for (const exchange of waiting) {
      expect(await exchange.ended).toMatchObject({ kind: "answered" });
      expect(exchange.text).toBe("y");
    }
  });

  test("without a queue whoever finds no place is refused, and finds one later", async () => {
    await using service = new TestService(echo, { serving: { concurrency: 1, queueMax: 0 } });
    const first = await under(service);
    expect(await (await service.ask({}, "y")).ended).toMatchObject({ reason: "full" });
    first.send();
    await first.ended;
    expect((await service.ask({}, "y")).text).toBe("y");
  });

  test("one that is cancelled while it waits leaves its place to another", async () => {
    await using service = new TestService(echo, { serving: { concurrency: 1, queueMax: 1 } });
    const first = await under(service);
    const second = await service.open(streaming);
    second.listener?.cancelled();
    const third = await service.open(streaming);
    third.send("z");
    first.send();
    expect(await third.ended).toMatchObject({ kind: "answered" });
    expect(second.response).toBeUndefined();
  });

  test("a guest whose caller has gone is killed, whatever it does", async () => {
    for (const module of [guests.spins(), guests.printsForEver(head), guests.sleeps(3_600_000)]) {
      await using service = new TestService(module, { serving: { concurrency: 1, queueMax: 1 } });
      const gone = await service.open({ path: "/gone" });
      const next = await service.open({ path: "/next" });
      await new Promise((resolve) => setImmediate(resolve));
      gone.listener?.cancelled();
      next.listener?.cancelled();
      // Its place is free, so the end comes by itself.
      service.instance.stop(3_600_000);
      expect(await service.end).toEqual({ kind: "stopped" });
    }
  });
});

describe("ServingRun: deadlines", () => {
  test("the run's own, the caller's if that is less, waiting included", async () => {
    const clock = new FakeClock();
    await using service = new TestService(echo, {
      clock,
      serving: { concurrency: 1, queueMax: 4, timeoutMs: 1_000, idleTimeoutMs: 1_000 },
    });
    const served = await under(service);
    const impatient = await service.open({ ...streaming, timeoutMs: 400 });
    const waiting = await service.open({ ...streaming, timeoutMs: 60_000 });
    clock.advance(400);
    expect(await impatient.ended).toMatchObject({
      kind: "failed",
      reason: "timeout",
      message: expect.stringContaining("never begun"),
    });
    clock.advance(600);
    const late = (message: string) => ({
      kind: "failed",
      reason: "timeout",
      message: expect.stringContaining(message),
    });
    expect(await served.ended).toMatchObject(late("for 1000 ms"));
    expect(await waiting.ended).toMatchObject(late("within 1000 ms"));
    expect((await service.ask({}, "y")).text).toBe("y");
    // Of those that were begun only.
    service.instance.stop(0);
    await service.end;
    expect(service.logged().match(/timeout: /g)).toHaveLength(1);
  });

  test("an answer that has begun lasts as long as something of it comes, and is broken off when nothing does", async () => {
    const clock = new FakeClock();
    const [timeoutMs, idleTimeoutMs] = [1_000, 500];
    await using service = new TestService(echo, { clock, serving: { timeoutMs, idleTimeoutMs } });
    const served = await under(service);
    for (let i = 0; i < 5; i++) {
      clock.advance(400);
      served.listener?.data(Buffer.from("x"));
      await served.until(() => served.text.length === i + 2);
    }
    let isOver = false;
    void served.ended.then(() => (isOver = true));
    clock.advance(499);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    clock.advance(1);
    expect(await served.ended).toMatchObject({
      kind: "failed",
      reason: "timeout",
      message: expect.stringContaining("has come for 500 ms"),
    });
  });

  test("its caller's limit is for all of an answer", async () => {
    const clock = new FakeClock();
    await using service = new TestService(echo, { clock, serving: { timeoutMs: 5_000 } });
    const served = await service.open({ ...streaming, timeoutMs: 400 });
    await served.until(() => served.response !== undefined);
    clock.advance(300);
    served.listener?.data(Buffer.from("x"));
    clock.advance(100);
    expect(await served.ended).toMatchObject({
      reason: "timeout",
      message: expect.stringContaining("within 400 ms, which is what its caller had left"),
    });
  });

  test("one that is answered in time is not told of", async () => {
    const clock = new FakeClock();
    await using service = new TestService(page, { clock, serving: { timeoutMs: 1_000 } });
    const exchange = await service.ask();
    clock.advance(2_000);
    expect(await exchange.ended).toMatchObject({ kind: "answered" });
  });
});

describe("ServingRun: bodies", () => {
  test("a body that says that it is too large is not begun", async () => {
    await using service = new TestService(echo, { serving: { bodyBytesMax: 10 } });
    const exchange = await service.ask({ method: "POST", bodyLength: 11 });
    expect(await exchange.ended).toMatchObject({ kind: "failed", reason: "tooLarge" });
  });

  test("one that becomes too large is broken off, and its guest is killed", async () => {
    await using service = new TestService(echo, {
      serving: { concurrency: 1, queueMax: 0, bodyBytesMax: 10 },
    });
    const exchange = await under(service);
    exchange.listener?.data(Buffer.from("x".repeat(10)));
    expect(await exchange.ended).toMatchObject({ kind: "failed", reason: "tooLarge" });
    service.instance.stop(3_600_000);
    expect(await service.end).toEqual({ kind: "stopped" });
  });

  test("what the guest has not read yet is not asked for", async () => {
    await using service = new TestService(guests.printsThenSleeps(head, 3_600_000));
    const exchange = await service.open(streaming);
    exchange.listener?.data(Buffer.alloc(1_000));
    await exchange.until(() => exchange.response !== undefined);
    expect(exchange.consumedBytes).toBe(0);
    exchange.listener?.cancelled();
    expect(exchange.consumedBytes).toBe(1_000);
  });

  test("a caller that takes nothing suspends its guest, and what was printed before is not lost", async () => {
    await using service = new TestService(echo);
    const body = "0123456789".repeat(10_000);
    const exchange = await service.open({ method: "POST", bodyLength: body.length }, { windowBytes: 10_000 });
    exchange.send(body);
    await exchange.until(() => exchange.text.length >= 10_000);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    // What the window had room for, and one piece on top.
    expect(exchange.text.length).toBeLessThan(10_000 + 17_000);
    const taking = setInterval(() => exchange.take(), 1);
    expect(await exchange.ended).toMatchObject({ kind: "answered" });
    clearInterval(taking);
    expect(exchange.text).toBe(body);
  });
});

describe("ServingRun: memory of all requests together", () => {
  test("one may have what is left, and no page more", async () => {
    await using service = new TestService(guests.growsThenReads(10), {
      spec: { memoryBytesMax: pages(30) },
      serving: { concurrency: 4 },
    });
    // 1 and 10 each, and four times 1 that each place has from its start.
    const statuses: number[] = [];
    const open: FakeExchange[] = [];
    for (let i = 0; i < 4; i++) {
      const exchange = await service.open(streaming);
      await exchange.until(() => exchange.response !== undefined);
      statuses.push(exchange.response?.status ?? 0);
      open.push(exchange);
    }
    expect(statuses).toEqual([200, 200, 507, 507]);
    expect(service.instance.memoryBytes).toBeGreaterThan(pages(24));
    expect(service.instance.memoryBytes).toBeLessThanOrEqual(pages(30));
    open[0]?.send();
    await open[0]?.ended;
    const again = await service.open(streaming);
    await again.until(() => again.response !== undefined);
    expect(again.response?.status).toBe(200);
  });

  test("who finds no memory to start with waits for it", async () => {
    await using service = new TestService(echo, {
      // And their stacks.
      spec: { memoryBytesMax: pages(2) + 8_192 },
      serving: { concurrency: 4, queueMax: 4 },
    });
    const served = [await under(service), await under(service)];
    const waiting = await service.open(streaming);
    waiting.send("z");
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.response).toBeUndefined();
    served[0]?.send();
    expect(await waiting.ended).toMatchObject({ kind: "answered" });
    expect(service.instance.memoryBytes).toBeLessThanOrEqual(pages(2) + 8_192);
  });

  test("a module that needs more than the limit is refused", async () => {
    await using service = new TestService(guests.needsPages(5), { spec: { memoryBytesMax: pages(4) } });
    expect(await service.end).toMatchObject({ kind: "refused", reason: "MemoryLimitTooSmall" });
  });
});

describe("ServingRun: what the process has", () => {
  test("no room for a first place: the run is refused, to be tried elsewhere", async () => {
    await using service = new TestService(page, { instancesMax: 1 });
    expect(await service.end).toMatchObject({ kind: "refused", reason: "ShimFull", retryable: true });
  });

  test("no room for another: who comes waits for the one that there is", async () => {
    await using service = new TestService(echo, {
      instancesMax: 2,
      serving: { concurrency: 4, queueMax: 4 },
    });
    const first = await under(service);
    const second = await service.open(streaming);
    second.send("y");
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(second.response).toBeUndefined();
    first.send();
    expect(await second.ended).toMatchObject({ kind: "answered" });
    expect(service.budget.instances).toBe(2);
  });

  test("everything is given back in the end", async () => {
    const service = new TestService(echo, { serving: { concurrency: 4 } });
    const open = await Promise.all([under(service), under(service), under(service)]);
    expect(service.budget.instances).toBe(4);
    service.instance.stop(0);
    for (const exchange of open) {
      expect(await exchange.ended).toMatchObject({ kind: "failed", reason: "stopped" });
    }
    expect(await service.end).toEqual({ kind: "stopped" });
    expect(service.budget.instances).toBe(0);
    await service[Symbol.asyncDispose]();
  });

  test("places that nobody needs are closed, but for one", async () => {
    const clock = new FakeClock();
    await using service = new TestService(echo, { clock, serving: { concurrency: 4 } });
    const open = await Promise.all([under(service), under(service), under(service)]);
    for (const exchange of open) exchange.send();
    for (const exchange of open) await exchange.ended;
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(service.budget.instances).toBe(4);
    expect(service.instance.memoryBytes).toBe(pages(3));
    clock.advance(20_000);
    expect(service.budget.instances).toBe(2);
    // What it starts with is its all the same.
    expect(service.instance.memoryBytes).toBe(pages(1));
    expect((await service.ask({}, "y")).text).toBe("y");
  });
});

describe("ServingRun: its end", () => {
  test("draining: who is there is served, who waits as well, and who comes is refused", async () => {
    await using service = new TestService(echo, { serving: { concurrency: 1, queueMax: 4 } });
    const served = await under(service);
    const waiting = await service.open(streaming);
    service.instance.stop(60_000);
    expect(await (await service.ask()).ended).toMatchObject({ kind: "refused", reason: "draining" });
    served.send();
    waiting.send("y");
    expect(await served.ended).toMatchObject({ kind: "answered" });
    expect(await waiting.ended).toMatchObject({ kind: "answered" });
    expect(await service.end).toEqual({ kind: "stopped" });
  });

  test("at once: who waits was not begun, who is served is broken off", async () => {
    await using service = new TestService(echo, { serving: { concurrency: 1, queueMax: 4 } });
    const served = await under(service);
    const waiting = await service.open(streaming);
    service.instance.stop(0);
    expect(await served.ended).toMatchObject({ kind: "failed", reason: "stopped" });
    expect(await waiting.ended).toMatchObject({ kind: "refused", reason: "draining" });
    expect(await service.end).toEqual({ kind: "stopped" });
  });

  test("the usage is that of all requests", async () => {
    await using service = new TestService(page);
    const first = await service.ask();
    const end = await first.ended;
    const each = end.kind === "answered" ? (end.end.usage?.fuel ?? 0) : 0;
    expect(each).toBeGreaterThan(0);
    for (let i = 0; i < 9; i++) await service.ask();
    expect(service.instance.takeUsage().fuel).toBe(10 * each);
  });

  test("what fails is in the log of the run", async () => {
    const service = new TestService(guests.traps());
    await service.ask({ path: "/a\u0007b" });
    service.instance.stop(0);
    await service.end;
    const log = readFileSync(join(service.folder, "logs/current.log"), "utf8");
    expect(log).toContain("stderr F GET /a?b: trapped: trap: unreachable\n");
    expect(log).toContain("    at innermost [1]\n");
    await service[Symbol.asyncDispose]();
  });
});
