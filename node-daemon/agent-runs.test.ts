/** What the agent does about runs beside starting them: probes, preStop, termination message, evictions. On a clock that stands. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { InstanceSpec, Probe } from "../api/gen/kinds.gen.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { silentLog } from "../kit/log.ts";
import { seededRandom } from "../kit/random.ts";
import { NodeAgent } from "./agent.ts";
import type { ReportedStatus } from "./core/status.ts";
import { currentFile, recordTime } from "./logs/log-record.ts";
import { ModuleBoard } from "./images/module-board.ts";
import { AllowedNetwork } from "./network/allowed-network.ts";
import type { RunEnd, RunSpec } from "./runtimes/runtime-driver.ts";
import { type Checkpoint, openCheckpoint } from "./session/checkpoint.ts";
import { buildAssignment, buildTemplate } from "./testing/builders.ts";
import { FakeDriver } from "./testing/fake-driver.ts";
import { AllowedRoots } from "./volumes/allowed-roots.ts";
import { VolumeStore } from "./volumes/volume-store.ts";

let root: string;
let clock: FakeClock;
let driver: FakeDriver;
let checkpoint: Checkpoint;
let agent: NodeAgent;
let fetched: number;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "wherry-agent-")));
  mkdirSync(join(root, "shared"));
  clock = new FakeClock(1_000_000);
  driver = new FakeDriver();
  checkpoint = openCheckpoint(join(root, "daemon.db"));
  fetched = 0;
  await startAgent();
});
afterEach(() => {
  agent.close();
  checkpoint.close();
  rmSync(root, { recursive: true, force: true });
});

async function startAgent(): Promise<void> {
  const roots = new AllowedRoots([{ path: join(root, "shared") }], []);
  agent = new NodeAgent({
    nodeName: "n1",
    stateDir: root,
    logLimits: { fileBytesMax: 1e6, bytesPerSecondMax: 1e6 },
    drivers: new Map([["v8", driver]]),
    modules: {
      fetch: () => {
        fetched++;
        return Promise.resolve({ kind: "fetched", module: { digest: "d", file: "/m.wasm" } });
      },
      retain: () => {},
      release: () => {},
    },
    moduleBoard: new ModuleBoard(10),
    volumes: new VolumeStore(root, roots, clock, silentLog),
    network: new AllowedNetwork([], []),
    folders: { remove: () => {} },
    serving: {
      adopted: () => {},
      requests: () => {},
      follow: () => {},
      drained: () => Promise.resolve(),
      forgetDrain: () => {},
      workload: () => undefined,
    },
    allocatable: { cpuMillis: 1000, memoryBytes: 2 ** 30, instances: 100 },
    checkpoint,
    traces: undefined,
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  await agent.recover(new AbortController().signal);
  agent.beginSession();
}

/** Waits for something that comes by itself, as files and promises do; a turn of the event loop at a time. */
async function until<T>(question: () => T | undefined, turn: () => void = () => {}): Promise<T> {
  for (;;) {
    const answer = question();
    if (answer !== undefined) return answer;
    await new Promise(setImmediate);
    turn();
  }
}

async function statusWith(expected: Partial<ReportedStatus>): Promise<ReportedStatus> {
  return await until(() => {
    const status = agent.statusOf("web");
    const fits =
      status &&
      Object.entries(expected).every(([key, value]) => status[key as keyof ReportedStatus] === value);
    return fits ? status : undefined;
  });
}

/** A run beside the instance that is for `purpose`, once the clock has come to it. */
async function sideRun(purpose: string, nth = 0): Promise<RunSpec> {
  const found = () => [...driver.runs.values()].filter(({ spec }) => spec.id.uid.includes(`.${purpose}-`));
  return await until(
    () => found()[nth]?.spec,
    () => clock.advance(nth === 0 ? 0 : 100),
  );
}

function assign(spec: Partial<InstanceSpec>, owner = "WasmDeployment"): void {
  const assignment = buildAssignment({
    uid: "web",
    owner: { kind: owner, name: "o", uid: "o" },
    priority: 7,
  });
  agent.assign([buildTemplate(spec)], [assignment]);
}

function probe(given: Partial<Probe> = {}): Probe {
  return {
    exec: { args: ["check"] },
    initialDelaySeconds: 0,
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
    ...given,
  };
}

const exit = (exitCode: number): RunEnd => ({ kind: "exited", exitCode });

test("NodeAgent: ready once its readiness probe has succeeded, and told so once", async () => {
  assign({ readinessProbe: probe() });
  await statusWith({ phase: "Running", ready: false, reason: "NotReady", isolation: "shared" });
  const { id, args } = await sideRun("readiness");
  expect(args).toEqual(["app.wasm", "check"]);
  driver.end(id.uid, id.run, exit(0));
  const { sequence } = await statusWith({ ready: true, reason: "" });
  const second = await sideRun("readiness", 1);
  driver.end(second.id.uid, 0, exit(0));
  await sideRun("readiness", 2);
  expect(agent.statusOf("web")?.sequence).toBe(sequence);
});

