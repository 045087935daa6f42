import { expect, test } from "vitest";
import type { CallOutcome, FunctionCall } from "./function-call.ts";
import { gatewayLimits } from "./limits.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { FakeHandler } from "./testing/fake-instances.ts";
import { relayed } from "./testing/fake-peer.ts";
import { endpointOf, TestGateway, workloadOf } from "./testing/test-gateway.ts";

const call: FunctionCall = {
  workload: "w",
  name: "price",
  input: Buffer.from("in"),
  limits: { fuelMax: 1_000, seed: "s" },
  timeoutMs: 0,
  headers: [],
  clientAddress: "1.2.3.4",
  clientPort: 5,
};

function serving(handler: FakeHandler): TestGateway {
  return new TestGateway().serve(handler, { endpoint: { functions: true } });
}

function called(gateway: TestGateway, more: Partial<FunctionCall> = {}): Promise<CallOutcome> {
  return new Promise((resolve) => {
    gateway.gateway.call({ ...call, ...more }, resolve);
  });
}

test("Gateway: takes a call of a function to an instance, and its output and usage back", async () => {
  await using gateway = serving({
    end: (one) => {
      one.respond(200, ["x-a", "1"]);
      one.data(`${one.body} `);
      one.data("out");
      one.end([], { cpuUs: 5, fuel: 900 });
    },
  });
  expect(await called(gateway)).toEqual({
    kind: "answered",
    status: 200,
    headers: ["x-a", "1"],
    output: Buffer.from("in out"),
    trailers: [],
    usage: { cpuUs: 5, fuel: 900 },
  });
  expect(gateway.instances.calls[0]?.head).toMatchObject({
    method: "CALL",
    path: "price",
    call: { fuelMax: 1_000, seed: "s" },
    bodyLength: 2,
  });
});

test("Gateway: wakes a function that is called, and sends a large input elsewhere when it was refused", async () => {
  await using gateway = new TestGateway();
  gateway.instances.set("/bad", {
    end: (one) => one.fault({ kind: "refused", reason: "draining", message: "", retryAfterMs: 0 }),
  });
  gateway.instances.set("/good", { end: (one) => one.answer(String(one.body.length)) });
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w", { wakes: true }) });
  const outcome = called(gateway, { input: Buffer.alloc(200_000) });
  expect(gateway.wakes).toEqual([["w"]]);
  gateway.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("i", "w", { reach: { kind: "shim", folder: "/bad" }, functions: true }),
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  gateway.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("j", "w", { reach: { kind: "shim", folder: "/good" }, functions: true }),
  });
  expect(await outcome).toMatchObject({ kind: "answered", output: Buffer.from("200000") });
});

test("Gateway: says why a call has no output, and does not repeat it", async () => {
  const fault = { kind: "failed", reason: "lost", message: "gone" } as const;
  await using gateway = serving({ end: (one) => one.fault(fault) });
  expect(await called(gateway)).toMatchObject({
    kind: "refused",
    answer: { status: 502, reason: "InstanceLost" },
    fault,
  });
  expect(gateway.instances.calls.length).toBe(1);
});

test("Gateway: a call that is cancelled ends there, and is not told of", async () => {
  await using gateway = serving({});
  let outcomes = 0;
  const cancel = gateway.gateway.call(call, () => outcomes++);
  cancel();
  cancel();
  expect([gateway.instances.calls[0]?.cancelled, outcomes]).toEqual([true, 0]);
});

test("Gateway: an output is not larger than can be handed over", async () => {
  const chunk = Buffer.alloc(gatewayLimits.callOutputBytesMax / 4);
  await using gateway = serving({
    begin: (one) => {
      one.respond(200, []);
      for (let i = 0; i < 5; i++) one.data(chunk);
    },
  });
  expect(await called(gateway)).toMatchObject({
    kind: "refused",
    answer: { status: 502, reason: "BodyTooLarge" },
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(gateway.instances.calls[0]?.cancelled).toBe(true);
});

test("Gateway: an output that finds no room fails its call, and what it has taken is free again", async () => {
  await using gateway = serving({
    end: (one) => {
      one.respond(200, []);
      one.data("12345678");
      one.data("12345678");
    },
  });
  let used = 0;
  const outputs = {
    take: (bytes: number) => used + bytes <= 10 && (used += bytes) > 0,
    give: (bytes: number) => void (used -= bytes),
  };
  expect(await called(gateway, { outputs })).toMatchObject({ kind: "refused", answer: { status: 502 } });
  expect(used).toBe(0);
  await expect.poll(() => gateway.instances.calls[0]?.cancelled).toBe(true);
});

test("Gateway: a call that is cancelled gives back the room of its output", async () => {
  await using gateway = serving({
    end: (one) => {
      one.respond(200, []);
      one.data("12345678");
    },
  });
  let used = 0;
  const outputs = {
    take: (bytes: number) => (used += bytes) > 0,
    give: (bytes: number) => void (used -= bytes),
  };
  const cancel = gateway.gateway.call({ ...call, outputs }, () => {});
  await expect.poll(() => used).toBe(8);
  cancel();
  expect(used).toBe(0);
});

test("Gateway: a call reaches nobody who answers requests, whatever its ticket is for, and holds up no request", async () => {
  const clock = new FakeClock();
  await using gateway = new TestGateway({ clock }).serve({ end: (one) => one.answer("page") });
  const outcome = called(gateway);
  const client = await gateway.connect(await gateway.listen());
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").until(/page$/);
  gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("j", "w") });
  clock.advance(gatewayLimits.holdMs + 20);
  expect(await outcome).toMatchObject({ kind: "refused", answer: { status: 503, reason: "NoInstance" } });
  expect(gateway.instances.calls.map(({ head }) => head.method)).toEqual(["GET"]);
});

test("Gateway: a request reaches nobody who takes calls", async () => {
  const clock = new FakeClock();
  await using gateway = new TestGateway({ clock }).serve(
    { end: (one) => one.answer("out") },
    { endpoint: { functions: true } },
  );
  const client = await gateway.connect(await gateway.listen());
  client.send("GET /price HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => gateway.gateway.figures()[0]?.waiting).toBe(1);
  expect((await called(gateway)).kind).toBe("answered");
  clock.advance(gatewayLimits.holdMs + 20);
  await client.until(/^HTTP\/1\.1 503 [^]*NoInstance/);
  expect(gateway.instances.calls.map(({ head }) => head.method)).toEqual(["CALL"]);
});

test("Gateway: what another gateway sends goes to those that take it, and without them this node is not thought ill", async () => {
  await using gateway = new TestGateway().serve({ end: (one) => one.answer("page") });
  expect(relayed(gateway, "w", "in", {})).toEqual(["refused full"]);
  gateway.gateway.apply({ kind: "endpointGone", uid: "i" });
  expect(relayed(gateway, "w", "in", {})).toEqual(["refused unknown"]);
  gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("f", "w", { functions: true }) });
  expect(relayed(gateway, "w", "in")).toEqual(["refused full"]);
  const events = relayed(gateway, "w", "in", {});
  await expect.poll(() => events).toEqual(["head 200 ", "data page", "end"]);
});
