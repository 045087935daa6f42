import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { fakeUpOptions } from "../testing/up-options.ts";
import { nodeNames, up, type RunningCluster, type UpOptions } from "./up.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-up-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

function start(changes: Partial<UpOptions> = {}) {
  const stop = new AbortController();
  const notices: string[] = [];
  const ready = Promise.withResolvers<RunningCluster>();
  ready.promise.catch(() => {});
  const ended = up(
    fakeUpOptions(folder, changes),
    { onReady: ready.resolve, onNotice: (text) => void notices.push(text) },
    { stop: stop.signal, kill: new AbortController().signal },
    systemClock,
  );
  ended.catch(ready.reject);
  return { stop: () => stop.abort(), notices, ready: ready.promise, ended };
}

const journal = () => readFileSync(join(folder, "journal"), "utf8").trim().split("\n");
const childArgs = (name: string) =>
  JSON.parse(readFileSync(join(folder, `${name}.args`), "utf8")) as readonly string[];

test("up: starts the scheduler, then the nodes; stops them the other way round", async () => {
  const run = start({ nodes: 2 });
  const cluster = await run.ready;
  expect(cluster.url).toBe("https://127.0.0.1:17443");
  expect(cluster.nodes.map(({ name }) => name)).toEqual(["lap-top", "lap-top-2"]);
  run.stop();
  await run.ended;
  const steps = journal().map((line) => line.replace(/ \d+$/, ""));
  expect(steps[0]).toBe("scheduler start");
  expect(steps.slice(1, 3).toSorted()).toEqual(["node-lap-top start", "node-lap-top-2 start"]);
  expect(steps.slice(3, 5).toSorted()).toEqual(["node-lap-top stop SIGTERM", "node-lap-top-2 stop SIGTERM"]);
  expect(steps[5]).toBe("scheduler stop SIGTERM");
  expect(existsSync(join(folder, "up.lock"))).toBe(false);
});

test("up: while it stops, warnings of the scheduler are not shown: they are about nodes that were told to go", async () => {
  const run = start();
  await run.ready;
  run.stop();
  await run.ended;
  const ends = run.notices.filter((notice) => notice.endsWith("of its end"));
  expect(ends.toSorted()).toEqual([
    "error node-lap-top: an error of its end",
    "error scheduler: an error of its end",
    "warn node-lap-top: a warning of its end",
  ]);
});

test("up: tells the children where everything is", async () => {
  const run = start({
    hostPaths: ["data"],
    listen: ["0.0.0.0:80"],
    placementConfig: "/etc/placement.yaml",
    metricServers: ["*", "http://169.254.1.1:9090"],
  });
  await run.ready;
  const scheduler = childArgs("scheduler").join(" ");
  expect(scheduler).toContain(`--store sqlite:${folder}/scheduler/store.db --listen 127.0.0.1:0`);
  expect(scheduler).toContain(`--service-account-key-file ${folder}/pki/service-account.key`);
  expect(scheduler).toContain(`--encryption-key-file ${folder}/pki/encryption.keys`);
  expect(scheduler).toContain("--wide-host-namespaces default");
  expect(scheduler).toContain("--placement-config /etc/placement.yaml");
  expect(scheduler).toContain("--allow-metrics-server * --allow-metrics-server http://169.254.1.1:9090");
  const node = childArgs("node-lap-top").join(" ");
  expect(node).toContain(`--name lap-top --scheduler 127.0.0.1:17444 --ca ${folder}/pki/ca.crt`);
  expect(node).toContain("--allow-host-path /work --allow-host-path /work/data");
  expect(node).toContain(
    "--allow-listen 127.0.0.1:1024-65535 --allow-listen [::1]:1024-65535 --allow-listen 0.0.0.0:80",
  );
  expect(node).toContain("--allow-loopback *");
  expect(node).not.toContain("--cpu");
  for (const file of [
    "kubeconfig",
    "pki/ca.key",
    "pki/admin-token",
    "pki/service-account.key",
    "pki/encryption.keys",
    "pki/node-lap-top.key",
    "logs/scheduler.log",
  ]) {
    expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600]);
  }
  run.stop();
  await run.ended;
});

test.each([
  ["nowhere", undefined, [undefined, undefined]],
  [
    "at a certain port and the next one",
    { port: 8000, strict: true },
    ["--gateway-http 127.0.0.1:8000", "--gateway-http 127.0.0.1:8001"],
  ],
  [
    "from a port on, at the first that is free",
    { port: 8080, strict: false },
    ["--gateway-http 127.0.0.1:8080-8179", "--gateway-http 127.0.0.1:8081-8180"],
  ],
])("up: HTTP is accepted %s", async (_name, http, expected) => {
  const run = start({ nodes: 2, http });
  await run.ready;
  const found = ["node-lap-top", "node-lap-top-2"].map((name) =>
    / (--gateway-http \S+)/.exec(childArgs(name).join(" "))?.at(1),
  );
  expect(found).toEqual(expected);
  run.stop();
  await run.ended;
});

test.each([
  { metricsPerInstance: false, expected: "--metrics-address 127.0.0.1:0 --gateway" },
  { metricsPerInstance: true, expected: "--metrics-address 127.0.0.1:0 --metrics-per-instance --gateway" },
])(
  "up: daemons serve metrics at any port, of instances: $metricsPerInstance",
  async ({ metricsPerInstance, expected }) => {
    const run = start({ metricsPerInstance, http: { port: 8000, strict: true } });
    await run.ready;
    expect(childArgs("node-lap-top").join(" ")).toContain(expected);
    run.stop();
    await run.ended;
  },
);

