import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../link/exchange.ts";
import { guests } from "../test-guests.ts";
import { cgiLimits } from "./limits.ts";
import { TestService } from "./test-service.ts";

const type = "Content-Type: text/plain\n";

describe("WAGI: answers", () => {
  const table: readonly {
    readonly name: string;
    readonly prints: string;
    readonly head?: Partial<RequestHead>;
    readonly status: number;
    readonly text: string;
  }[] = [
    { name: "a page", prints: `${type}\nhello`, status: 200, text: "hello" },
    { name: "a status alone", prints: "Status: 404 Not Found\n\n", status: 404, text: "" },
    { name: "a body of its length", prints: `${type}Content-Length: 5\n\nhello`, status: 200, text: "hello" },
    {
      name: "HEAD: no body",
      prints: `${type}Content-Length: 5\n\nhello`,
      head: { method: "HEAD" },
      status: 200,
      text: "",
    },
    {
      name: "HEAD: no body, and none is missed",
      prints: `${type}Content-Length: 5\n\n`,
      head: { method: "HEAD" },
      status: 200,
      text: "",
    },
    { name: "204: what is printed is dropped", prints: "Status: 204\n\nhello", status: 204, text: "" },
    { name: "304: the same", prints: "Status: 304\n\nhello", status: 304, text: "" },
    {
      name: "empty lines in a body are the body's",
      prints: `${type}\n\nStatus: 500\n\n`,
      status: 200,
      text: "\nStatus: 500\n\n",
    },
    {
      name: "a request that no CGI can have",
      prints: `${type}\nhello`,
      head: { path: "/%00" },
      status: 400,
      text: "the request has a NUL in it\n",
    },
  ];
  test.each(table)("$name", async ({ prints, head, status, text }) => {
    await using service = new TestService(guests.hello(prints));
    const exchange = await service.ask(head);
    expect(await exchange.ended).toMatchObject({ kind: "answered" });
    expect(exchange.response?.status).toBe(status);
    expect(exchange.text).toBe(text);
  });

  test("a large body comes whole", async () => {
    const body = "0123456789abcdef".repeat(3_000);
    await using service = new TestService(guests.hello(`${type}\n${body}`));
    const exchange = await service.ask();
    expect(exchange.text).toBe(body);
  });
});

test("WAGI: headers that no environment has room for are refused", async () => {
  await using service = new TestService(guests.hello(`${type}\nhello`));
  const headers = Array.from({ length: 2_000 }, (_, i) => [`x-${i}`, "v".repeat(1_000)]).flat();
  expect((await service.ask({ headers })).response?.status).toBe(431);
  expect((await service.ask()).text).toBe("hello");
});

describe("WAGI: failures before the answer has begun", () => {
  const table: readonly {
    readonly name: string;
    readonly module: Uint8Array;
    readonly reason: string;
    readonly says: string;
  }[] = [
    { name: "a trap", module: guests.traps(), reason: "trapped", says: "trap: unreachable" },
    {
      name: "a stack that is exhausted",
      module: guests.recurses(),
      reason: "trapped",
      says: "the call stack",
    },
    { name: "an exit code", module: guests.exits(3), reason: "trapped", says: "exited with code 3" },
    {
      name: "nothing printed",
      module: guests.needsPages(1),
      reason: "invalid",
      says: "before it had printed headers",
    },
    {
      name: "a head without an end",
      module: guests.hello(type),
      reason: "invalid",
      says: "before it had printed headers",
    },
    {
      name: "no CGI",
      module: guests.hello("hello, world\n\n"),
      reason: "invalid",
      says: '"hello, world" is no header',
    },
    {
      name: "response splitting by a bare CR",
      module: guests.hello(`${type}X: a\rSet-Cookie: b=1\n\n`),
      reason: "invalid",
      says: "control character",
    },
    {
      name: "headers that are too long",
      module: guests.hello("X".repeat(cgiLimits.headBytesMax + 1)),
      reason: "invalid",
      says: "more than 32768 bytes",
    },
    {
      name: "headers without an end",
      module: guests.printsForEver("X-A: b\n"),
      reason: "invalid",
      says: "more than 32768 bytes",
    },
  ];
  test.each(table)("$name", async ({ module, reason, says }) => {
    await using service = new TestService(module);
    const exchange = await service.ask();
    expect(await exchange.ended).toMatchObject({
      kind: "failed",
      reason,
      message: expect.stringContaining(says),
    });
    expect(exchange.response).toBeUndefined();
    // The next one is served all the same.
    expect(await (await service.ask()).ended).toMatchObject({ kind: "failed", reason });
  });

  test("fuel: as much as each request may use", async () => {
    await using service = new TestService(guests.spins(), { spec: { fuelMax: 10_000 } });
    expect(await (await service.ask()).ended).toMatchObject({ kind: "failed", reason: "exhausted" });
    await using generous = new TestService(guests.hello(`${type}\nhi`), { spec: { fuelMax: 10_000 } });
    const head = { call: { fuelMax: 1 } };
    expect(await (await generous.ask(head)).ended).toMatchObject({ kind: "failed", reason: "exhausted" });
    for (let i = 0; i < 100; i++) expect((await generous.ask()).text).toBe("hi");
  });
});

describe("WAGI: failures that break an answer off", () => {
  test.each([
    ["an exit code", guests.printsThenExits(`${type}\nhello`, 1), "trapped"],
    ["a body that is shorter than it said", guests.hello(`${type}Content-Length: 6\n\nhello`), "invalid"],
    [
      "a body that is longer, of which nothing more is sent",
      guests.hello(`${type}Content-Length: 4\n\nhello`),
      "invalid",
    ],
  ])("%s", async (_name, module, reason) => {
    await using service = new TestService(module);
    const exchange = await service.ask();
    expect(exchange.response?.status).toBe(200);
    expect(await exchange.ended).toMatchObject({ kind: "failed", reason });
    expect(exchange.text.length).toBeLessThanOrEqual(5);
  });
});

describe("WAGI: local redirects", () => {
  test("to itself again and again ends", async () => {
    await using service = new TestService(guests.hello("Location: /shop/again\n\n"));
    const exchange = await service.ask({ path: "/shop", matchedPath: "/shop" });
    expect(await exchange.ended).toMatchObject({
      kind: "failed",
      reason: "invalid",
      message: expect.stringContaining("redirected the request 9 times"),
    });
  });

  test("ends at once when its caller has gone", async () => {
    await using service = new TestService(guests.hello("Location: /again\n\n"), {
      serving: { concurrency: 1, queueMax: 0 },
    });
    const gone = await service.open();
    await new Promise((resolve) => setImmediate(resolve));
    gone.listener?.cancelled();
    service.instance.stop(60_000);
    expect(await service.end).toEqual({ kind: "stopped" });
  });

  test("to what may be another's is the client's", async () => {
    await using service = new TestService(guests.hello("Location: /shopping?x=1\n\n"));
    const exchange = await service.ask({ path: "/shop", matchedPath: "/shop" });
    expect(exchange.response).toEqual({ status: 302, headers: ["location", "/shopping?x=1"] });
  });
});

describe("WAGI: each request has an instance of its own", () => {
  test.each([
    ["behind its data", 4_096],
    ["at the end of its memory", 2 * 65_536 - 4],
  ])("what one left %s the next does not see", async (_name, offset) => {
    await using service = new TestService(guests.looksForTraces(offset), { serving: { concurrency: 1 } });
    for (let i = 0; i < 3; i++) expect((await service.ask()).response?.status).toBe(200);
  });
});
