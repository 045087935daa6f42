/** Calls of functions: from the command line and from a program, through gateways, to instances on two nodes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CallTicket } from "../../api/call-ticket.ts";
import { FunctionCallError, WherryFunctions } from "../../client/wherry-functions.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;
let functions: WherryFunctions;

const deployments = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments";

beforeAll(async () => {
  cluster = await TestCluster.start(["one", "two"], { gateways: true });
  const manifest = readFileSync(join(checkout, "examples/functions/price.yaml"), "utf8");
  const image = `file://${join(checkout, "examples/functions/price.wasm")}`;
  await cluster.apply(manifest.replaceAll("file://examples/functions/price.wasm", image));
  const { url, ca, token } = cluster.access;
  functions = new WherryFunctions({ tickets: { server: url, ca, token } });
  await eventually(async () => {
    const ready = (await cluster.instances()).filter(({ status }) => status.display === "Running");
    expect(ready.length).toBe(3);
  });
});
afterAll(async () => {
  await functions?.[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

function reasonOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "answered",
    (thrown: unknown) => (thrown instanceof FunctionCallError ? thrown.reason : String(thrown)),
  );
}

async function ticketOf(name: string): Promise<CallTicket["status"]> {
  await using api = cluster.api();
  const path = `${deployments}/${name}/calls`;
  return (await api.request<CallTicket>({ method: "POST", path, body: {} })).status;
}

test("invoke: prints what the function answers, and what it used", async () => {
  const call = ["invoke", "deployment/price", "total"];
  const good = await cluster.wherry(...call, "--data", "12 250", "-o", "usage");
  expect(good).toMatchObject({ code: 0, stdout: "3000" });
  expect(good.stderr).toMatch(/^fuel \d+, cpu \d+ µs\n$/);
  const piped = await cluster.wherryWithInput("100 250", ...call, "--file", "-");
  expect(piped).toMatchObject({ code: 0, stdout: "22500" });
});

test("invoke: says why there is no output", async () => {
  const bad = await cluster.wherry("invoke", "deployment/price", "total", "--data", "a dozen");
  expect([bad.code, bad.stderr]).toEqual([
    1,
    expect.stringContaining('total: FunctionError 2: "a dozen" is no order'),
  ]);
  const unknown = await cluster.wherry("invoke", "deployment/price", "totel");
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("UnknownFunction")]);
  const none = await cluster.wherry("invoke", "deployment/none", "total");
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("NotFound")]);
});

test("calls: ten thousand at once are all answered, each with its own answer", async () => {
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, items) =>
      functions.call("deployment/price", "total", `${items % 100} 7`),
    ),
  );
  for (const [items, { output, usage }] of answers.entries()) {
    expect(output.toString()).toBe(String((items % 100) * 7));
    expect(usage?.fuel).toBeGreaterThan(0);
  }
});

test("calls: limits of each call, and traps, cost that call only", async () => {
  const price = (name: string, options = {}) => functions.call("deployment/price", name, "", options);
  expect(
    await Promise.all([
      reasonOf(price("spin", { fuel: 1_000_000 })),
      reasonOf(price("spin", { timeoutMs: 300 })),
      reasonOf(price("fall")),
      reasonOf(price("lottery", { seed: "a" })),
      reasonOf(functions.call("deployment/price", "echo", new Uint8Array(2_000_000))),
      reasonOf(price("echo")),
    ]),
  ).toEqual([
    "Exhausted",
    "Timeout",
    "Trapped",
    "InvalidCall",
    expect.stringMatching(/TooLarge/),
    "answered",
  ]);
});

test("calls: the same seed has the same bytes and the same fuel, through every gateway", async () => {
  const ticket = await ticketOf("fair-price");
  expect(ticket.endpoints.map(({ node }) => node).toSorted()).toEqual(["one", "two"]);
  const seen = new Set<string>();
  for (const endpoint of ticket.endpoints) {
    await using client = new WherryFunctions({
      tickets: () => Promise.resolve({ ...ticket, endpoints: [endpoint] }),
    });
    const calls = Array.from({ length: 20 }, () =>
      client.call("deployment/fair-price", "lottery", "", { seed: "2026-11-26" }),
    );
    for (const { output, usage } of await Promise.all(calls)) seen.add(`${output.toString()} ${usage?.fuel}`);
  }
  expect(seen.size).toBe(1);
});

test("calls: who may not create them gets no ticket, and nobody gets through without", async () => {
  const { url, ca } = cluster.access;
  await using stranger = new WherryFunctions({ tickets: { server: url, ca, token: "wrong" } });
  expect(await reasonOf(stranger.call("deployment/price", "echo"))).toBe("Refused");
  const ticket = await ticketOf("price");
  const [header, claims, signature] = ticket.token.split(".");
  const forged = JSON.parse(Buffer.from(claims ?? "", "base64url").toString());
  forged.exp += 3_600;
  const token = [header, Buffer.from(JSON.stringify(forged)).toString("base64url"), signature].join(".");
  await using forger = new WherryFunctions({ tickets: () => Promise.resolve({ ...ticket, token }) });
  expect(await reasonOf(forger.call("deployment/price", "echo"))).toBe("Unauthenticated");
});

test("calls: when shims and gateways are killed, each call is answered or its caller told, and later ones are answered", async () => {
  const outcomes = new Map<string, number>();
  const calls = Array.from({ length: 3_000 }, async (_, index) => {
    if (index === 1_000) for (const name of ["one", "two"]) cluster.killShims(name);
    if (index === 2_000) cluster.killGateways("one");
    const reason = await reasonOf(functions.call("deployment/price", "total", "3 7", { timeoutMs: 30_000 }));
    outcomes.set(reason, (outcomes.get(reason) ?? 0) + 1);
  });
  await Promise.all(calls);
  expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(3_000);
  expect(["answered", "Lost", "InstanceLost", "Unavailable"]).toEqual(
    expect.arrayContaining([...outcomes.keys()]),
  );
  await eventually(async () => {
    expect(String((await functions.call("deployment/price", "total", "3 7")).output)).toBe("21");
  });
});

test("calls: what sleeps is woken up by a call", async () => {
  await cluster.wherry("scale", "wasmdeployment/price", "--replicas", "0");
  await eventually(async () => {
    const left = (await cluster.instances()).filter(({ spec }) => spec.owner.name === "price");
    expect(left).toEqual([]);
  });
  expect(String((await functions.call("deployment/price", "total", "3 7")).output)).toBe("21");
});
