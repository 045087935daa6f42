import { expect, test } from "vitest";
import { bytesOf, parseMachineFlags } from "./machine-options.ts";

test("parseMachineFlags: what nobody says", () => {
  expect(parseMachineFlags({})).toEqual({
    evictionMemory: { kind: "bytes", bytes: 256 * 2 ** 20 },
    evictionDisk: { kind: "bytes", bytes: 512 * 2 ** 20 },
    metrics: undefined,
    metricsPerInstance: false,
  });
});

test.each([
  { flags: { "eviction-memory": "500Mi" }, has: { evictionMemory: { kind: "bytes", bytes: 500 * 2 ** 20 } } },
  { flags: { "eviction-disk": "12.5%" }, has: { evictionDisk: { kind: "share", share: 0.125 } } },
  { flags: { "eviction-disk": "100%" }, has: { evictionDisk: { kind: "share", share: 1 } } },
  { flags: { "metrics-address": "127.0.0.1:9465" }, has: { metrics: { host: "127.0.0.1", port: 9465 } } },
  { flags: { "metrics-per-instance": true }, has: { metricsPerInstance: true } },
  { flags: { "metrics-address": "[::1]:0" }, has: { metrics: { host: "::1", port: 0 } } },
])("parseMachineFlags: $flags", ({ flags, has }) => {
  expect(parseMachineFlags(flags)).toMatchObject(has);
});

test.each([
  { "eviction-memory": "0%" },
  { "eviction-memory": "101%" },
  { "eviction-memory": "much" },
  { "eviction-disk": "0" },
  { "eviction-disk": "-1Gi" },
  { "metrics-address": "9465" },
  { "metrics-address": "localhost:99999" },
])("parseMachineFlags: refuses %j", (flags) => {
  const [flag] = Object.keys(flags);
  expect(() => parseMachineFlags(flags)).toThrow(`--${flag}: `);
});

test("bytesOf: a share is of what there is", () => {
  expect(bytesOf({ kind: "share", share: 0.05 }, 1000)).toBe(50);
  expect(bytesOf({ kind: "bytes", bytes: 7 }, 1000)).toBe(7);
});