test("NodeAgent: a failed liveness probe is one restart, counted once, with its reason", async () => {
  assign({ livenessProbe: probe({ terminationGracePeriodSeconds: 3 }) });
  await statusWith({ ready: true });
  const { id } = await sideRun("liveness");
  driver.obedient = false;
  driver.end(id.uid, id.run, exit(1));
  await until(() => driver.stopped.find(({ uid }) => uid === "web"));
  expect(driver.stopped).toEqual([{ uid: "web", graceMs: 3000 }]);
  expect(agent.statusOf("web")).toMatchObject({ ready: false, reason: "Unhealthy", restarts: 0 });
  driver.obedient = true;
  driver.end("web", 0, { kind: "stopped" });
  await statusWith({ reason: "CrashLoopBackOff", restarts: 1 });
  clock.advance(1000);
  const again = await statusWith({ ready: true, restarts: 1 });
  expect(again.lastTermination).toMatchObject({
    reason: "Unhealthy",
    message: "its liveness probe failed: it exited with code 1",
  });
  expect([...driver.runs.keys()].filter((key) => key.startsWith("web/"))).toEqual(["web/0", "web/1"]);
});

test("NodeAgent: what a probe asks beside a run goes when the run ends", async () => {
  assign({ livenessProbe: probe() });
  await statusWith({ ready: true });
  const { id } = await sideRun("liveness");
  driver.end("web", 0, exit(3));
  await statusWith({ reason: "CrashLoopBackOff" });
  expect(driver.stopped).toContainEqual({ uid: id.uid, graceMs: 0 });
});

test("NodeAgent: preStop comes before the notice, in what is left of the grace", async () => {
  assign({ lifecycle: { preStop: { exec: { args: ["bye"] } } } });
  await statusWith({ ready: true });
  agent.stop("web", 10_000);
  expect(agent.statusOf("web")).toMatchObject({ ready: false, reason: "Stopping" });
  const { id, args } = await sideRun("preStop");
  expect(args).toEqual(["app.wasm", "bye"]);
  expect(driver.stopped).toEqual([]);
  clock.advance(4000);
  driver.end(id.uid, id.run, exit(0));
  await statusWith({ phase: "Failed", reason: "Stopped" });
  expect(driver.stopped).toEqual([{ uid: "web", graceMs: 6000 }]);
});

test("NodeAgent: one that is preempted stops as gracefully, and its end says for whom", async () => {
  assign({ lifecycle: { preStop: { exec: { args: ["bye"] } } } });
  await statusWith({ ready: true });
  agent.stop("web", undefined, { cause: "Preempted", message: "preempted by high" });
  const { id } = await sideRun("preStop");
  driver.end(id.uid, id.run, exit(0));
  await statusWith({ phase: "Failed", reason: "Preempted", message: "preempted by high" });
});

test("NodeAgent: a preStop that hangs is killed with the instance", async () => {
  assign({ lifecycle: { preStop: { exec: { args: ["bye"] } } } });
  await statusWith({ ready: true });
  agent.stop("web", 2000);
  const { id } = await sideRun("preStop");
  clock.advance(2000);
  await statusWith({ phase: "Failed", reason: "Stopped" });
  expect(driver.stopped).toEqual(
    expect.arrayContaining([
      { uid: id.uid, graceMs: 0 },
      { uid: "web", graceMs: 0 },
    ]),
  );
});

test("NodeAgent: a drain waits for preStop no longer than it may", async () => {
  assign({ lifecycle: { preStop: { sleep: { seconds: 20 } } } });
  await statusWith({ ready: true });
  const drained = agent.drain(5000);
  await until(() => (agent.statusOf("web")?.reason === "Stopping" ? true : undefined));
  clock.advance(5000);
  await drained;
  expect(agent.statusOf("web")).toMatchObject({ phase: "Failed", reason: "NodeShutdown" });
});

test("NodeAgent: the next daemon keeps what probes said, and asks anew from a module it fetches again", async () => {
  assign({ readinessProbe: probe() });
  await statusWith({ reason: "NotReady" });
  const first = await sideRun("readiness");
  driver.end(first.id.uid, 0, exit(0));
  await statusWith({ ready: true });
  agent.close();
  driver = new FakeDriver();
  const startedMs = clock.now();
  driver.adopted = [
    { kind: "running", id: { uid: "web", run: 0 }, startedMs, isolation: "shared" },
    { kind: "running", id: { uid: "web.readiness-old-1", run: 0 }, startedMs, isolation: "shared" },
  ];
  await startAgent();
  expect(agent.statusOf("web")).toMatchObject({ ready: true, restarts: 0 });
  expect(driver.stopped).toEqual([{ uid: "web.readiness-old-1", graceMs: 0 }]);
  expect(fetched).toBe(1);
  clock.advance(10_000);
  const next = await sideRun("readiness");
  expect(fetched).toBe(2);
  driver.end(next.id.uid, 0, exit(1));
  expect(await statusWith({ ready: false, reason: "Unhealthy" })).toMatchObject({ restarts: 0 });
});

