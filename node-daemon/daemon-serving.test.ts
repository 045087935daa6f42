import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { InstanceSpec } from "../api/gen/kinds.gen.ts";
import type { RouteEntry } from "../api/route-table.ts";
import type { NodeAssignment } from "./core/assignment.ts";
import type { Daemon } from "./daemon.ts";
import { installOwnProgram } from "./own-program.ts";
import { parseMachineFlags } from "./machine/machine-options.ts";
import type { DaemonOptions } from "./options.ts";
import { noServing, parseServingFlags } from "./serving/serving-options.ts";
import { writeAssignment } from "./session/wire.ts";
import { buildAssignment, buildTemplate } from "./testing/builders.ts";
import { TestAuthority, type TlsFiles } from "./testing/certificates.ts";
import { FakeDriver } from "./testing/fake-driver.ts";
import { startTestDaemon } from "./testing/start-daemon.ts";
import { TestScheduler, type TestSession } from "./testing/test-scheduler.ts";

let nodeTls: TlsFiles;
let schedulerTls: TlsFiles;
beforeAll(async () => {
  const authority = await TestAuthority.make();
  nodeTls = await authority.issue("system:node:n1");
  schedulerTls = await authority.issue("wherry-scheduler");
});

let root: string;
let scheduler: TestScheduler;
let driver: FakeDriver;
let last: Daemon | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-serving-"));
  await mkdir(join(root, "modules"));
  await writeFile(join(root, "modules", "app.wasm"), "module bytes");
  scheduler = new TestScheduler();
  await scheduler.listen(schedulerTls);
  driver = new FakeDriver();
});
afterEach(async () => {
  await last?.drain();
  last = undefined;
  scheduler.stop();
  await rm(root, { recursive: true, force: true });
});

/** With a gateway that tells what it knows. */
async function startDaemon(given: Partial<DaemonOptions> = {}): Promise<{ daemon: Daemon; url: string }> {
  const program = installOwnProgram(["node-daemon/gateway/process/test-main"], join(root, "programs"));
  const command = [process.execPath, "--disable-warning=ExperimentalWarning", program.mainFile];
  const serving = parseServingFlags({ "gateway-http": ["127.0.0.1:0"] }, 1);
  const daemon = await startTestDaemon({
    root,
    port: scheduler.port,
    tls: nodeTls,
    driver,
    given: { serving, orphanMs: 20_000, ...given },
    gatewayProgram: { program, command },
  });
  last = daemon;
  return { daemon, url: daemon.urls[0] ?? "" };
}

async function connected(): Promise<TestSession> {
  const session = await scheduler.session();
  session.welcome();
  await session.inventory();
  return session;
}

const told = async (url: string) => await (await fetch(url)).text();

/** As often as there is an answer. */
async function until(url: string, expected: string): Promise<void> {
  while ((await told(url)) !== expected) await new Promise(setImmediate);
}

function route(uid: string) {
  const entry: RouteEntry = {
    uid,
    namespace: "default",
    name: `route ${uid}`,
    createdMs: 0,
    hostnames: ["*"],
    rules: [],
  };
  return { uid, entryJson: Buffer.from(JSON.stringify(entry)) };
}

const http: InstanceSpec["http"] = {
  handler: "wagi",
  concurrency: 4,
  queueLength: 8,
  requestsPerInstance: 100,
  requestTimeoutSeconds: 30,
  maxRequestBodyBytes: 1024,
};

function assign(uid: string, spec: Partial<InstanceSpec>, owner?: NodeAssignment["owner"]) {
  const template = buildTemplate({ module: { image: `file://${root}/modules/app.wasm` }, ...spec });
  return {
    assign: {
      templates: [{ id: template.id, specJson: Buffer.from(template.specJson), contents: [] }],
      assignments: [writeAssignment(buildAssignment({ uid, name: uid, ...(owner && { owner }) }))],
    },
  };
}

test("Daemon: says where its gateway is", async () => {
  const { url } = await startDaemon();
  const session = await scheduler.session();
  const hello = await session.received.first((message) => message.hello ?? undefined);
  expect(hello.gatewayUrls).toEqual([url]);
  expect(hello.gatewayAddress).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(`http://${hello.gatewayAddress}`).not.toBe(url);
  session.welcome();
  const said = await session.received.first(({ conditions }) =>
    conditions?.conditions.find(({ type }) => type === "GatewayListening"),
  );
  expect(said).toMatchObject({ status: true, message: `the gateway accepts requests at ${url}` });
});

test("Daemon: tells its gateway what the scheduler says, once all parts are there", async () => {
  const { url } = await startDaemon();
  const session = await connected();
  session.send({ updateGateway: { complete: true, routes: [route("a"), route("b")] } });
  await until(`${url}/route/b`, "route b");
  session.send({ updateGateway: { complete: true, more: true, routes: [route("c")] } });
  session.send({ updateGateway: { more: true, routes: [route("d")] } });
  // What comes after them has been read after them.
  session.send(assign("one", { http }));
  await until(`${url}/endpoint/one`, "one");
  expect(await told(`${url}/route/a`)).toBe("route a");
  expect(await told(`${url}/route/c`)).toBe("unknown");
  session.send({ updateGateway: { routes: [route("e")], removedRoutes: ["d"] } });
  await until(`${url}/route/e`, "route e");
  const known = await Promise.all(["a", "b", "c"].map((uid) => told(`${url}/route/${uid}`)));
  expect(known).toEqual(["unknown", "unknown", "route c"]);
});

