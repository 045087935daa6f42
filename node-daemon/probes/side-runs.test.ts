import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { currentFile, recordTime } from "../logs/log-record.ts";
import type { RunEnd, RunListener, RunSpec } from "../runtimes/runtime-driver.ts";
import { FakeDriver } from "../testing/fake-driver.ts";
import { probeLimits } from "./limits.ts";
import { SideRuns } from "./side-runs.ts";

let folder: string;
let clock: FakeClock;
let driver: FakeDriver;
let sideRuns: SideRuns;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wherry-side-"));
  clock = new FakeClock();
  driver = new FakeDriver();
  driver.obedient = false;
  sideRuns = new SideRuns({ clock, log: silentLog, generation: "g" });
  const told: Partial<RunListener> = {
    started: (id) => void sideRuns.started(id),
    ended: (id, _atMs, end) => void sideRuns.ended(id, end),
  };
  await driver.adopt(told as RunListener);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function instanceSpec(): RunSpec {
  return {
    id: { uid: "web", run: 7 },
    namespace: "default",
    name: "web",
    module: { digest: "d", file: "/m.wasm", memoryBytesMin: 0, needsProcess: [] },
    args: ["app.wasm", "serve"],
    env: [["A", "b"]],
    mounts: [{ guestPath: "/data", hostPath: "/srv", readOnly: false }],
    network: {
      allow: [{ host: "db", port: 5432 }],
      listeners: [{ name: "http", address: "127.0.0.1", port: 80 }],
    },
    memoryBytesMax: 1,
    cpuRequestMillis: 2,
    cpuLimitMillis: 3,
    isolation: "process",
    fuelMax: 4,
    deterministic: undefined,
    stopAloneAfterMs: undefined,
    stopNotice: "stdin",
    logFolder: join(folder, "logs"),
    logLimits: { fileBytesMax: 1e6, bytesPerSecondMax: 5 },
  };
}

function ask(signal = new AbortController().signal) {
  const request = {
    driver,
    spec: instanceSpec(),
    purpose: "liveness",
    args: ["check"],
    timeoutMs: 1000,
    signal,
  };
  const outcome = sideRuns.run(request as Parameters<SideRuns["run"]>[0]);
  const spec = [...driver.runs.values()].at(-1)?.spec;
  if (!spec) throw new Error("nothing was started");
  return { outcome, spec, uid: spec.id.uid };
}

const exit = (exitCode: number): RunEnd => ({ kind: "exited", exitCode });

async function write(spec: RunSpec, text: string): Promise<void> {
  await mkdir(spec.logFolder, { recursive: true });
  await writeFile(join(spec.logFolder, currentFile), `${recordTime(0)} stderr F ${text}\n`);
}

test("SideRuns: a fresh instance with the same rights and limits, without the sockets", async () => {
  const { spec, uid, outcome } = ask();
  expect(spec).toEqual({
    ...instanceSpec(),
    id: { uid: "web.liveness-g-0", run: 0 },
    beside: "web",
    args: ["app.wasm", "check"],
    network: { allow: [{ host: "db", port: 5432 }], listeners: [] },
    stopNotice: "none",
    logFolder: join(folder, "side-logs", "liveness-g-0"),
    logLimits: { fileBytesMax: 65_536, bytesPerSecondMax: 5 },
  });
  driver.started(uid);
  driver.end(uid, 0, exit(0));
  expect(await outcome).toEqual({ kind: "ended", end: exit(0), output: "" });
  expect(driver.settled).toEqual([{ uid, run: 0 }]);
});

test("SideRuns: a failure comes with the end of its output, and no log is left", async () => {
  const { spec, uid, outcome } = ask();
  driver.started(uid);
  await write(spec, "no such table");
  driver.end(uid, 0, exit(3));
  expect(await outcome).toEqual({ kind: "ended", end: exit(3), output: "no such table" });
  expect(existsSync(spec.logFolder)).toBe(false);
});

test("SideRuns: is killed at its timeout, which begins when it runs", async () => {
  const { uid, outcome, spec } = ask();
  clock.advance(1500);
  driver.started(uid);
  await write(spec, "still thinking");
  clock.advance(999);
  expect(driver.stopped).toEqual([]);
  clock.advance(1);
  expect(driver.stopped).toEqual([{ uid, graceMs: 0 }]);
  driver.end(uid, 0, { kind: "stopped" });
  expect(await outcome).toEqual({ kind: "timedOut", output: "still thinking" });
});

test("SideRuns: one that ends just before it would be killed has ended", async () => {
  const { uid, outcome } = ask();
  driver.started(uid);
  clock.advance(1000);
  driver.end(uid, 0, exit(0));
  expect(await outcome).toMatchObject({ kind: "ended", end: exit(0) });
});

test.each<{ name: string; end: RunEnd; message: RegExp }>([
  {
    name: "refused",
    end: { kind: "refused", reason: "ShimFull", message: "no room", retryable: true },
    message: /^ShimFull: no room$/,
  },
])("SideRuns: $name is not started", async ({ end, message }) => {
  const { uid, outcome } = ask();
  driver.end(uid, 0, end);
  expect(await outcome).toEqual({ kind: "notStarted", message: expect.stringMatching(message) as string });
});

test("SideRuns: not running in time is the node's fault", async () => {
  const { uid, outcome } = ask();
  clock.advance(probeLimits.startMsMax);
  driver.end(uid, 0, { kind: "stopped" });
  expect(await outcome).toEqual({ kind: "notStarted", message: "it was not running after 20 s" });
});

test("SideRuns: is killed when nobody wants it any more, and is settled all the same", async () => {
  const gone = new AbortController();
  const { uid, outcome } = ask(gone.signal);
  driver.started(uid);
  gone.abort();
  expect(driver.stopped).toEqual([{ uid, graceMs: 0 }]);
  driver.end(uid, 0, { kind: "stopped" });
  await outcome;
  expect(driver.settled).toEqual([{ uid, run: 0 }]);
});

test("SideRuns: two of a kind have their own names, and others' runs are none of these", () => {
  expect([ask().uid, ask().uid]).toEqual(["web.liveness-g-0", "web.liveness-g-1"]);
  expect(sideRuns.started({ uid: "web", run: 0 })).toBe(false);
  expect(sideRuns.ended({ uid: "web", run: 0 }, exit(0))).toBe(false);
});
