import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseHollowOptions } from "./options.ts";
import { divide } from "./workers.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-hollow-"));
  for (const name of ["ca.crt", "ca.key"]) writeFileSync(join(folder, name), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

function parse(...args: readonly string[]) {
  return parseHollowOptions(["--pki", folder, ...args], ".");
}

test("parseHollowOptions: without flags, ten nodes as a small machine each", () => {
  expect(parse()).toMatchObject({
    count: 10,
    first: 0,
    prefix: "hollow-",
    zones: 0,
    workers: 1,
    traits: {
      join: "127.0.0.1:7444",
      capacity: { cpuMillis: 4_000, memoryBytes: 16 * 2 ** 30, instances: 1_000, processes: 100 },
      startDelay: { fromMs: 0, toMs: 0 },
      failShare: 0,
      usageIntervalMs: 10_000,
    },
  });
});

test.each<[string, readonly string[], object]>([
  ["a range of start delays", ["--start-delay", "250ms-10s"], { startDelay: { fromMs: 250, toMs: 10_000 } }],
  ["one start delay", ["--start-delay", "1m"], { startDelay: { fromMs: 60_000, toMs: 60_000 } }],
  ["no usage", ["--usage-interval", "0s"], { usageIntervalMs: undefined }],
  [
    "a load",
    ["--instance-cpu", "250m", "--requests-per-second", "40", "--wave", "10m"],
    {
      load: { cpuMillis: 250, memoryBytes: 65_536, requestsPerSecond: 40, answerMs: 20, waveMs: 600_000 },
    },
  ],
  ["metrics", ["--metrics"], { servesMetrics: true }],
  ["a share", ["--fail-share", "0.25"], { failShare: 0.25 }],
  [
    "a runtime",
    ["--runtime", "wasmtime@42.0.0:simd,threads"],
    { runtimes: [{ name: "wasmtime", version: "42.0.0", features: ["simd", "threads"] }] },
  ],
  ["a runtime's name alone", ["--runtime", "v8"], { runtimes: [{ name: "v8", features: [] }] }],
])("parseHollowOptions: %s", (_, args, traits) => {
  expect(parse(...args).traits).toMatchObject(traits);
});

test.each<[string, readonly string[]]>([
  ["nodes", ["--nodes", "0"]],
  ["nodes", ["--nodes", "1e3"]],
  ["join", ["--join", "localhost"]],
  ["prefix", ["--prefix", "Hollow_"]],
  ["cpu", ["--cpu", "-1"]],
  ["memory", ["--memory", "much"]],
  ["instance-cpu", ["--instance-cpu", "0"]],
  ["requests-per-second", ["--requests-per-second", "1.5"]],
  ["wave", ["--wave", "2h"]],
  ["label", ["--label", "zone"]],
  ["runtime", ["--runtime", "V8"]],
  ["start-delay", ["--start-delay", "10"]],
  ["start-delay", ["--start-delay", "10s-1s"]],
  ["fail-share", ["--fail-share", "1.5"]],
  ["log-level", ["--log-level", "loud"]],
  ["pki", ["--pki", "/nowhere"]],
])("parseHollowOptions: --%s is named when it is wrong: %j", (flag, args) => {
  expect(() => parse(...args)).toThrow(expect.objectContaining({ code: "InvalidFlag" }));
  expect(() => parse(...args)).toThrow(`--${flag}`);
});

test.each([
  [10, 3],
  [3, 3],
  [1_000, 7],
])("divide: %i nodes among %i processes are all there, once", (count, workers) => {
  const parts = divide({ first: 5, count }, workers);
  const numbers = parts.flatMap((part) =>
    Array.from({ length: part.count }, (_, index) => part.first + index),
  );
  expect(numbers).toEqual(Array.from({ length: count }, (_, index) => 5 + index));
  const sizes = parts.map((part) => part.count);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});