test("Daemon: the next one, without a scheduler, tells a new gateway what holds", async () => {
  const { daemon, url } = await startDaemon();
  const session = await connected();
  session.send({ updateGateway: { complete: true, routes: [route("a")] } });
  await until(`${url}/route/a`, "route a");
  const pid = Number(await told(url));
  scheduler.stop();
  await daemon.leave();
  process.kill(pid, "SIGKILL");
  const next = await startDaemon();
  expect(next.url).toBe(url);
  expect(Number(await told(url))).not.toBe(pid);
  expect(await told(`${url}/route/a`)).toBe("route a");
});

const measured = { machine: parseMachineFlags({ "metrics-address": "127.0.0.1:0" }) };
const web = { uid: "w", namespace: "shop", kind: "WasmDeployment", name: "web" };
const counterOfWeb = 'wherry_gateway_requests_arrived_total{namespace="shop",workload="WasmDeployment/web"}';

async function webLine(daemon: Daemon): Promise<string | undefined> {
  const page = await told(`http://127.0.0.1:${daemon.metricsPort}/metrics`);
  return page.split("\n").find((line) => line.startsWith(counterOfWeb));
}

test("Daemon: a workload has counters from when its gateway is told of it, until it is told that it is gone", async () => {
  const { daemon, url } = await startDaemon(measured);
  const session = await connected();
  session.send({ updateGateway: { complete: true, workloads: [web], routes: [route("a")] } });
  await until(`${url}/route/a`, "route a");
  expect(await webLine(daemon)).toBe(`${counterOfWeb} 0`);
  session.send({ updateGateway: { removedWorkloads: ["w"], routes: [route("b")] } });
  await until(`${url}/route/b`, "route b");
  expect(await webLine(daemon)).toBeUndefined();
});

