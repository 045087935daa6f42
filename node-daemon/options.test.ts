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
    "allow-host-path": ["/a", "b", "team=/c", "./x=y"],
    "allow-listen": ["127.0.0.1:1024-65535", "web=*:80", "[::1]:9000"],
    "allow-loopback": ["web", "*"],
    label: ["zone=a", "x/y=c=d"],
  });
  expect(options).toMatchObject({
    name: "n1",
    allocatable: { cpuMillis: 1500, memoryBytes: 4 * 2 ** 30, instances: 50, processes: 64 },
    labels: { zone: "a", "x/y": "c=d" },
    logLevel: "info",
  });
  expect(options.allowedHostPaths).toEqual([
    { namespace: undefined, path: "/a" },
    { namespace: undefined, path: expect.stringMatching(/^\/.*\/b$/) as string },
    { namespace: "team", path: "/c" },
    { namespace: undefined, path: expect.stringMatching(/^\/.*\/x=y$/) as string },
  ]);
  expect(options.allowedListen).toEqual([
    { namespace: undefined, address: "127.0.0.1", fromPort: 1024, toPort: 65_535 },
    { namespace: "web", address: "*", fromPort: 80, toPort: 80 },
    { namespace: undefined, address: "::1", fromPort: 9000, toPort: 9000 },
  ]);
  expect(options.allowedLoopback).toEqual(["web", "*"]);
});

test("parseDaemonOptions: extended resources are capacity and allocatable alike", () => {
  const { capacity, allocatable } = parse({
    "extended-resource": ["example.com/camera=2", "example.com/fpga=0"],
  });
  expect(capacity.extended).toEqual({ "example.com/camera": 2, "example.com/fpga": 0 });
  expect(allocatable.extended).toEqual(capacity.extended);
  expect(parse().capacity.extended).toEqual({});
});

test.each([
  { name: "as many as are asked for", given: { "max-processes": "7" }, processes: 7 },
  { name: "one for each 64 MiB", given: { memory: "100Mi" }, processes: 2 },
  { name: "no more than some hundreds", given: { memory: "1Ti" }, processes: 512 },
])("parseDaemonOptions: processes: $name", ({ given, processes }) => {
  expect(parse(given).allocatable.processes).toBe(processes);
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
  { flag: "allow-host-path", value: "team=" },
  { flag: "allow-listen", value: "localhost:80" },
  { flag: "allow-listen", value: "127.0.0.1:0" },
  { flag: "allow-listen", value: "127.0.0.1:9-8" },
  { flag: "allow-loopback", value: "Web" },
  { flag: "cpu", value: "many" },
  { flag: "memory", value: "0" },
  { flag: "max-instances", value: "-1" },
  { flag: "max-instances", value: "1.5" },
  { flag: "max-processes", value: "0" },
  { flag: "extended-resource", value: "camera=1" },
  { flag: "extended-resource", value: "example.com/camera" },
  { flag: "extended-resource", value: "example.com/camera=-1" },
  { flag: "extended-resource", value: "example.com/camera=1.5" },
  { flag: "extended-resource", value: "example.com/camera=99999999999999999999" },
  { flag: "extended-resource", value: "kubernetes.io/camera=1" },
  { flag: "eviction-memory", value: "0%" },
  { flag: "metrics-address", value: "here" },
  { flag: "shim-max-age", value: "30m" },
  { flag: "shim-max-age", value: "21d" },
  { flag: "end-orphaned-shims-after", value: "0" },
  { flag: "label", value: "=x" },
  { flag: "log-level", value: "loud" },
])("parseDaemonOptions: --$flag $value is refused by its name", ({ flag, value }) => {
  expect(() => parse({ [flag]: value })).toThrow(`--${flag}`);
});

test("parseDaemonOptions: an extended resource is given once, and there are not too many", () => {
  const flag = "extended-resource";
  expect(() => parse({ [flag]: ["example.com/a=1", "example.com/a=2"] })).toThrow("each name once");
  const many = Array.from({ length: 65 }, (_, place) => `example.com/r${place}=1`);
  expect(() => parse({ [flag]: many })).toThrow('"example.com/r64=1" is not valid; expected at most 64');
});

test("parseDaemonOptions: an unknown flag is named", () => {
  expect(() => parse({ "no-such": "x" })).toThrow("--no-such");
});