test("up: traces are asked of the daemons, and of the scheduler what it takes", async () => {
  const run = start({ tracing: { "otlp-endpoint": "http://c:4318", "otlp-sample-ratio": "0.5" } });
  await run.ready;
  const expected = "--otlp-endpoint http://c:4318 --otlp-sample-ratio 0.5";
  expect(childArgs("node-lap-top").join(" ")).toContain(expected);
  expect(childArgs("scheduler").join(" ")).toContain("--otlp-endpoint http://c:4318");
  expect(childArgs("scheduler").join(" ")).not.toContain("ratio");
  run.stop();
  await run.ended;
});

test("up: HTTPS is accepted at a certain port and the next one, also without HTTP", async () => {
  const run = start({ nodes: 2, httpsPort: 8443 });
  await run.ready;
  expect(childArgs("node-lap-top").join(" ")).toContain("--gateway-https 127.0.0.1:8443 ");
  expect(childArgs("node-lap-top-2").join(" ")).toContain("--gateway-https 127.0.0.1:8444 ");
  expect(childArgs("node-lap-top").join(" ")).not.toContain("--gateway-http ");
  run.stop();
  await run.ended;
});

test("up: shows the children's warnings in short, and keeps their logs whole", async () => {
  const run = start();
  await run.ready;
  run.stop();
  await run.ended;
  expect(run.notices).toContain("warn scheduler: a warning (code=7)");
  expect(readFileSync(join(folder, "logs/scheduler.log"), "utf8")).toContain(`"msg":"a warning"`);
});

test("up: starts a child again that crashed, at the same addresses", async () => {
  const run = start();
  await run.ready;
  const pid = Number(journal()[0]?.split(" ").at(-1));
  process.kill(pid, "SIGUSR1");
  await expect.poll(() => journal().filter((line) => line.startsWith("scheduler start")).length).toBe(2);
  expect(run.notices).toContain("scheduler ended with exit code 9; starting it again in 0.5 s");
  expect(childArgs("scheduler")).toContain("127.0.0.1:17443");
  run.stop();
  await run.ended;
});

test("up: a child that never was ready ends it, with the child's last words", async () => {
  const run = start();
  await run.ready;
  run.stop();
  await run.ended;
  writeFileSync(join(folder, "node-lap-top.broken"), "");
  await expect(start().ended).rejects.toThrow(
    "node-lap-top ended with exit code 3 before it was ready:\n  cannot go on",
  );
  expect(journal().at(-1)).toBe("scheduler stop SIGTERM");
});

test("up: a child that says why it cannot go on is quoted, and not the lines of its log", async () => {
  writeFileSync(join(folder, "scheduler.complaint"), "the store is damaged");
  await expect(start().ended).rejects.toThrow(
    /^scheduler ended with exit code 1 before it was ready:\n {2}the store is damaged$/,
  );
});

test("up: a scheduler that can only read starts no node, and stays", async () => {
  writeFileSync(join(folder, "read-only"), "");
  const run = start();
  expect(await run.ready).toMatchObject({ readOnly: "a page is damaged", nodes: [] });
  run.stop();
  await run.ended;
  expect(journal().map((line) => line.replace(/ \d+$/, ""))).toEqual([
    "scheduler start",
    "scheduler stop SIGTERM",
  ]);
});

test("up: says when it makes a new key for the Secrets of a store that is there already", async () => {
  const run = start();
  await run.ready;
  run.stop();
  await run.ended;
  const file = join(folder, "pki/encryption.keys");
  const isToldOf = (text: string) => text.includes(`${file} was missing`);
  expect(run.notices.some(isToldOf)).toBe(false);
  writeFileSync(join(folder, "scheduler/store.db"), "");
  rmSync(file);
  const again = start();
  await again.ready;
  again.stop();
  await again.ended;
  expect(again.notices.filter(isToldOf)).toHaveLength(1);
  expect(existsSync(file)).toBe(true);
});

test("up: a second one on the same state names the first", async () => {
  const run = start();
  await run.ready;
  await expect(start().ended).rejects.toThrow(`already running on ${folder} (pid ${process.pid})`);
  run.stop();
  await run.ended;
});

test("up: a port in use is named with the flag to change it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await expect(start({ port }).ended).rejects.toThrow(
    `port ${port} (for the API) is used by another process; choose another with --port`,
  );
  server.close();
});

test("up: killed, its children stop by themselves, and the next one takes over", async () => {
  const program = fileURLToPath(new URL("../testing/run-up.ts", import.meta.url));
  const killed = fork(program, [folder], { execArgv: [], stdio: "inherit" });
  await once(killed, "message");
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const run = start();
  await run.ready;
  run.stop();
  await run.ended;
  const ends = journal().filter((line) => line.includes("stop"));
  expect(ends.slice(0, 2).toSorted()).toEqual(["node-lap-top stop disconnect", "scheduler stop disconnect"]);
  expect(ends.slice(2)).toEqual(["node-lap-top stop SIGTERM", "scheduler stop SIGTERM"]);
});

test("up: stopped while starting, it leaves nothing behind", async () => {
  const run = start();
  run.stop();
  await run.ended;
  expect(existsSync(join(folder, "up.lock"))).toBe(false);
});

test.each([
  { name: "plain", hostname: "laptop", count: 1, expected: ["laptop"] },
  { name: "several", hostname: "a", count: 3, expected: ["a", "a-2", "a-3"] },
  { name: "not a DNS label", hostname: "My_Mac.local-", count: 1, expected: ["my-mac-local"] },
  { name: "nothing usable", hostname: "___", count: 1, expected: ["node"] },
])("nodeNames: $name", ({ hostname, count, expected }) => {
  expect(nodeNames(hostname, count)).toEqual(expected);
});
