import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { protocolVersion } from "../proto/node-service.ts";
import type { Daemon } from "./daemon.ts";
import { parseMachineFlags } from "./machine/machine-options.ts";
import type { Room } from "./machine/room.ts";
import type { DaemonOptions } from "./options.ts";
import { writeAssignment } from "./session/wire.ts";
import { buildAssignment, buildTemplate } from "./testing/builders.ts";
import { TestAuthority, type TlsFiles } from "./testing/certificates.ts";
import { FakeDriver } from "./testing/fake-driver.ts";
import { plenty, startTestDaemon } from "./testing/start-daemon.ts";
import { TestScheduler } from "./testing/test-scheduler.ts";

let authority: TestAuthority;
let nodeTls: TlsFiles;
let schedulerTls: TlsFiles;
beforeAll(async () => {
  authority = await TestAuthority.make();
  nodeTls = await authority.issue("system:node:n1");
  schedulerTls = await authority.issue("wherry-scheduler");
});

let root: string;
let scheduler: TestScheduler;
let driver: FakeDriver;
let daemons: Daemon[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-daemon-"));
  await mkdir(join(root, "modules"));
  await writeFile(join(root, "modules", "app.wasm"), "module bytes");
  scheduler = new TestScheduler();
  await scheduler.listen(schedulerTls);
  driver = new FakeDriver();
  daemons = [];
});
afterEach(async () => {
  await Promise.all(daemons.map((daemon) => daemon.leave()));
  scheduler.stop();
  await rm(root, { recursive: true, force: true });
});

async function startDaemon(given: Partial<DaemonOptions> = {}, room?: Room): Promise<Daemon> {
  const daemon = await startTestDaemon({ root, port: scheduler.port, tls: nodeTls, driver, given, room });
  daemons.push(daemon);
  return daemon;
}

/** As after `kill -9`: nothing is told to anybody. The database must be free for the next one. */
async function replaceDaemon(daemon: Daemon): Promise<void> {
  daemons = daemons.filter((other) => other !== daemon);
  await daemon.leave();
}

function assignMessage(uids: readonly string[], given: Parameters<typeof buildAssignment>[0] = {}) {
  const template = buildTemplate({ module: { image: `file://${root}/modules/app.wasm` } });
  return {
    assign: {
      templates: [{ id: template.id, specJson: Buffer.from(template.specJson), contents: [] }],
      assignments: uids.map((uid) => writeAssignment(buildAssignment({ uid, name: uid, ...given }))),
    },
  };
}

async function connect() {
  const session = await scheduler.session();
  session.welcome();
  const held = await session.inventory();
  return { session, held };
}

test("Daemon: tells what it gives of the machine, folders by both their names", async () => {
  await symlink(join(root, "modules"), join(root, "link"));
  await startDaemon({
    allowedHostPaths: [{ namespace: "team", path: join(root, "link") }, { path: join(root, "later") }],
    allowedListen: [
      { namespace: undefined, address: "::1", fromPort: 80, toPort: 80 },
      { namespace: "team", address: "*", fromPort: 1, toPort: 9 },
    ],
  });
  const { session } = await connect();
  expect(session.received.all[0]?.hello?.grants).toEqual({
    hostPaths: [
      { namespace: "team", value: join(root, "link") },
      { namespace: "team", value: join(root, "modules") },
      { namespace: "", value: join(root, "later") },
    ],
    listen: [
      { namespace: "", value: "[::1]:80" },
      { namespace: "team", value: "*:1-9" },
    ],
  });
});

test("Daemon: with more to give than a hello may say it says nothing of it, and refuses by itself", async () => {
  const allowedHostPaths = Array.from({ length: 1_025 }, (_, place) => ({ path: `/nowhere/${place}` }));
  await startDaemon({ allowedHostPaths });
  const { session } = await connect();
  expect(session.received.all[0]?.hello).toMatchObject({ nodeName: "n1", grants: null });
});

