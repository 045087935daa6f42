import { expect, test } from "vitest";
import type { Hello__Output } from "../../proto/gen/wherry/v1/Hello.ts";
import type { InstanceStatus__Output } from "../../proto/gen/wherry/v1/InstanceStatus.ts";
import { ContractViolation } from "./contract-violation.ts";
import { readContents, readHello, readStatus, readTraffic, readWakeUp } from "./wire.ts";

const capacity = { cpuMillis: 1, memoryBytes: 1, instances: 1, processes: 1, extended: {} };

function hello(given: Partial<Hello__Output>): Hello__Output {
  return {
    nodeName: "n1",
    protocolVersion: 2,
    daemonVersion: "",
    capacity,
    allocatable: capacity,
    runtimes: [],
    labels: {},
    info: null,
    bootId: "",
    updatesContents: false,
    grants: null,
    gatewayAddress: "",
    metricsAddress: "",
    gatewayUrls: [],
    ...given,
  };
}

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, place) => [`example.com/r${place}`, 1]));

test.each([
  { name: "a negative amount", allocatable: { ...capacity, cpuMillis: -1 } },
  { name: "no number", allocatable: { ...capacity, memoryBytes: Number.NaN } },
  { name: "no end", allocatable: { ...capacity, instances: Number.POSITIVE_INFINITY } },
  { name: "a part of one", allocatable: { ...capacity, processes: 0.5 } },
  { name: "more than can be counted", allocatable: { ...capacity, memoryBytes: 2 ** 53 } },
  { name: "a negative extended resource", allocatable: { ...capacity, extended: { "example.com/a": -1 } } },
  { name: "cpu as an extended resource", allocatable: { ...capacity, extended: { cpu: 1 } } },
  {
    name: "an extended resource of Kubernetes",
    allocatable: { ...capacity, extended: { "kubernetes.io/a": 1 } },
  },
  { name: "too many extended resources", allocatable: { ...capacity, extended: many(65) } },
])("readHello: refuses $name", ({ allocatable }) => {
  expect(() => readHello(hello({ allocatable }))).toThrow(ContractViolation);
});

test("readHello: takes the largest numbers, zeros, and as many extended resources as a node may have", () => {
  const largest = { ...capacity, memoryBytes: Number.MAX_SAFE_INTEGER, cpuMillis: 0, extended: many(64) };
  expect(readHello(hello({ allocatable: largest })).allocatable).toEqual({
    ...largest,
    extended: new Map(Object.entries(many(64))),
  });
});

test("readHello: what a node gives, and to whom", () => {
  const grants = {
    hostPaths: [
      { namespace: "", value: "/srv/./data/../" },
      { namespace: "team", value: "/srv/team" },
    ],
    listen: [{ namespace: "", value: "[::1]:80-90" }],
  };
  expect(readHello(hello({ grants })).grants).toEqual({
    hostPaths: [
      { namespace: undefined, path: "/srv" },
      { namespace: "team", path: "/srv/team" },
    ],
    listen: [{ namespace: undefined, address: "::1", fromPort: 80, toPort: 90 }],
  });
  expect(readHello(hello({})).grants).toBeUndefined();
});

test.each([
  { name: "a folder that is not absolute", hostPaths: [{ namespace: "", value: "srv" }], listen: [] },
  { name: "a place that is none", hostPaths: [], listen: [{ namespace: "", value: "localhost:80" }] },
  {
    name: "more than a daemon has flags",
    hostPaths: Array.from({ length: 1_025 }, () => ({ namespace: "", value: "/" })),
    listen: [],
  },
])("readHello: refuses to be given $name", ({ hostPaths, listen }) => {
  expect(() => readHello(hello({ grants: { hostPaths, listen } }))).toThrow(ContractViolation);
});

test("readHello: where its gateway is reached", () => {
  const gateway = {
    gatewayAddress: "[fd00::7]:7000",
    metricsAddress: "",
    gatewayUrls: ["http://[fd00::7]:8080", "https://a.example"],
  };
  expect(readHello(hello(gateway)).gateway).toEqual({
    address: "[fd00::7]:7000",
    urls: ["http://[fd00::7]:8080", "https://a.example"],
  });
  expect(readHello(hello({})).gateway).toBeUndefined();
});

