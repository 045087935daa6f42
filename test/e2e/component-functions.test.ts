/** Calls of functions that components export, from the command line and from a program. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { FunctionCallError, WherryFunctions } from "../../client/wherry-functions.ts";
import {
  bytes,
  count,
  echo,
  exported,
  forever,
  library,
  text,
} from "../../node-daemon/components/test-functions.ts";
import { exampleGuests } from "../../tools/guests.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";

const built = mkdtempSync(join(tmpdir(), "wherry-functions-"));
let cluster: TestCluster;
let functions: WherryFunctions;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { gateways: true, hostPaths: [built] });
  const { url, ca, token } = cluster.access;
  functions = new WherryFunctions({ tickets: { server: url, ca, token } });
  await applyExample("shop");
  await apply("guest", await library({ core: guestCore, exports: guestExports }), {});
});
afterAll(async () => {
  await functions?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  rmSync(built, { recursive: true, force: true });
});

const guestCore = `${echo()} ${echo("copy")} ${count} ${exported("spin", forever)} ${exported("fall", "unreachable")}
  ${exported("flood", `(drop (memory.grow (i32.const 30))) (call $answer (i32.const 0) (i32.const 1048577))`)}
  (func (export "add") (param i32 i32) (result i32) (local.get 0))`;
const guestExports = {
  echo: bytes,
  copy: text,
  count: bytes,
  spin: bytes,
  fall: bytes,
  flood: bytes,
  add: "func(a: u32, b: u32) -> u32",
};

/** Builds the guest of an example and applies its manifest. */
async function applyExample(name: string): Promise<void> {
  const guest = exampleGuests.find((one) => one.name === `functions/${name}`);
  if (!guest) throw new Error(`tools/guests.ts has no functions/${name}`);
  const binary = await guest.build();
  if (guest.kept === "checked in") {
    const same = Buffer.from(binary).equals(readFileSync(join(checkout, guest.target)));
    expect(same, `${guest.target} is not what its source makes; run \`npm run guests\``).toBe(true);
  }
  const image = join(built, `${name}.wasm`);
  writeFileSync(image, binary);
  await cluster.apply(
    exampleManifest(`functions/${name}.yaml`, { [`file://${guest.target}`]: `file://${image}` }),
  );
}

async function apply(name: string, component: Uint8Array, more: object): Promise<void> {
  const image = join(built, `${name}.wasm`);
  writeFileSync(image, component);
  const spec = {
    module: { image: `file://${image}` },
    functions: { concurrency: 2 },
    resources: { limits: { memory: "16Mi" } },
    ...more,
  };
  const template = { metadata: { labels: { app: name } }, spec };
  await cluster.apply(
    stringify({
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmDeployment",
      metadata: { name },
      spec: { template },
    }),
  );
}

/** What it answers, or the reason why not. */
async function call(
  workload: string,
  name: string,
  input: string | Uint8Array = "",
  options = {},
): Promise<string> {
  try {
    return String((await functions.call(`deployment/${workload}`, name, input, options)).output);
  } catch (thrown) {
    return thrown instanceof FunctionCallError ? `${thrown.reason} ${thrown.functionCode}` : String(thrown);
  }
}

test("invoke: prints what a function of the example answers, by each of its names", async () => {
  const shop = ["invoke", "deployment/shop"];
  await eventually(async () => {
    const good = await cluster.wherry(
      ...shop,
      "examples:shop/pricing#total",
      "--data",
      "12 250",
      "-o",
      "usage",
    );
    expect(good).toMatchObject({ code: 0, stdout: "3000" });
    expect(good.stderr).toMatch(/^fuel \d+, cpu \d+ µs\n$/);
  });
  expect(await cluster.wherry(...shop, "total", "--data", "100 250")).toMatchObject({
    code: 0,
    stdout: "22500",
  });
  const bad = await cluster.wherry(...shop, "total", "--data", "a dozen");
  expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining("FunctionError 1: that is no order")]);
  const piped = await cluster.wherryWithInput("ahoy", ...shop, "echo", "--file", "-");
  expect(piped).toMatchObject({ code: 0, stdout: "ahoy" });
});