test("Daemon: says hello, then an empty inventory, and runs what it is assigned", async () => {
  await startDaemon();
  const { session, held } = await connect();
  expect(held).toEqual([]);
  expect(session.received.all[0]?.hello).toMatchObject({
    nodeName: "n1",
    protocolVersion,
    allocatable: { cpuMillis: 2000, extended: { "example.com/camera": 2 } },
    runtimes: [{ name: "v8" }],
    labels: { zone: "a" },
  });
  session.send(assignMessage(["a", "b"]));
  const status = await session.status("a", (phase) => phase === "Running");
  expect(status).toMatchObject({ ready: true, restarts: 0, startedMs: 1000 });
  await session.status("b", (phase) => phase === "Running");
  expect(driver.runs.get("a/0")?.spec).toMatchObject({ args: ["app.wasm"], memoryBytesMax: 256 * 2 ** 20 });
});

test("Daemon: a result stays until it is acknowledged, across sessions", async () => {
  await startDaemon();
  const first = await connect();
  first.session.send(assignMessage(["job"], { owner: { kind: "WasmJob", name: "j", uid: "o" } }));
  await first.session.status("job", (phase) => phase === "Running");
  driver.end("job", 0, { kind: "exited", exitCode: 0 });
  await first.session.status("job", (phase) => phase === "Succeeded");
  expect(driver.settled).toEqual([{ uid: "job", run: 0 }]);
  first.session.end();
  const second = await connect();
  expect(second.held).toMatchObject([
    { assignment: { uid: "job" }, status: { phase: "Succeeded", exitCode: 0 } },
  ]);
  second.session.send({ acknowledge: { uids: ["job"] } });
  second.session.send({ stop: { instances: [{ uid: "job", hasGrace: false, graceMs: 0 }] } });
  const gone = await second.session.status("job", (_, reason) => reason === "NotFound");
  expect(gone.phase).toBe("Failed");
});

test("Daemon: a repeated assignment changes nothing, a stop ends it", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  session.send(assignMessage(["a"]));
  session.send({ stop: { instances: [{ uid: "a", hasGrace: true, graceMs: 50 }] } });
  await session.status("a", (phase, reason) => phase === "Failed" && reason === "Stopped");
  expect([...driver.runs.keys()]).toEqual(["a/0"]);
  expect(driver.stopped).toEqual([{ uid: "a", graceMs: 50 }]);
});

test("Daemon: an epoch lower than one seen ends the session, also for the next daemon", async () => {
  const daemon = await startDaemon();
  const first = await scheduler.session();
  first.welcome({ epoch: 7 });
  await first.inventory();
  first.send(assignMessage(["a"]), 6);
  await first.ended.promise;
  expect(driver.runs.size).toBe(0);
  await replaceDaemon(daemon);
  scheduler.stop();
  scheduler = new TestScheduler();
  await scheduler.listen(schedulerTls);
  await startDaemon();
  const next = await scheduler.session();
  next.welcome({ epoch: 6 });
  await next.ended.promise;
  expect(next.received.all.some((message) => message.inventory)).toBe(false);
});

test("Daemon: the next one adopts what runs, and reports what ended and what was lost", async () => {
  const daemon = await startDaemon();
  const first = await connect();
  first.session.send(assignMessage(["runs", "ended", "lost"]));
  for (const uid of ["runs", "ended", "lost"])
    await first.session.status(uid, (phase) => phase === "Running");
  await replaceDaemon(daemon);
  expect(driver.closedAs).toBe("keep");
  driver = new FakeDriver();
  driver.adopted = [
    { kind: "running", id: { uid: "runs", run: 0 }, startedMs: 1000, isolation: "shared" },
    { kind: "ended", id: { uid: "ended", run: 0 }, atMs: 5, end: { kind: "exited", exitCode: 4 } },
    { kind: "running", id: { uid: "stranger", run: 0 }, startedMs: 1000, isolation: "shared" },
  ];
  await startDaemon();
  const second = await connect();
  const statuses = new Map(second.held.map(({ assignment, status }) => [assignment?.uid, status]));
  expect(statuses.get("runs")).toMatchObject({ phase: "Running", ready: true, restarts: 0 });
  expect(statuses.get("ended")).toMatchObject({
    restarts: 1,
    lastTermination: { reason: "Error", exitCode: 4 },
  });
  expect(statuses.get("lost")).toMatchObject({ restarts: 1, lastTermination: { reason: "ShimLost" } });
  expect(driver.stopped).toEqual([{ uid: "stranger", graceMs: 0 }]);
  expect(driver.settled).toContainEqual({ uid: "ended", run: 0 });
});

