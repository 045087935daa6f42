import { expect, test } from "vitest";
import { durationBoundsMs } from "../../gateway/control.ts";
import { asFromShim } from "../../shim/protocol.ts";
import { findBreach } from "./believable.ts";

const own = { uid: "one", run: 2 };
const usage = { id: own, cpuUs: 1, memoryBytes: 2, fuel: 3, throttledUs: 4 };
const requests = {
  arrived: 1,
  inFlight: 0,
  waiting: 0,
  requests: { "1xx": 0, "2xx": 1, "3xx": 0, "4xx": 0, "5xx": 0 },
  durations: [...durationBoundsMs.map(() => 0), 1],
  durationSumMs: 1.5,
  wakeUps: 0,
  wakeUpSumMs: 0,
  retries: 0,
};
const ended = { kind: "ended", id: own, atMs: 1 };

test.each([
  { name: "its start", message: { kind: "started", id: own, atMs: 1 } },
  { name: "its usage", message: { kind: "usage", usages: [usage] } },
  { name: "what it was asked", message: { kind: "usage", usages: [{ ...usage, requests }] } },
  { name: "its end", message: { ...ended, end: { kind: "exited", exitCode: 1 } } },
  {
    name: "that it was refused",
    message: { ...ended, end: { kind: "refused", reason: "R", message: "m", retryable: true } },
  },
  {
    name: "its run",
    message: { kind: "run", id: own, startedMs: 1, logsDropped: false, stopNotice: "none" },
  },
  {
    name: "where it listens",
    message: { kind: "listening", id: own, listeners: [{ name: "web", port: 8081 }] },
  },
])("findBreach: $name is believed", ({ message }) => {
  const known = asFromShim(message);
  expect(known && findBreach(known, own)).toBeUndefined();
});

test.each([
  {
    name: "the end of another instance",
    message: { ...ended, id: { uid: "two", run: 2 }, end: { kind: "stopped" } },
  },
  {
    name: "the end of another run",
    message: { ...ended, id: { uid: "one", run: 1 }, end: { kind: "stopped" } },
  },
  { name: "a run of another", message: { kind: "run", id: { uid: "two", run: 0 } } },
  {
    name: "usage of another among its own",
    message: { kind: "usage", usages: [usage, { ...usage, id: { uid: "two", run: 2 } }] },
  },
  { name: "usage that is no number", message: { kind: "usage", usages: [{ ...usage, cpuUs: "1" }] } },
  {
    name: "usage without end",
    message: { kind: "usage", usages: [{ ...usage, memoryBytes: Number.POSITIVE_INFINITY }] },
  },
  ...[
    null,
    {},
    { ...requests, arrived: "1" },
    { ...requests, inFlight: -1 },
    { ...requests, durations: [] },
    { ...requests, durations: Array.from({ length: 1_000 }, () => 1) },
    { ...requests, durations: durationBoundsMs.map(() => "1").concat("1") },
    { ...requests, requests: { ...requests.requests, "2xx": Number.NaN } },
    { ...requests, requests: undefined },
  ].map((told, at) => ({
    name: `requests that are none (${at})`,
    message: { kind: "usage", usages: [{ ...usage, requests: told }] },
  })),
  { name: "an end of no kind", message: { ...ended, end: { kind: "gone" } } },
  { name: "an exit without a code", message: { ...ended, end: { kind: "exited" } } },
  { name: "a message that is no text", message: { ...ended, end: { kind: "lost", message: {} } } },
  { name: "a book for a message", message: { ...ended, end: { kind: "lost", message: "x".repeat(10_000) } } },
  { name: "dropped logs of another", message: { kind: "logsDropped", id: { uid: "two", run: 2 } } },
  { name: "an age that is none", message: { kind: "hello", protocol: 2, protocolMin: 1, ageMs: "old" } },
  {
    name: "a listener of another",
    message: { kind: "listening", id: { uid: "two", run: 2 }, listeners: [] },
  },
  {
    name: "a port that is none",
    message: { kind: "listening", id: own, listeners: [{ name: "a", port: 65_536 }] },
  },
  { name: "a listener without a name", message: { kind: "listening", id: own, listeners: [{ port: 1 }] } },
  {
    name: "listeners without end",
    message: {
      kind: "listening",
      id: own,
      listeners: Array.from({ length: 65 }, () => ({ name: "a", port: 1 })),
    },
  },
  { name: "listeners that are no list", message: { kind: "run", id: own, listeners: { length: 1 } } },
])("findBreach: $name is not", ({ message }) => {
  const known = asFromShim(message);
  expect(known && findBreach(known, own)).toEqual(expect.any(String));
});
