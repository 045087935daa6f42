/** Probes, preStop and termination messages, of real guests in real shims. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cpuMsOf } from "../../bench/processes.ts";
import { checkout, eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";

const data = mkdtempSync(join(tmpdir(), "wherry-probes-"));
let cluster: TestCluster;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], {
    hostPaths: [guestFolder(), data],
    listen: ["127.0.0.1:1024-65535"],
  });
  image = await guestImage("patient");
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

/** A folder of the machine that one workload's instances see as /data. */
function folderOf(name: string): {
  readonly path: string;
  readonly template: Readonly<Record<string, unknown>>;
} {
  const path = join(data, name);
  mkdirSync(path);
  return {
    path,
    template: {
      volumes: [{ name: "data", hostPath: { path } }],
      mounts: [{ volume: "data", path: "/data" }],
    },
  };
}

const exec = (...args: string[]) => ({
  exec: { args },
  periodSeconds: 1,
  timeoutSeconds: 20,
  failureThreshold: 1,
});

async function of(owner: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === owner);
}

async function statusOf(owner: string): Promise<TestInstance["status"]> {
  const [instance] = await of(owner);
  if (!instance) throw new Error(`${owner} has no instance`);
  return instance.status;
}

async function becomes(owner: string, expected: Partial<TestInstance["status"]>): Promise<void> {
  await eventually(async () => expect(await statusOf(owner)).toMatchObject(expected));
}

async function remove(owner: string): Promise<void> {
  await cluster.wherry("delete", "wasmdeployment", owner);
  await eventually(async () => expect(await of(owner)).toEqual([]));
}

const runsOf = (path: string) => readFileSync(join(path, "runs"), "utf8").trim().split("\n").length;

/** What is left of runs beside instances. */
function sideLogs(): readonly string[] {
  const instances = join(cluster.directory.node("one"), "instances");
  return readdirSync(instances).flatMap((uid) => {
    const folder = join(instances, uid, "side-logs");
    return existsSync(folder) ? readdirSync(folder) : [];
  });
}

test("ready when its file is there; sick once, it is begun anew once, and that is counted once", async () => {
  const { path, template } = folderOf("ward");
  const probes = {
    readinessProbe: exec("has", "/data/ready"),
    livenessProbe: exec("lacks", "/data/sick"),
  };
  await cluster.apply(deployment(1, { name: "ward", image, template: { ...template, ...probes } }));
  await becomes("ward", { ready: "0/1", display: "Unhealthy" });
  expect((await statusOf("ward")).message).toContain("/data/ready is not there");
  writeFileSync(join(path, "ready"), "");
  await becomes("ward", { ready: "1/1", display: "Running", restarts: 0 });
  writeFileSync(join(path, "sick"), "");
  await becomes("ward", { ready: "1/1", display: "Running", restarts: 1 });
  const { lastTermination } = await statusOf("ward");
  expect(lastTermination).toMatchObject({ reason: "Unhealthy" });
  expect(lastTermination?.message).toContain(
    "its liveness probe failed: it exited with code 1: /data/sick is there",
  );
  rmSync(join(path, "ready"));
  await becomes("ward", { ready: "0/1", display: "Unhealthy", restarts: 1 });
  expect(runsOf(path)).toBe(2);
  await remove("ward");
});

test("a startup probe that hangs is killed at its timeout, and takes its run with it", async () => {
  const { path, template } = folderOf("stuck");
  const startupProbe = { ...exec("hang"), timeoutSeconds: 1, failureThreshold: 2 };
  await cluster.apply(deployment(1, { name: "stuck", image, template: { ...template, startupProbe } }));
  await eventually(async () => expect((await statusOf("stuck")).restarts).toBeGreaterThan(0));
  expect((await statusOf("stuck")).lastTermination).toMatchObject({
    reason: "Unhealthy",
    message: "its startup probe failed 2 times in a row: it did not end within 1 s",
  });
  expect(runsOf(path)).toBeGreaterThan(0);
  await remove("stuck");
});

test("a probe that floods its log leaves no log, and little in the status", async () => {
  const { template } = folderOf("loud");
  await cluster.apply(
    deployment(1, { name: "loud", image, template: { ...template, readinessProbe: exec("flood") } }),
  );
  await becomes("loud", { ready: "0/1", display: "Unhealthy" });
  const { message = "" } = await statusOf("loud");
  expect(message).toContain("it exited with code 1: ");
  expect(message).toContain("line 99999");
  expect(message.length).toBeLessThan(1200);
  await remove("loud");
  await eventually(async () => expect(sideLogs()).toEqual([]));
});

test("preStop runs before the instance goes, and one that hangs keeps it no longer than the grace", async () => {
  const { path, template } = folderOf("polite");
  const lifecycle = { preStop: { exec: { args: ["leave", "/data/bye"] } } };
  const polite = { ...template, lifecycle, terminationGracePeriodSeconds: 20 };
  await cluster.apply(deployment(1, { name: "polite", image, template: polite }));
  await becomes("polite", { ready: "1/1" });
  await remove("polite");
  expect(readFileSync(join(path, "bye"), "utf8")).toBe("bye\n");

  const hanging = {
    lifecycle: { preStop: { exec: { args: ["hang"] } } },
    terminationGracePeriodSeconds: 2,
  };
  await cluster.apply(deployment(1, { name: "clingy", image, template: { ...polite, ...hanging } }));
  await becomes("clingy", { ready: "1/1" });
  await remove("clingy");
});