test("invoke: says which type a function has that can not be called", async () => {
  await eventually(async () => expect(await call("guest", "echo", "ready")).toBe("ready"));
  const { code, stderr } = await cluster.wherry("invoke", "deployment/guest", "add");
  expect(code).toBe(1);
  expect(stderr).toContain("UnknownFunction: add (func(a: u32, b: u32) -> u32) can not be called");
  expect(stderr).toContain("func(input: list<u8>) -> list<u8>");
});

test("calls: thousands at once are all answered, each with its own answer", async () => {
  const answers = await Promise.all(
    Array.from({ length: 5_000 }, (_, items) =>
      functions.call("deployment/shop", "total", `${items % 100} 7`),
    ),
  );
  for (const [items, { output, usage }] of answers.entries()) {
    expect(output.toString()).toBe(String((items % 100) * 7));
    expect(usage?.fuel).toBeGreaterThan(0);
  }
});

test("calls: limits, traps and what is no text cost that call only", async () => {
  const outcomes = await Promise.all([
    call("guest", "spin", "", { fuel: 1_000_000 }),
    call("guest", "spin", "", { timeoutMs: 300 }),
    call("guest", "fall"),
    call("guest", "flood"),
    call("guest", "copy", Uint8Array.of(0xff)),
    call("guest", "echo", "x", { seed: "a" }),
    call("guest", "echo", new Uint8Array(2_000_000)),
    call("guest", "echo", "x".repeat(1_000)),
  ]);
  expect(outcomes).toEqual([
    "Exhausted 0",
    "Timeout 0",
    "Trapped 0",
    "InvalidOutput 0",
    "InvalidCall 0",
    "InvalidCall 0",
    expect.stringMatching(/TooLarge/),
    "x".repeat(1_000),
  ]);
});

test("calls: with callsPerInstance: 1 each has a fresh instance", async () => {
  const component = await library({ core: count, exports: { count: bytes } });
  await apply("fresh", component, { functions: { callsPerInstance: 1 } });
  await apply("used", component, { functions: { concurrency: 1 } });
  await eventually(async () => expect(await call("fresh", "count")).toBe("1"));
  await eventually(async () => expect(await call("used", "count")).toBe("1"));
  expect([await call("fresh", "count"), await call("fresh", "count")]).toEqual(["1", "1"]);
  expect([await call("used", "count"), await call("used", "count")]).toEqual(["2", "3"]);
});

test("a component without such functions, and a deterministic one, are refused, and it is said why", async () => {
  const add = { core: guestCore, exports: { add: guestExports.add } };
  await apply("adder", await library(add), {});
  await apply("certain", await library({ core: echo(), exports: { echo: bytes } }), { deterministic: {} });
  const saysOf = async (name: string) =>
    (await cluster.instances())
      .filter(({ spec }) => spec.owner.name === name)
      .map(({ status }) => JSON.stringify(status))
      .join();
  await eventually(async () => {
    expect(await saysOf("adder")).toContain("It exports add (func(a: u32, b: u32) -> u32)");
    expect(await saysOf("certain")).toContain("only core modules can be run deterministically");
  });
});

test("JavaScript: a function of the example answers, and what it throws is its error", async () => {
  await applyExample("rules");
  await eventually(async () => {
    expect(await call("rules", "check", `{"items": 12, "cents": 250}`)).toBe(
      `{"items":12,"cents":250,"total":3000}`,
    );
  });
  expect(await call("rules", "check", `{"items": 0}`)).toBe("FunctionError 1");
  expect(await call("rules", "check", `{"items": 1, "cents": 1}`)).toBe(`{"items":1,"cents":1,"total":1}`);
});