test("Daemon: a template lasts as long as the session that sent it", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  session.send({ stop: { instances: [{ uid: "a", hasGrace: true, graceMs: 0 }] } });
  await session.status("a", (_, reason) => reason === "Stopped");
  session.send({ acknowledge: { uids: ["a"] } });
  const { assignments } = assignMessage(["b"]).assign;
  session.send({ assign: { templates: [], assignments } });
  await session.status("b", (phase) => phase === "Running");
});

test("Daemon: says when an instance lost log lines", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  const id = { uid: "a", run: 0 };
  driver.listener.logsDropped(id);
  const dropped = await session.received.first((message) =>
    message.status?.statuses.find((status) => status.logsDropped),
  );
  expect(dropped).toMatchObject({ uid: "a", phase: "Running" });
});

test("Daemon: two on one state directory is an error that says so", async () => {
  await startDaemon();
  await expect(startDaemon()).rejects.toThrow(/another node daemon uses .*--state-dir/);
});

test("Daemon: drain ends everything as a disruption and reports it before it leaves", async () => {
  const daemon = await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a", "b"]));
  await session.status("b", (phase) => phase === "Running");
  daemons = [];
  await daemon.drain();
  const statuses = session.received.all.flatMap((message) => message.status?.statuses ?? []);
  const last = new Map(statuses.map((status) => [status.uid, status.reason]));
  expect(Object.fromEntries(last)).toEqual({ a: "NodeShutdown", b: "NodeShutdown" });
  expect(driver.closedAs).toBe("stop");
});

test("Daemon: cut off for too long, jobs stop and deployments go on", async () => {
  await startDaemon();
  const session = await scheduler.session();
  session.welcome({ stopDisconnectedAfterMs: 1_500 });
  await session.inventory();
  session.send(assignMessage(["web"]));
  session.send(assignMessage(["job"], { owner: { kind: "WasmJob", name: "j", uid: "o" } }));
  await session.status("job", (phase) => phase === "Running");
  // A shim without a daemon does the same.
  const stopAloneAfterMs = (run: string) => driver.runs.get(run)?.spec.stopAloneAfterMs;
  expect([stopAloneAfterMs("web/0"), stopAloneAfterMs("job/0")]).toEqual([undefined, 1_500]);
  scheduler.stop();
  await expect.poll(() => driver.stopped.map(({ uid }) => uid)).toEqual(["job"]);
  await scheduler.listen(schedulerTls);
  const again = await connect();
  const held = new Map(again.held.map(({ assignment, status }) => [assignment?.uid, status]));
  expect(held.get("job")).toMatchObject({ phase: "Failed", reason: "Disconnected" });
  expect(held.get("web")).toMatchObject({ phase: "Running" });
});

test("Daemon: a scheduler that answers no heartbeat has given the node up, although the session stands", async () => {
  await startDaemon();
  const session = await scheduler.session();
  session.welcome({ stopDisconnectedAfterMs: 300, heartbeatIntervalMs: 100 });
  await session.inventory();
  session.send(assignMessage(["job"], { owner: { kind: "WasmJob", name: "j", uid: "o" } }));
  const { reason } = await session.status("job", (phase) => phase === "Failed");
  expect(reason).toBe("Disconnected");
});