test.each([
  { name: "without a port", gatewayAddress: "a.example" },
  { name: "with port 0", gatewayAddress: "a.example:0" },
  { name: "with a port beyond", gatewayAddress: "a.example:65536" },
  { name: "with a path", gatewayAddress: "a.example:1/x" },
  { name: "with a line end", gatewayAddress: "a.example:1\nb" },
  { name: "that is too long", gatewayAddress: `${"a".repeat(300)}:1` },
  { name: "with an URL of another scheme", gatewayAddress: "a:1", gatewayUrls: ["ftp://a"] },
  { name: "with an URL that has a path", gatewayAddress: "a:1", gatewayUrls: ["http://a/x"] },
  { name: "with an URL that is none", gatewayAddress: "a:1", gatewayUrls: ["http://[x"] },
  {
    name: "with too many URLs",
    gatewayAddress: "a:1",
    gatewayUrls: Array.from({ length: 17 }, () => "http://a"),
  },
])("readHello: refuses a gateway $name", ({ gatewayAddress, gatewayUrls = [] }) => {
  expect(() => readHello(hello({ gatewayAddress, gatewayUrls }))).toThrow(ContractViolation);
});

test("readWakeUp: as many as a message may name, and no more", () => {
  const uids = Array.from({ length: 501 }, (_, at) => `u${at}`);
  expect(readWakeUp({ workloadUids: uids.slice(1) })).toHaveLength(500);
  expect(() => readWakeUp({ workloadUids: uids })).toThrow(ContractViolation);
});

function status(given: Partial<InstanceStatus__Output>): InstanceStatus__Output {
  return {
    uid: "u",
    phase: "Running",
    ready: true,
    reason: "",
    message: "",
    exitCode: 0,
    hasExitCode: false,
    restarts: 0,
    startedMs: 1,
    finishedMs: 0,
    lastTermination: null,
    logsDropped: false,
    sequence: 1,
    isolation: "",
    readyForMs: 0,
    ...given,
  };
}

const tooLateMs = 1e16;
test.each([
  { name: "a start", given: { startedMs: tooLateMs } },
  { name: "an end", given: { finishedMs: tooLateMs } },
  {
    name: "an earlier end",
    given: {
      lastTermination: { reason: "", message: "", exitCode: 0, hasExitCode: false, finishedMs: tooLateMs },
    },
  },
])("readStatus: refuses $name that no calendar has", ({ given }) => {
  expect(() => readStatus(status(given), 5)).toThrow(ContractViolation);
});

test("readStatus: a time since which something is ready is never before all times", () => {
  expect(readStatus(status({ readyForMs: 2 }), 5).readySinceMs).toBe(3);
  expect(readStatus(status({ readyForMs: 2 ** 60 }), 5).readySinceMs).toBe(0);
});

test("readContents: what has no name, or one that is none of ours, is left out", () => {
  const given = (templateId: string, contentsId: string) => ({ templateId, contentsId });
  const templates = [given("t", "c"), given("", "c"), given("t", ""), given("x".repeat(300), "c")];
  expect(readContents({ templates })).toEqual([given("t", "c")]);
});

const traffic = { uid: "w", arrived: 5, inFlight: 3, queued: 1 };

test("readTraffic: takes what a gateway has counted, up to the largest numbers", () => {
  const largest = { uid: "v", arrived: Number.MAX_SAFE_INTEGER, inFlight: 2 ** 32 - 1, queued: 0 };
  expect(readTraffic({ workloads: [traffic, largest] })).toEqual([traffic, largest]);
});

test.each([
  { name: "more than can be counted", given: { arrived: 2 ** 53 } },
  { name: "less than nothing", given: { arrived: -1 } },
  { name: "no number", given: { inFlight: Number.NaN } },
  { name: "a part of a request", given: { queued: 0.5 } },
  { name: "so many in flight that others' would be lost in the sum", given: { inFlight: 2 ** 33 } },
  { name: "so many that wait", given: { queued: Number.MAX_SAFE_INTEGER } },
])("readTraffic: refuses $name", ({ given }) => {
  expect(() => readTraffic({ workloads: [{ ...traffic, ...given }] })).toThrow(ContractViolation);
});

test("readTraffic: refuses more workloads than one message has", () => {
  const workloads = Array.from({ length: 501 }, () => traffic);
  expect(() => readTraffic({ workloads })).toThrow(ContractViolation);
  expect(readTraffic({ workloads: workloads.slice(1) })).toHaveLength(500);
});

test.each(["", "10.0.0.7:9100", "[fd00::7]:9100", "n1.example:9100"])(
  "readHello: metrics are read at %j",
  (metricsAddress) => {
    const expected = metricsAddress === "" ? undefined : metricsAddress;
    expect(readHello(hello({ metricsAddress })).metricsAddress).toBe(expected);
  },
);

test.each(["http://a:1", "a", "a:0", "a:65536", "a:1/metrics", "a b:1", `${"a".repeat(300)}:1`, "user@a:1"])(
  "readHello: refuses metrics at %j",
  (metricsAddress) => {
    expect(() => readHello(hello({ metricsAddress }))).toThrow(ContractViolation);
  },
);