test("Daemon: the next one says of no counter that it is 0 before the gateway has said what it is", async () => {
  const { daemon, url } = await startDaemon(measured);
  const session = await connected();
  session.send({ updateGateway: { complete: true, workloads: [web], routes: [route("a")] } });
  await until(`${url}/route/a`, "route a");
  const pid = Number(await told(url));
  await daemon.leave();
  process.kill(pid, "SIGSTOP");
  try {
    const next = await startDaemon(measured);
    expect(await webLine(next.daemon)).toBeUndefined();
    process.kill(pid, "SIGCONT");
    while ((await webLine(next.daemon)) === undefined) await new Promise(setImmediate);
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("Daemon: a route that makes no sense ends the session", async () => {
  await startDaemon();
  const session = await connected();
  session.send({ updateGateway: { routes: [{ uid: "a", entryJson: Buffer.from("{") }] } });
  await session.ended.promise;
});

test("Daemon: an instance gets requests from its start until it is to stop", async () => {
  const { url } = await startDaemon();
  const session = await connected();
  session.send(assign("one", { http }));
  await until(`${url}/endpoint/one`, "one");
  driver.obedient = false;
  session.send({ stop: { instances: [{ uid: "one", hasGrace: true, graceMs: 60_000 }] } });
  await until(`${url}/endpoint/one`, "unknown");
  driver.end("one", 0, { kind: "stopped" });
  await session.status("one", (phase) => phase === "Failed");
});

test("Daemon: a server is told to stop once its requests are answered", async () => {
  const allowedListen = [{ namespace: undefined, address: "*", fromPort: 1, toPort: 9 }];
  const { url } = await startDaemon({ allowedListen });
  const session = await connected();
  const listeners = [{ name: "web", address: "127.0.0.1", port: 1 }];
  session.send(assign("busy", { http: { ...http, handler: "listener" }, listeners }));
  await until(`${url}/endpoint/busy`, "busy");
  session.send({ stop: { instances: [{ uid: "busy", hasGrace: true, graceMs: 60_000 }] } });
  await until(`${url}/endpoint/busy`, "unknown");
  expect(driver.stopped).toEqual([]);
  await told(`${url}/drained?uid=busy`);
  await session.status("busy", (phase) => phase === "Failed");
  expect(driver.stopped.map(({ uid }) => uid)).toEqual(["busy"]);
});

test("Daemon: what requests wait for is told to the scheduler", async () => {
  const { url } = await startDaemon();
  const session = await connected();
  await told(`${url}/wake?uid=w`);
  const wakeUp = await session.received.first((message) => message.wakeUp ?? undefined);
  expect(wakeUp.workloadUids).toEqual(["w"]);
});

test("Daemon: a gateway that is somewhere else now is told in a new session", async () => {
  const { url } = await startDaemon();
  const session = await connected();
  const pid = Number(await told(url));
  process.kill(pid, "SIGKILL");
  // Whoever has the port now is not the gateway.
  await using thief = await listenAt(Number(new URL(url).port));
  await session.ended.promise;
  const next = await scheduler.session();
  const hello = await next.received.first((message) => message.hello ?? undefined);
  expect(thief.server.listening).toBe(true);
  expect(hello.gatewayUrls).toHaveLength(1);
  expect(hello.gatewayUrls).not.toContain(url);
});

/** As soon as nobody else does. */
async function listenAt(port: number): Promise<AsyncDisposable & { readonly server: Server }> {
  for (;;) {
    const server = createServer().listen({ port, host: "127.0.0.1" });
    const [failed] = await Promise.race([once(server, "listening"), once(server, "error")]).catch(
      (thrown) => [thrown],
    );
    if (failed === undefined)
      return { server, [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) };
  }
}

test("Daemon: an address that somebody else has is an error that says so", async () => {
  const { url } = await startDaemon();
  const serving = parseServingFlags({ "gateway-http": [`127.0.0.1:${new URL(url).port}`] }, 1);
  const first = last;
  const own = root;
  root = join(own, "second");
  await mkdir(root);
  await expect(startDaemon({ serving })).rejects.toMatchObject({
    code: "AddressUnavailable",
    message: expect.stringContaining("choose another address (--gateway-http") as string,
  });
  root = own;
  last = first;
});

const asked = (arrived: number) => ({
  arrived,
  inFlight: 1,
  waiting: 0,
  requests: { "1xx": 0, "2xx": arrived - 1, "3xx": 0, "4xx": 0, "5xx": 0 },
  durations: [arrived - 1],
  durationSumMs: 1,
  wakeUps: 0,
  wakeUpSumMs: 0,
  retries: 0,
});
const used = { cpuUs: 1, memoryBytes: 1, fuel: 1, throttledUs: 0 };
const direct: Partial<InstanceSpec> = {
  http: { ...http, listener: "direct" },
  listeners: [{ name: "direct", address: "127.0.0.1", port: 1 }],
};
const directGiven = {
  allowedListen: [{ namespace: undefined, address: "*", fromPort: 1, toPort: 9 }],
  serving: noServing,
};

function trafficOf(session: TestSession, arrived: number) {
  return session.received.first(({ traffic }) => traffic?.workloads.find((told) => told.arrived === arrived));
}

test("Daemon: what instances are asked directly is their workload's traffic, also without a gateway", async () => {
  await startDaemon(directGiven);
  const session = await connected();
  session.send(assign("one", direct));
  await session.status("one", (phase) => phase === "Running");
  expect(driver.runs.get("one/0")?.spec.network.listeners).toEqual(direct.listeners);
  driver.use("one", 0, { ...used, requests: asked(3) });
  expect(await trafficOf(session, 3)).toMatchObject({ uid: "owner-1", inFlight: 1 });
  driver.end("one", 0, { kind: "trapped", reason: "Trapped", message: "" });
  expect(await trafficOf(session, 0)).toMatchObject({ uid: "owner-1", inFlight: 0 });
});

test("Daemon: what a process says it was asked is its own workload's traffic, whatever else it says", async () => {
  await startDaemon(directGiven);
  const session = await connected();
  session.send(assign("one", direct));
  await session.status("one", (phase) => phase === "Running");
  const requests = { ...asked(3), uid: "another" };
  driver.use("one", 0, { ...used, requests });
  expect(await trafficOf(session, 3)).toMatchObject({ uid: "owner-1" });
});

test("Daemon: what an instance was asked before a daemon took it over is no traffic", async () => {
  const { daemon } = await startDaemon(directGiven);
  const session = await connected();
  session.send(assign("one", direct));
  await session.status("one", (phase) => phase === "Running");
  driver.use("one", 0, { ...used, requests: asked(3) });
  await trafficOf(session, 3);
  await daemon.leave();
  driver.adopted = [{ kind: "running", id: { uid: "one", run: 0 }, startedMs: 1_000, isolation: "shared" }];
  await startDaemon(directGiven);
  const next = await connected();
  driver.use("one", 0, { ...used, requests: asked(5) });
  await trafficOf(next, 0);
  driver.use("one", 0, { ...used, requests: asked(7) });
  expect(await trafficOf(next, 2)).toMatchObject({ uid: "owner-1", inFlight: 1 });
});

test("Daemon: no two workloads take requests at one port, whatever the scheduler says", async () => {
  await startDaemon(directGiven);
  const session = await connected();
  session.send(assign("one", direct));
  await session.status("one", (phase) => phase === "Running");
  session.send(assign("two", direct, { kind: "WasmDeployment", name: "other", uid: "owner-2" }));
  const { message } = await session.status("two", (_phase, reason) => reason === "AddressInUse");
  expect(message).toBe(
    "instance one of another workload takes requests at the same port of this node; give one of them another port in spec.listeners",
  );
  session.send(assign("three", direct));
  await session.status("three", (phase) => phase === "Running");
});