test("Daemon: as long as heartbeats are answered nothing is cut off", async () => {
  await startDaemon();
  const session = await scheduler.session();
  session.welcome({ stopDisconnectedAfterMs: 1_500, heartbeatIntervalMs: 100 });
  await session.inventory();
  session.send(assignMessage(["job"], { owner: { kind: "WasmJob", name: "j", uid: "o" } }));
  let answered = 0;
  await session.received.first((message) => {
    if (!message.heartbeat) return undefined;
    session.send({ heartbeatAnswer: {} });
    return ++answered === 20 ? true : undefined;
  });
  expect(driver.stopped).toEqual([]);
  expect(driver.heardAgoMs.length).toBeGreaterThanOrEqual(19);
});

test("Daemon: thousands of starts arrive in bounded messages, and the inventory has them all", async () => {
  await startDaemon();
  const { session } = await connect();
  const uids = Array.from({ length: 3000 }, (_, i) => `uid-${i}`);
  for (let i = 0; i < uids.length; i += 500) session.send(assignMessage(uids.slice(i, i + 500)));
  for (const uid of uids) await session.status(uid, (phase) => phase === "Running");
  const sizes = session.received.all.map((message) => message.status?.statuses.length ?? 0);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
  session.end();
  const again = await connect();
  expect(new Set(again.held.map(({ assignment }) => assignment?.uid)).size).toBe(3000);
});

test("Daemon: sends a log on a call of its own", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  const folder = driver.runs.get("a/0")?.spec.logFolder ?? "";
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "current.log"), "2026-01-01T00:00:00.000000000Z stdout F hello\n");
  const open = { uid: "a", follow: true, tailLines: -1, sinceMs: 0, timestamps: false };
  session.send({ openLog: { streamId: "s1", ...open } });
  await scheduler.logOpened.first((id) => (id === "s1" ? true : undefined));
  session.send({ stop: { instances: [{ uid: "a", hasGrace: true, graceMs: 0 }] } });
  const log = scheduler.logs.get("s1");
  await log?.ended;
  expect(Buffer.concat(log?.chunks.map(({ data }) => data) ?? []).toString()).toBe("hello\n");
  session.send({ openLog: { streamId: "s2", ...open, uid: "../../etc" } });
  await scheduler.logOpened.first((id) => (id === "s2" ? true : undefined));
  await scheduler.logs.get("s2")?.ended;
  expect(scheduler.logs.get("s2")?.chunks.at(-1)?.error).toContain("no longer has the log");
});

test("Daemon: a module outside the allowed directories is refused with what to do", async () => {
  await startDaemon({ allowedHostPaths: [] });
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  const status = await session.status("a", (_, reason) => reason === "HostPathNotAllowed");
  expect(status).toMatchObject({
    phase: "Pending",
    message: expect.stringContaining("--allow-host-path") as string,
  });
});

test("Daemon: forgets the files of instances that were deleted", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  await mkdir(join(root, "state", "instances", "a", "logs"), { recursive: true });
  session.send({ stop: { instances: [{ uid: "a", hasGrace: true, graceMs: 0 }] } });
  await session.status("a", (_, reason) => reason === "Stopped");
  session.send({ acknowledge: { uids: ["a"] } });
  await expect.poll(() => readdir(join(root, "state", "instances"))).toEqual([]);
});

test("Daemon: instances of an outdated process begin anew at once, and are counted once", async () => {
  await startDaemon();
  const { session } = await connect();
  session.send(assignMessage(["web"]));
  session.send(assignMessage(["job"], { owner: { kind: "WasmJob", name: "j", uid: "o" } }));
  await session.status("web", (phase) => phase === "Running");
  await session.status("job", (phase) => phase === "Running");
  const ids = [
    { uid: "web", run: 0 },
    { uid: "job", run: 0 },
  ];
  driver.listener.outdated(ids, "its process is a day old");
  driver.listener.outdated(ids, "its process is a day old");
  const again = await session.received.first((message) =>
    message.status?.statuses.find(({ uid, restarts, ready }) => uid === "web" && restarts === 1 && ready),
  );
  expect(again.lastTermination).toMatchObject({
    reason: "ShimReplaced",
    message: "its process is a day old",
  });
  expect([...driver.runs.keys()].toSorted()).toEqual(["job/0", "web/0", "web/1"]);
});

