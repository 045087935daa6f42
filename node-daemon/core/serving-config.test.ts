import { expect, test } from "vitest";
import type { FunctionCalls, HttpHandler, InstanceSpec } from "../../api/gen/kinds.gen.ts";
import { buildSpec } from "../testing/builders.ts";
import { configureServing } from "./serving-config.ts";

const http: HttpHandler = {
  handler: "wasi-http",
  concurrency: 4,
  queueLength: 8,
  requestsPerInstance: 100,
  requestTimeoutSeconds: 30,
  maxRequestBodyBytes: 1024,
};
const functions: FunctionCalls = {
  concurrency: 2,
  queueLength: 3,
  callsPerInstance: 5,
  timeoutSeconds: 7,
  maxBytes: 11,
};
const listeners = [
  { name: "web", address: "0.0.0.0", port: 8081 },
  { name: "admin", address: "127.0.0.1", port: 0 },
];
const spec = (more: Partial<InstanceSpec>): InstanceSpec => ({ ...buildSpec(), ...more });

const limits = { timeoutMs: 30_000, idleTimeoutMs: 60_000, bodyBytesMax: 1024 };
const reused = { handler: "wasi-http", concurrency: 4, queueMax: 8, requestsPerInstance: 100, ...limits };
const server = { listener: "web", address: "127.0.0.1", port: 8081, concurrency: 4, ...limits };

test.each([
  ["a command does not serve", {}, { serving: undefined, server: undefined }],
  ["a component is reused", { http }, { serving: reused, server: undefined }],
  [
    "a WAGI command never is",
    { http: { ...http, handler: "wagi" } },
    { serving: { ...reused, handler: "wagi", requestsPerInstance: 1 }, server: undefined },
  ],
  [
    "answers that may be silent for longer",
    { http: { ...http, idleTimeoutSeconds: 300 } },
    { serving: { ...reused, idleTimeoutMs: 300_000 }, server: undefined },
  ],
  [
    "functions",
    { functions },
    {
      serving: {
        handler: "functions",
        concurrency: 2,
        queueMax: 3,
        requestsPerInstance: 5,
        timeoutMs: 7_000,
        idleTimeoutMs: 7_000,
        bodyBytesMax: 11,
      },
      server: undefined,
    },
  ],
  [
    "a server at its only listener, reached at the nearest address",
    { http: { ...http, handler: "listener" }, listeners: listeners.slice(0, 1) },
    { serving: undefined, server },
  ],
  [
    "a server at the listener that is named",
    { http: { ...http, handler: "listener", listener: "admin" }, listeners },
    { serving: undefined, server: { ...server, listener: "admin", address: "127.0.0.1", port: 0 } },
  ],
] satisfies readonly (readonly [string, Partial<InstanceSpec>, object])[])(
  "configureServing: %s",
  (_name, more, expected) => {
    expect(configureServing(spec(more))).toEqual(expected);
  },
);

test.each([
  ["no listener of that name", { listener: "other" }, listeners],
  ["several listeners and no name", {}, listeners],
  ["no listener at all", {}, []],
])("configureServing: refuses %s", (_name, more, given) => {
  const server: HttpHandler = { ...http, handler: "listener", ...more };
  expect(() => configureServing(spec({ http: server, listeners: given }))).toThrow(/spec\.http\.listener/);
});
