import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import type { PreStop } from "../core/probe-config.ts";
import { type Departure, PreStops } from "./pre-stops.ts";
import type { SideOutcome } from "./side-runs.ts";

let clock: FakeClock;
let done: string[];
let execs: {
  readonly uid: string;
  readonly signal: AbortSignal;
  readonly end: (outcome: SideOutcome) => void;
}[];
let drains: Map<string, () => void>;
let forgotten: string[];
let preStops: PreStops;
beforeEach(() => {
  clock = new FakeClock();
  done = [];
  execs = [];
  drains = new Map();
  forgotten = [];
  preStops = new PreStops({
    clock,
    log: silentLog,
    exec: (uid, _args, _timeoutMs, signal) =>
      new Promise((end) => {
        execs.push({ uid, signal, end });
      }),
    drained: (uid) => new Promise((resolve) => drains.set(uid, resolve)),
    forgetDrain: (uid) => forgotten.push(uid),
    done: (uid, run) => done.push(`${uid}/${run} at ${clock.monotonic()}`),
  });
});

const leaving = (uid: string, run: number, preStop: PreStop | undefined, drains = false): Departure => ({
  uid,
  run,
  preStop,
  drains,
});
const sleep = (ms: number) => ({ kind: "sleep", ms }) as const;
const exec = { kind: "exec", args: ["bye"] } as const;
const exited = (exitCode: number): SideOutcome => ({
  kind: "ended",
  end: { kind: "exited", exitCode },
  output: "",
});

test.each([
  { name: "a sleep", ms: 400, graceMs: 1000, at: 400 },
  { name: "a sleep beyond the grace", ms: 4000, graceMs: 1000, at: 1000 },
])("PreStops: $name", ({ ms, graceMs, at }) => {
  preStops.begin(leaving("a", 2, sleep(ms)), graceMs);
  clock.advance(10_000);
  expect(done).toEqual([`a/2 at ${at}`]);
});

test.each([
  { name: "well", outcome: exited(0) },
  { name: "badly", outcome: exited(1) },
  { name: "not even started", outcome: { kind: "notStarted", message: "no room" } },
] as const)("PreStops: an exec that ends $name: the stop goes on", async ({ outcome }) => {
  preStops.begin(leaving("a", 0, exec), 1000);
  clock.advance(200);
  execs[0]?.end(outcome);
  await new Promise(setImmediate);
  expect(done).toEqual(["a/0 at 200"]);
  clock.advance(5000);
  expect(done.length).toBe(1);
});

test("PreStops: an exec that hangs is killed when the grace is over, and not waited for", () => {
  preStops.begin(leaving("a", 0, exec), 1000);
  clock.advance(1000);
  expect(execs[0]?.signal.aborted).toBe(true);
  expect(done).toEqual(["a/0 at 1000"]);
});

test("PreStops: a second begin shortens the first, and starts nothing", () => {
  preStops.begin(leaving("a", 0, exec), 30_000);
  clock.advance(100);
  preStops.begin(leaving("a", 0, exec), 500);
  clock.advance(10_000);
  expect(execs.length).toBe(1);
  expect(done).toEqual(["a/0 at 600"]);
});

test("PreStops: what is cancelled is killed and told to nobody", async () => {
  preStops.begin(leaving("a", 0, exec), 1000);
  preStops.cancel("a");
  expect(execs[0]?.signal.aborted).toBe(true);
  execs[0]?.end(exited(0));
  await new Promise(setImmediate);
  clock.advance(10_000);
  expect(done).toEqual([]);
});

test("PreStops: a server is waited for until nothing is under way", async () => {
  preStops.begin(leaving("a", 0, undefined, true), 1000);
  clock.advance(300);
  expect(done).toEqual([]);
  drains.get("a")?.();
  await new Promise(setImmediate);
  expect(done).toEqual(["a/0 at 300"]);
});

test.each([
  ["preStop last", true],
  ["the requests last", false],
])("PreStops: both are waited for, %s", async (_name, drainFirst) => {
  preStops.begin(leaving("a", 0, sleep(400), true), 1000);
  if (drainFirst) drains.get("a")?.();
  await new Promise(setImmediate);
  clock.advance(400);
  expect(done.length).toBe(drainFirst ? 1 : 0);
  drains.get("a")?.();
  await new Promise(setImmediate);
  expect(done).toEqual(["a/0 at 400"]);
});

test("PreStops: requests that go on for ever are waited for no longer than the grace", () => {
  preStops.begin(leaving("a", 0, undefined, true), 1000);
  clock.advance(1000);
  expect(done).toEqual(["a/0 at 1000"]);
  expect(forgotten).toEqual(["a"]);
});