test("a daemon that dies in the middle of preStop: the next one goes on with the stop, in its grace", async () => {
  const { path, template } = folderOf("widow");
  const lifecycle = { preStop: { exec: { args: ["hang"] } } };
  const widow = { ...template, lifecycle, terminationGracePeriodSeconds: 15 };
  await cluster.apply(deployment(1, { name: "widow", image, template: widow }));
  await becomes("widow", { ready: "1/1" });
  const deleted = cluster.wherry("delete", "wasmdeployment", "widow");
  await becomes("widow", { ready: "0/1", reason: "Stopping" });
  await cluster.killNode("one");
  await cluster.startNode("one");
  await eventually(async () => expect(await of("widow")).toEqual([]));
  await deleted;
  expect(runsOf(path)).toBe(1);
});

test("the next daemon goes on with probes, and stops what the last one had asked", async () => {
  const { path, template } = folderOf("kept");
  const probes = {
    readinessProbe: exec("has", "/data/ready"),
    livenessProbe: { ...exec("hang"), timeoutSeconds: 60 },
  };
  writeFileSync(join(path, "ready"), "");
  await cluster.apply(deployment(1, { name: "kept", image, template: { ...template, ...probes } }));
  await becomes("kept", { ready: "1/1" });
  await cluster.killNode("one");
  await cluster.startNode("one");
  await becomes("kept", { ready: "1/1", restarts: 0 });
  rmSync(join(path, "ready"));
  await becomes("kept", { ready: "0/1", restarts: 0 });
  expect(runsOf(path)).toBe(1);
  await remove("kept");
});

test("1,000 instances that are each asked in a fresh instance all become ready, and stay up", async () => {
  const { path, template } = folderOf("crowd");
  writeFileSync(join(path, "ready"), "");
  const probes = {
    readinessProbe: { ...exec("has", "/data/ready"), periodSeconds: 10 },
    livenessProbe: { ...exec("leave", "/data/asked"), periodSeconds: 10, initialDelaySeconds: 5 },
  };
  await cluster.apply(deployment(1_000, { name: "crowd", image, template: { ...template, ...probes } }));
  const areReady = async () => {
    const instances = await of("crowd");
    expect(instances.filter(({ status }) => status.ready === "1/1").length).toBe(1_000);
    return instances;
  };
  await eventually(async () => void (await areReady()), 120_000);
  // Each leaves a line; all are asked a few times.
  const asked = () => statSync(join(path, "asked")).size / "bye\n".length;
  await eventually(async () => expect(asked()).toBeGreaterThan(0));
  const before = { asked: asked(), cpuMs: cpuMsOf(cluster.pids()), atMs: performance.now() };
  await eventually(async () => expect(asked()).toBeGreaterThan(before.asked + 2_000), 120_000);
  const count = 2 * (asked() - before.asked);
  const cpuMs = cpuMsOf(cluster.pids()) - before.cpuMs;
  const seconds = (performance.now() - before.atMs) / 1000;
  console.info(
    `exec probes: about ${Math.round(count / seconds)} a second, ${(cpuMs / count).toFixed(2)} ms of CPU each`,
  );
  expect((await areReady()).every(({ status }) => status.restarts === 0)).toBe(true);
  await remove("crowd");
}, 360_000);

test("a server is asked by GET and by connecting, at its own listener", async () => {
  const port = await freePort();
  const template = {
    listeners: [{ name: "http", address: "127.0.0.1", port }],
    readinessProbe: { httpGet: { port: "http", path: "/ready" }, periodSeconds: 1 },
    livenessProbe: { tcpSocket: { port }, periodSeconds: 1 },
  };
  const server = `file://${checkout}/examples/c-server/server.wasm`;
  await cluster.apply(deployment(1, { name: "server", image: server, template }));
  await becomes("server", { ready: "1/1", restarts: 0 });
  await remove("server");
});

test("a probe of a listener that is not there is refused before anything runs", async () => {
  const template = { readinessProbe: { tcpSocket: { port: "http" } } };
  const manifest = deployment(1, { name: "deaf", image, template });
  const { code, stderr } = await cluster.wherryWithInput(manifest, "apply", "-f", "-");
  expect(code).not.toBe(0);
  expect(stderr).toContain("spec.template.spec.readinessProbe.tcpSocket.port");
  expect(stderr).toContain("no listener has this name or port");
});

test("what a guest leaves as its termination message is what its end says", async () => {
  const { path, template } = folderOf("words");
  writeFileSync(join(path, "words"), "left by nobody in this run");
  const leaving = {
    ...template,
    args: ["leave", "/data/words"],
    terminationMessagePath: "/data/words",
    restartPolicy: "Never",
  };
  await cluster.apply(job({ name: "words", image, template: leaving }));
  await becomes("words", { phase: "Succeeded", message: "left by nobody in this runbye" });

  const failing = {
    ...template,
    args: ["has", "/data/none"],
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
  await cluster.apply(
    job({ name: "log", image, template: { ...failing, restartPolicy: "Never" }, spec: { backoffLimit: 0 } }),
  );
  await becomes("log", { phase: "Failed", exitCode: 1, message: "/data/none is not there" });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