function withWords(): Partial<InstanceSpec> {
  return {
    volumes: [{ name: "shared", hostPath: { path: join(root, "shared") } }],
    mounts: [{ volume: "shared", path: "/out/", readOnly: false }],
    terminationMessagePath: "/out/words",
  };
}

function write(name: string, text: string, atMs: number): void {
  writeFileSync(join(root, "shared", name), text);
  utimesSync(join(root, "shared", name), atMs / 1000, atMs / 1000);
}

test.each([
  { name: "written in this run", atMs: 5000, message: "disk 3 is broken" },
  { name: "left by an earlier one", atMs: 10, message: "the guest exited with code 4" },
])("NodeAgent: a termination message $name", async ({ atMs, message }) => {
  assign(withWords(), "WasmJob");
  await statusWith({ ready: true });
  write("words", "disk 3 is broken\n", atMs);
  driver.end("web", 0, exit(4));
  expect(await statusWith({ phase: "Failed" })).toMatchObject({ reason: "Error", message, exitCode: 4 });
});

test.each([
  { name: "failed", end: exit(4), message: "it went wrong" },
  {
    name: "trapped",
    end: { kind: "trapped", reason: "Trap", message: "unreachable" },
    message: "it went wrong\nunreachable",
  },
  { name: "went well", end: exit(0), message: "" },
] as const)("NodeAgent: the end of the log of a run that $name", async ({ end, message }) => {
  assign({ terminationMessagePolicy: "FallbackToLogsOnError" }, "WasmJob");
  await statusWith({ ready: true });
  const folder = join(root, "instances", "web", "logs");
  mkdirSync(folder, { recursive: true });
  const lines = [
    [500, "of the run before"],
    [1500, "it went wrong"],
  ] as const;
  writeFileSync(
    join(folder, currentFile),
    lines.map(([ms, text]) => `${recordTime(ms)} stderr F ${text}\n`).join(""),
  );
  driver.end("web", 0, end);
  const { phase } = await until(() => {
    const status = agent.statusOf("web");
    return status && status.phase !== "Running" ? status : undefined;
  });
  expect(phase).toBe(end.kind === "exited" && end.exitCode === 0 ? "Succeeded" : "Failed");
  expect(agent.statusOf("web")?.message).toBe(message);
});

test("NodeAgent: the termination message of a run that ended while no daemon was there", async () => {
  assign(withWords());
  await statusWith({ ready: true });
  agent.close();
  write("words", "nobody is listening", 5000);
  driver = new FakeDriver();
  driver.adopted = [{ kind: "ended", id: { uid: "web", run: 0 }, atMs: 6000, end: exit(4) }];
  await startAgent();
  expect(agent.statusOf("web")?.lastTermination).toMatchObject({ message: "nobody is listening" });
});

test("NodeAgent: an eviction names its reason and its message, and what may be evicted is what lives", async () => {
  assign({ resources: { requests: { memory: "16Mi" } } });
  await statusWith({ ready: true });
  const usage = { id: { uid: "web", run: 0 }, cpuUs: 1, memoryBytes: 4096, fuel: 0, throttledUs: 0 };
  driver.listener.usage([usage]);
  expect(agent.evictable()).toEqual([
    {
      uid: "web",
      namespace: "default",
      name: "web-1",
      qos: "Burstable",
      priority: 7,
      requestBytes: 16 * 2 ** 20,
      memoryBytes: 4096,
    },
  ]);
  agent.evict("web", "the node has 12 MiB left");
  expect(await statusWith({ phase: "Failed" })).toMatchObject({
    reason: "Evicted",
    message: "the node has 12 MiB left",
  });
  expect(driver.stopped).toEqual([{ uid: "web", graceMs: 0 }]);
  expect(agent.evictable()).toEqual([]);
});

test("NodeAgent: all instances of an outdated process are begun anew, a few at a time, whatever happens meanwhile", async () => {
  const uids = Array.from({ length: 20 }, (_, index) => `web-${index}`);
  agent.assign(
    [buildTemplate()],
    uids.map((uid) => buildAssignment({ uid })),
  );
  const withRestarts = (count: number) =>
    uids.filter((uid) => {
      const status = agent.statusOf(uid);
      return status?.ready && status.restarts === count;
    });
  await until(() => (withRestarts(0).length === 20 ? true : undefined));
  driver.obedient = false;
  const ids = uids.map((uid) => ({ uid, run: 0 }));
  driver.listener.outdated(ids, "its process is old");
  for (const id of ids) driver.listener.logsDropped(id);
  await until(() => (driver.stopped.length > 0 ? true : undefined));
  expect(driver.stopped.length).toBe(16);
  driver.obedient = true;
  for (const { uid } of driver.stopped.slice(0, 16)) driver.end(uid, 0, { kind: "stopped" });
  await until(() => (withRestarts(1).length === 20 ? true : undefined));
  expect(driver.stopped.length).toBe(20);
});