test("Daemon: says the conditions of its machine in each session", async () => {
  await startDaemon();
  for (let sessions = 0; sessions < 2; sessions++) {
    const { session } = await connect();
    const { conditions } = await session.received.first(({ conditions: said }) => said ?? undefined);
    expect(conditions.map(({ type, status }) => [type, status])).toEqual([
      ["Confinement", true],
      ["InstancePressure", false],
      ["MemoryPressure", false],
      ["DiskPressure", false],
    ]);
    session.end();
  }
});

test("Daemon: evicts when its machine is short of memory, and says both", async () => {
  const room = { ...plenty, memory: () => ({ ...plenty.memory(), availableBytes: 2 ** 20 }) };
  await startDaemon({}, room);
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  const evicted = await session.status("a", (phase) => phase === "Failed");
  expect(evicted).toMatchObject({
    reason: "Evicted",
    message: expect.stringContaining("the node was low on memory: 1024Ki of memory are available"),
  });
  const pressure = await session.received.first(({ conditions }) =>
    conditions?.conditions.find(({ type, status }) => type === "MemoryPressure" && status),
  );
  expect(pressure.reason).toBe("NodeHasInsufficientMemory");
});

test("Daemon: says what it is short of before its inventory, and before the ends that follow from it", async () => {
  const room = { ...plenty, memory: () => ({ ...plenty.memory(), availableBytes: 2 ** 20 }) };
  await startDaemon({}, room);
  const { session } = await connect();
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Failed");
  const { all } = session.received;
  const isShort = ({ conditions }: (typeof all)[number]) =>
    conditions?.conditions.some(({ type, status }) => type === "MemoryPressure" && status) ?? false;
  const isEnd = ({ status }: (typeof all)[number]) =>
    status?.statuses.some(({ reason }) => reason === "Evicted") ?? false;
  expect(all.slice(0, 2).map(({ message }) => message)).toEqual(["hello", "conditions"]);
  expect(all.findIndex(isShort)).toBeLessThan(all.findIndex(isEnd));
});

test("Daemon: serves metrics of what is there, and nothing else", async () => {
  const daemon = await startDaemon({
    machine: parseMachineFlags({ "metrics-address": "127.0.0.1:0", "metrics-per-instance": true }),
  });
  const { session } = await connect();
  expect(session.received.all[0]?.hello?.metricsAddress).toBe(`127.0.0.1:${daemon.metricsPort}`);
  session.send(assignMessage(["a"]));
  await session.status("a", (phase) => phase === "Running");
  driver.use("a", 0, { cpuUs: 1_500_000, memoryBytes: 65_536, fuel: 42, throttledUs: 0 });
  const get = async (path: string) => fetch(`http://127.0.0.1:${daemon.metricsPort}${path}`);
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const text = await response.text();
  const workload = 'namespace="default",workload="WasmDeployment/web"';
  const labels = `{${workload},instance="a"}`;
  for (const line of [
    `wherry_instance_cpu_seconds_total${labels} 1.5`,
    `wherry_instance_fuel_total${labels} 42`,
    `wherry_instance_memory_bytes${labels} 65536`,
    `wherry_instance_restarts_total${labels} 0`,
    `wherry_workload_cpu_seconds_total{${workload}} 1.5`,
    `wherry_workload_instances{${workload},phase="Running"} 1`,
    'wherry_node_instances{phase="Running"} 1',
    'wherry_node_condition{condition="Confinement"} 1',
    'wherry_node_condition{condition="MemoryPressure"} 0',
    'wherry_node_evictions_total{resource="memory"} 0',
    'wherry_node_shims{use="shared"} 1',
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  driver.end("a", 0, { kind: "exited", exitCode: 0 });
  expect((await get("/other")).status).toBe(404);
  expect((await get("/metrics")).ok).toBe(true);
});
