import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseDaemonOptions } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-options-"));
const pem = join(folder, "x.pem");
writeFileSync(pem, "pem");
afterAll(() => rmSync(folder, { recursive: true }));

const base = {
  name: "n1",
  scheduler: "localhost:7444",
  ca: pem,
  cert: pem,
  key: pem,
  "state-dir": "state",
} as const;

function parse(given: Readonly<Record<string, string | readonly string[] | undefined>> = {}) {
  const args = Object.entries({ ...base, ...given }).flatMap(([flag, value]) =>
    value === undefined ? [] : [value].flat().flatMap((one) => [`--${flag}`, one]),
  );
  return parseDaemonOptions(args);
}

test("parseDaemonOptions: everything given", () => {
  const options = parse({
    cpu: "1500m",
    memory: "4Gi",
    "max-instances": "50",
    "allow-host-path": ["/a", "b"],
    label: ["zone=a", "x/y=c=d"],
  });
  expect(options).toMatchObject({
    name: "n1",
    allocatable: { cpuMillis: 1500, memoryBytes: 4 * 2 ** 30, instances: 50 },
    labels: { zone: "a", "x/y": "c=d" },
    logLevel: "info",
  });
  expect(options.allowedHostPaths[0]).toBe("/a");
  expect(options.allowedHostPaths[1]).toMatch(/^\/.*\/b$/);
});

test("parseDaemonOptions: without amounts, the machine's less a reserve", () => {
  const { capacity, allocatable } = parse();
  expect(allocatable.memoryBytes).toBeLessThan(capacity.memoryBytes);
  expect(allocatable).toMatchObject({ cpuMillis: capacity.cpuMillis, instances: 16_000 });
});

test.each([
  { flag: "name", value: undefined },
  { flag: "name", value: "Not A Name" },
  { flag: "scheduler", value: "nowhere" },
  { flag: "ca", value: "/does/not/exist" },
  { flag: "state-dir", value: undefined },
  { flag: "cpu", value: "many" },
  { flag: "memory", value: "0" },
  { flag: "max-instances", value: "-1" },
  { flag: "max-instances", value: "1.5" },
  { flag: "label", value: "=x" },
  { flag: "log-level", value: "loud" },
])("parseDaemonOptions: --$flag $value is refused by its name", ({ flag, value }) => {
  expect(() => parse({ [flag]: value })).toThrow(`--${flag}`);
});

test("parseDaemonOptions: an unknown flag is named", () => {
  expect(() => parse({ "no-such": "x" })).toThrow("--no-such");
});
