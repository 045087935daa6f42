import { expect, test } from "vitest";
import type { HttpHandler, InstanceSpec, Probe } from "../gen/kinds.gen.ts";
import { faultsOfServingJob, servingFaults, servingWarnings } from "./serving.ts";

const limits = { concurrency: 16, queueLength: 64, requestTimeoutSeconds: 30, maxRequestBodyBytes: 1 };
const functions = { concurrency: 1, queueLength: 1, callsPerInstance: 1, timeoutSeconds: 30, maxBytes: 1 };
const http = (given: Partial<HttpHandler>): HttpHandler => ({
  handler: "wasi-http",
  requestsPerInstance: 1_000,
  ...limits,
  ...given,
});
const listeners = [
  { name: "a", address: "127.0.0.1", port: 8080 },
  { name: "b", address: "127.0.0.1", port: 0 },
];
const exec: Probe = {
  exec: { args: ["check"] },
  initialDelaySeconds: 0,
  periodSeconds: 1,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 1,
};

function spec(given: Partial<InstanceSpec>): InstanceSpec {
  return {
    module: { image: "file:///app.wasm" },
    resources: {},
    terminationGracePeriodSeconds: 30,
    terminationMessagePolicy: "File",
    stopNotice: "none",
    ...given,
  };
}

test.each<{ name: string; given: Partial<InstanceSpec>; faults: readonly string[] }>([
  { name: "nothing served", given: { stopNotice: "stdin", listeners, runtime: "wasmtime" }, faults: [] },
  {
    name: "WAGI with a probe",
    given: { http: http({ handler: "wagi" }), livenessProbe: exec, runtime: "v8" },
    faults: [],
  },
  { name: "a component", given: { http: http({}), isolation: "process" }, faults: [] },
  {
    name: "functions, deterministic",
    given: { functions, deterministic: { seed: "1", startTime: "2026-01-01T00:00:00Z" } },
    faults: [],
  },
  {
    name: "a server at its only listener",
    given: {
      http: http({ handler: "listener" }),
      listeners: listeners.slice(1),
      stopNotice: "stdin",
      runtime: "wasmtime",
    },
    faults: [],
  },
  {
    name: "a server at one of its listeners",
    given: { http: http({ handler: "listener", listener: "b" }), listeners },
    faults: [],
  },
  {
    name: "both",
    given: { http: http({}), functions },
    faults: ["s.functions: Forbidden: may not be used with `http`"],
  },
  {
    name: "a server without a listener",
    given: { http: http({ handler: "listener" }) },
    faults: ["s.http.listener: Required value: handler listener needs one of spec.listeners"],
  },
  {
    name: "a server that does not say where",
    given: { http: http({ handler: "listener" }), listeners },
    faults: ["s.http.listener: Required value: say which of the 2 listeners"],
  },
  {
    name: "a listener that is not there",
    given: { http: http({ handler: "listener", listener: "c" }), listeners },
    faults: ['s.http.listener: Not found: "c"'],
  },
  {
    name: "a handler whose process listens itself",
    given: { http: http({ handler: "wagi", listener: "a" }), listeners: listeners.slice(0, 1) },
    faults: [],
  },
  {
    name: "the same at a listener that is not there",
    given: { http: http({ handler: "wagi", listener: "a" }) },
    faults: ['s.http.listener: Not found: "a"'],
  },
  {
    name: "the same beside other listeners",
    given: { http: http({ listener: "a" }), listeners },
    faults: [
      "s.listeners: Forbidden: may not be used with handler wasi-http: no guest runs that could accept; only the one that http.listener names may stay",
    ],
  },
  {
    name: "the same at a port that nobody knows",
    given: { http: http({ listener: "b" }), listeners: listeners.slice(1) },
    faults: ["s.listeners[0].port: Invalid value: 0: must be above 0"],
  },
  {
    name: "listeners beside a handler",
    given: { http: http({}), listeners },
    faults: ["s.listeners: Forbidden: may not be used with handler wasi-http"],
  },
  {
    name: "another runtime",
    given: { functions, runtime: "wasmtime" },
    faults: ['s.runtime: Unsupported value: "wasmtime": supported values: "v8"'],
  },
  {
    name: "requests in a deterministic run",
    given: { http: http({}), deterministic: { seed: "1", startTime: "2026-01-01T00:00:00Z" } },
    faults: ["s.http: Forbidden: may not be used with `deterministic`"],
  },
  {
    name: "a notice that nobody reads",
    given: { functions, stopNotice: "stdin" },
    faults: ['s.stopNotice: Invalid value: "stdin": must be none with functions'],
  },
  {
    name: "commands of what is none",
    given: { http: http({}), startupProbe: exec, lifecycle: { preStop: { exec: { args: [] } } } },
    faults: [
      "s.startupProbe.exec: Forbidden: may not be used with handler wasi-http",
      "s.lifecycle.preStop.exec: Forbidden: may not be used with handler wasi-http",
    ],
  },
])("servingFaults: $name", ({ given, faults }) => {
  const found = servingFaults(spec(given), "s").map(({ field, message }) => `${field}: ${message}`);
  expect(found).toHaveLength(faults.length);
  for (const [at, text] of faults.entries()) expect(found[at]).toContain(text);
});

test("faultsOfServingJob: jobs serve nothing", () => {
  const faults = faultsOfServingJob(spec({ http: http({}), functions }), "s").map(({ field }) => field);
  expect(faults).toEqual(["s.http", "s.functions"]);
  expect(faultsOfServingJob(spec({}), "s")).toEqual([]);
});

test.each([
  ["wasi-http", 1, undefined],
  ["wagi", 1_000, undefined],
  [
    "wagi",
    1,
    "s.http.requestsPerInstance: means nothing with handler wagi: a program runs anew for each request anyhow",
  ],
  [
    "listener",
    5,
    "s.http.requestsPerInstance: means nothing with handler listener: its server runs on for all of them",
  ],
] as const)("servingWarnings: requestsPerInstance of %s, %d", (handler, requestsPerInstance, warning) => {
  const warnings = servingWarnings(spec({ http: http({ handler, requestsPerInstance }) }), "s");
  expect(warnings).toEqual(warning === undefined ? [] : [warning]);
});

test.each<{ name: string; given: Partial<InstanceSpec>; warns: boolean }>([
  { name: "nothing served", given: {}, warns: false },
  { name: "requests that end in time", given: { http: http({}) }, warns: false },
  {
    name: "requests that take longer than a stop",
    given: { http: http({ requestTimeoutSeconds: 31 }) },
    warns: true,
  },
  { name: "calls that do", given: { functions: { ...functions, timeoutSeconds: 60 } }, warns: true },
])("servingWarnings: $name", ({ given, warns }) => {
  expect(servingWarnings(spec(given), "s").join()).toMatch(warns ? /is cut off|are more than/ : /^$/);
});
