import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../link/exchange.ts";
import type { Ended, FakeExchange } from "./fake-exchange.ts";
import { type ServiceOptions, TestService } from "./test-service.ts";

const module = readFileSync(new URL("../../../examples/functions/price.wasm", import.meta.url));

function service({ serving, ...options }: ServiceOptions = {}): TestService {
  const functions = { handler: "functions", concurrency: 2, requestsPerInstance: 1_000, ...serving } as const;
  return new TestService(module, { ...options, serving: functions });
}

function call(
  service: TestService,
  name: string,
  input = "",
  limits: NonNullable<RequestHead["call"]> = {},
): Promise<FakeExchange> {
  return service.ask({ method: "CALL", path: name, call: limits }, input);
}

const answer = ({ response, text }: FakeExchange) => [response?.status, text];

async function usageOf(exchange: FakeExchange) {
  const ended: Ended = await exchange.ended;
  return ended.kind === "answered" ? ended.end.usage : undefined;
}

describe("FunctionServant: answers", () => {
  test("with what the function points to", async () => {
    await using one = service();
    expect(answer(await call(one, "total", "12 250"))).toEqual([200, "3000"]);
    expect(answer(await call(one, "total", "100 250"))).toEqual([200, "22500"]);
    expect(answer(await call(one, "echo"))).toEqual([200, ""]);
  });

  test("with the function's own error, and its code", async () => {
    await using one = service();
    const exchange = await call(one, "total", "a dozen");
    expect(answer(exchange)).toEqual([400, '"a dozen" is no order: it is ITEMS CENTS, as in 12 250']);
    expect(exchange.header("wherry-function-code")).toBe("2");
    expect(answer(await call(one, "total", "12 250"))).toEqual([200, "3000"]);
  });

  test("an input as large as it may be, and one that comes in pieces", async () => {
    await using one = service();
    const large = "x".repeat(1_000_000);
    expect((await call(one, "echo", large)).text).toBe(large);
    const exchange = await one.open({ method: "CALL", path: "echo", bodyLength: undefined });
    for (const piece of ["one ", "two ", "three"]) exchange.listener?.data(Buffer.from(piece));
    exchange.listener?.end([]);
    await exchange.ended;
    expect(exchange.text).toBe("one two three");
  });

  test("from the same instance until it has answered as often as it may", async () => {
    await using one = service({ serving: { concurrency: 1, requestsPerInstance: 3 } });
    const counts = [];
    for (let calls = 0; calls < 5; calls++) counts.push((await call(one, "count")).text);
    expect(counts).toEqual(["1", "2", "3", "1", "2"]);
  });

  test("that there is no such function, with those that there are", async () => {
    await using one = service();
    const [status, text] = answer(await call(one, "malloc"));
    expect(status).toBe(404);
    expect(text).toContain("total, echo, lottery, count, spin, fall");
  });
});

describe("FunctionServant: limits", () => {
  test("the fuel of each call", async () => {
    await using one = service({ serving: { concurrency: 1 } });
    const used = (await usageOf(await call(one, "total", "12 250")))?.fuel ?? 0;
    expect(used).toBeGreaterThan(100);
    // Each call has as much: what those before it have used is not counted.
    for (let calls = 0; calls < 5; calls++) {
      expect(answer(await call(one, "total", "12 250", { fuelMax: 2 * used }))).toEqual([200, "3000"]);
    }
    const ended = await (await call(one, "spin", "", { fuelMax: 1_000_000 })).ended;
    expect(ended).toMatchObject({ kind: "failed", reason: "exhausted" });
    expect(answer(await call(one, "total", "12 250"))).toEqual([200, "3000"]);
  });

  test("the time of each call", async () => {
    await using one = service({ serving: { timeoutMs: 1_000 } });
    expect(await (await call(one, "spin")).ended).toMatchObject({ kind: "failed", reason: "timeout" });
    expect(answer(await call(one, "total", "12 250"))).toEqual([200, "3000"]);
  });

  test("a trap costs only the instance", async () => {
    await using one = service({ serving: { concurrency: 1 } });
    expect((await call(one, "count")).text).toBe("1");
    expect(await (await call(one, "fall")).ended).toMatchObject({ kind: "failed", reason: "trapped" });
    expect((await call(one, "count")).text).toBe("1");
  });
});

describe("FunctionServant: a deterministic call", () => {
  const deterministic = { seed: "", startTimeMs: 0 };

  test("with the same seed has the same answer and the same fuel", async () => {
    await using one = service({ spec: { deterministic } });
    const [first, second, other] = await Promise.all(
      ["a", "a", "b"].map((seed) => call(one, "lottery", "", { seed })),
    );
    if (!first || !second || !other) throw new Error("three were asked");
    expect(first.text).toMatch(/^\d+$/);
    expect(second.text).toBe(first.text);
    expect((await usageOf(second))?.fuel).toBe((await usageOf(first))?.fuel);
    expect((await call(one, "lottery", "", { seed: "b" })).text).toBe(other.text);
    expect((await call(one, "count")).text).toBe("1");
    expect((await call(one, "count")).text).toBe("1");
  });

  test("is refused where the template does not say so", async () => {
    await using one = service();
    expect(answer(await call(one, "lottery", "", { seed: "a" }))).toEqual([
      400,
      "a seed was given, and the template does not say deterministic",
    ]);
  });
});
