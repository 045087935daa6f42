/** The store's disk, file and keys fail under real processes: what was acknowledged stays, and what runs goes on. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { ApiClient } from "../../cli/client/api-client.ts";
import { ApiStatusError } from "../../cli/client/status-error.ts";
import { storeFileOf, type StateDirectory } from "../../cli/local/state-directory.ts";
import { eventually, TestCluster, type ClusterOptions, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

const configMaps = "/api/v1/namespaces/default/configmaps";

/** One node with two tickers that run. */
async function startWithTickers(options: ClusterOptions = {}): Promise<TestCluster> {
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()], ...options });
  await cluster.apply(deployment(2, { name: "ticker", image: await guestImage("ticker") }));
  await runningOf(cluster, "ticker", 2);
  return cluster;
}

async function instancesOf(of: TestCluster, name: string): Promise<readonly TestInstance[]> {
  await using client = of.api();
  const path = "/apis/live.wherry.dev/v1alpha1/wasminstances";
  const { items } = await client.request<{ items: readonly TestInstance[] }>({ path });
  return items.filter(({ spec }) => spec.owner.name === name);
}

/** Who runs, once there are so many. */
async function runningOf(of: TestCluster, name: string, count: number): Promise<readonly string[]> {
  let found: readonly TestInstance[] = [];
  await eventually(async () => {
    found = (await instancesOf(of, name)).filter(({ status }) => status.display === "Running");
    expect(found.length).toBe(count);
  });
  return found.map(({ metadata, status }) => `${metadata.uid} restarts ${status.restarts}`).sort();
}

/** Every log grows: its instance is alive, whatever the scheduler knows of it. */
async function expectTicking(of: TestCluster): Promise<void> {
  const folder = join(of.directory.node("one"), "instances");
  const logs = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("current.log"))
    .map((path) => ({ path: join(folder, path), before: statSync(join(folder, path)).size }));
  expect(logs.length).toBeGreaterThan(0);
  await eventually(async () => {
    for (const { path, before } of logs) expect(statSync(path).size).toBeGreaterThan(before);
  });
}

/** The failure that a request meets. */
async function refusalOf(
  request: Promise<unknown>,
): Promise<{ readonly code: number; readonly message: string }> {
  const thrown = await request.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ApiStatusError)) throw new Error("not refused by the server", { cause: thrown });
  return { code: thrown.httpStatus, message: thrown.message };
}

const configMap = (name: string, text = "x") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data: { text },
});

function create(client: ApiClient, name: string, text?: string): Promise<unknown> {
  return client.request({ method: "POST", path: configMaps, body: configMap(name, text) });
}

async function configMapNames(client: ApiClient): Promise<ReadonlySet<string>> {
  const list = await client.request<{ items: readonly { metadata: { name: string } }[] }>({
    path: configMaps,
  });
  return new Set(list.items.map(({ metadata }) => metadata.name));
}

/** Creates ConfigMaps one after the other until it is stopped or refused; returns those that were acknowledged. */
async function keepCreating(client: ApiClient, prefix: string, acknowledged: string[], until: AbortSignal) {
  for (let at = 0; !until.aborted; at++) {
    const name = `${prefix}-${at}`;
    try {
      await create(client, name);
    } catch {
      return;
    }
    acknowledged.push(name);
  }
}

async function firstLine(client: ApiClient, resourceVersion: string): Promise<unknown> {
  const response = await client.open({ path: configMaps, query: { watch: "true", resourceVersion } });
  for await (const chunk of response) {
    response.destroy();
    return JSON.parse(String(chunk).split("\n")[0] ?? "");
  }
  return undefined;
}

test("backup, loss of the store, restore: what was acknowledged is there, and instances go on", async () => {
  const running = await startWithTickers();
  const before = await runningOf(running, "ticker", 2);
  await using client = running.api();
  const acknowledged: string[] = [];
  const stop = new AbortController();
  const writing = keepCreating(client, "steady", acknowledged, stop.signal);
  await eventually(async () => expect(acknowledged.length).toBeGreaterThan(20));
  const certain = [...acknowledged];
  const backup = join(running.folder, "backup.db");
  expect(await running.wherry("backup", backup)).toMatchObject({ code: 0, stderr: "" });
  stop.abort();
  await writing;
  await create(client, "too-late");
  const { metadata } = await client.request<{ metadata: { resourceVersion: string } }>({ path: configMaps });
  // Each leadership has a higher epoch than the one before, and the nodes remember the highest.
  for (let round = 0; round < 2; round++) {
    await running.stopScheduler();
    await running.startScheduler();
  }
  await runningOf(running, "ticker", 2);
  await running.stopScheduler();
  for (const end of ["", "-wal", "-shm"]) rmSync(storeFileOf(running.directory) + end, { force: true });
  const restored = await running.wherry("restore", backup, "--state-dir", running.directory.root);
  expect(restored).toMatchObject({ code: 0, stderr: "" });
  expect(restored.stdout).toContain("restored");
  await running.startScheduler();

  const names = await configMapNames(client);
  expect(certain.filter((name) => !names.has(name))).toEqual([]);
  expect(names.has("too-late")).toBe(false);
  expect(await firstLine(client, metadata.resourceVersion)).toMatchObject({
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired" },
  });
  expect(await runningOf(running, "ticker", 2)).toEqual(before);
  // The node obeys the restored scheduler.
  expect(await running.wherry("scale", "wasmdeployment/ticker", "--replicas", "3")).toMatchObject({
    code: 0,
  });
  expect(await runningOf(running, "ticker", 3)).toEqual(expect.arrayContaining([...before]));
});

test("kill -9 of the scheduler in a storm of creates: everything acknowledged is there", async () => {
  cluster = await TestCluster.start([]);
  const clients = Array.from({ length: 8 }, () => cluster!.api());
  for (let round = 0; round < 2; round++) {
    const acknowledged: string[] = [];
    const never = new AbortController().signal;
    const storm = clients.map((client, at) => keepCreating(client, `r${round}-c${at}`, acknowledged, never));
    await eventually(async () => expect(acknowledged.length).toBeGreaterThan(200));
    await cluster.killScheduler();
    await Promise.all(storm);
    await cluster.startScheduler();
    const names = await configMapNames(clients[0]!);
    expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
  }
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
});

/** Overwrites the first leaf page of a table of a stopped store. */
function damage(file: string, table: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const page = db
    .prepare("SELECT pageno, pgoffset, pgsize FROM dbstat WHERE name = ? AND pagetype = 'leaf' LIMIT 1")
    .get(table);
  db.close();
  const descriptor = openSync(file, "r+");
  const bytes = Buffer.alloc(Number(page?.["pgsize"]), 0xee);
  writeSync(descriptor, bytes, 0, bytes.length, Number(page?.["pgoffset"]));
  closeSync(descriptor);
}

test("a damaged page: of the past, and everything can be read; of the present, and nothing starts", async () => {
  const running = await startWithTickers();
  const before = await runningOf(running, "ticker", 2);
  await using client = running.api();
  for (let at = 0; at < 30; at++) await create(client, `c${at}`, "x".repeat(2_000));
  const file = storeFileOf(running.directory);
  await running.stopScheduler();
  damage(file, "history");
  await running.startScheduler();
  expect((await configMapNames(client)).size).toBeGreaterThanOrEqual(30);
  const refusal = await refusalOf(create(client, "more"));
  expect(refusal.code).toBe(503);
  expect(refusal.message).toContain(`store ${file}`);
  expect(refusal.message).toContain("wherry restore");
  expect(refusal.message).not.toContain("\n");
  expect(await refusalOf(client.request({ path: "/apis/live.wherry.dev/v1alpha1/wasminstances" }))).toEqual({
    code: 503,
    message: "wasminstances are not known: nothing is scheduled while the store is read-only",
  });
  await expectTicking(running);
  const saved = join(running.folder, "saved.db");
  expect(await running.wherry("backup", saved)).toMatchObject({ code: 0 });

  await running.stopScheduler();
  damage(file, "entry");
  await expect(running.startScheduler()).rejects.toThrow(`store ${file}`);
  await expectTicking(running);
  const up = await running.wherry("up", "--state-dir", running.directory.root, "--port", "0");
  expect(up.code).toBe(1);
  expect(up.stderr).toContain(`store ${file}`);
  expect(up.stderr).toContain("wherry restore");
  expect(up.stderr).not.toContain('{"level"');

  // What was saved of the damaged store is whole, because only its past was damaged.
  const place = ["--state-dir", running.directory.root];
  expect((await running.wherry("restore", saved, ...place)).stderr).toContain("--force");
  const restored = await running.wherry("restore", saved, ...place, "--force");
  expect(restored.stdout).toContain("the backup is damaged");
  await running.startScheduler();
  expect((await configMapNames(client)).size).toBeGreaterThanOrEqual(30);
  await create(client, "more");
  expect(await runningOf(running, "ticker", 2)).toEqual(before);
});

const secret = (name: string, text: string) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  stringData: { password: text },
});

test("encryption keys: lost, given back, and rotated", async () => {
  const running = await startWithTickers();
  await using client = running.api();
  const secrets = "/api/v1/namespaces/default/secrets";
  const password = randomBytes(16).toString("hex");
  await client.request({ method: "POST", path: secrets, body: secret("db", password) });
  const env = [{ name: "PASSWORD", valueFrom: { secretKeyRef: { name: "db", key: "password" } } }];
  const image = await guestImage("ticker");
  await running.apply(deployment(1, { name: "needs", image, template: { env } }));
  const before = await runningOf(running, "needs", 1);
  const keyFile = join(running.directory.pki, "encryption.keys");
  const oldLine = readFileSync(keyFile, "utf8").trim();
  const oldName = oldLine.split(":")[0] ?? "";
  const newLine = `rotated:${randomBytes(32).toString("base64")}`;

  // It cannot be read at all: everything but Secrets is served, and none is written in plain.
  await running.stopScheduler();
  rmSync(keyFile);
  mkdirSync(keyFile);
  await running.startScheduler();
  const unread = await refusalOf(client.request({ path: `${secrets}/db` }));
  expect(unread.message).toContain(`encrypted with the key "${oldName}": the key file ${keyFile} cannot be`);
  const refused = await refusalOf(
    client.request({ method: "POST", path: secrets, body: secret("other", password) }),
  );
  expect(refused).toEqual({ code: 503, message: expect.stringContaining("is not stored in plain") });
  await create(client, "no-secret");
  await expectTicking(running);

  // Another one in its place.
  await running.stopScheduler();
  rmdirSync(keyFile);
  writeFileSync(keyFile, `${newLine}\n`, { mode: 0o600 });
  await running.startScheduler();
  const lost = await refusalOf(client.request({ path: `${secrets}/db` }));
  expect(lost.message).toContain(`encrypted with the key "${oldName}", which is not in ${keyFile}`);
  expect((await configMapNames(client)).has("no-secret")).toBe(true);
  await client.request({ method: "POST", path: secrets, body: secret("other", password) });
  expect(await runningOf(running, "needs", 1)).toEqual(before);
  await running.wherry("scale", "wasmdeployment/needs", "--replicas", "2");
  await eventually(async () => {
    const waiting = (await instancesOf(running, "needs")).filter(({ status }) => status.phase === "Pending");
    expect(waiting.map(({ status }) => status)).toMatchObject([
      { reason: "SecretUnreadable", message: expect.stringContaining(oldName) },
    ]);
  });

  // Given back behind the new one: all is well, and everything is under the new one.
  await running.stopScheduler();
  writeFileSync(keyFile, `${newLine}\n${oldLine}\n`);
  await running.startScheduler();
  expect(await runningOf(running, "needs", 2)).toEqual(expect.arrayContaining([...before]));
  const read = await client.request<{ data: Record<string, string> }>({ path: `${secrets}/db` });
  expect(Buffer.from(read.data["password"] ?? "", "base64").toString()).toBe(password);
  const file = storeFileOf(running.directory);
  for (const bytes of [readFileSync(file), readFileSync(`${file}-wal`)]) {
    expect(bytes.includes(`aesgcm:v1:${oldName}:`)).toBe(false);
    expect(bytes.includes(password)).toBe(false);
    expect(bytes.includes(Buffer.from(password).toString("base64"))).toBe(false);
  }
  await running.stopScheduler();
  writeFileSync(keyFile, `${newLine}\n`);
  await running.startScheduler();
  expect(await client.request({ path: `${secrets}/db` })).toMatchObject({ data: read.data });
});

/** How a disk becomes full and empty again around a real scheduler. */
interface FullDisk {
  readonly command: (directory: StateDirectory) => readonly [string, ...string[]];
  /** There is no more room than this. */
  readonly fill: (of: TestCluster) => void;
  readonly makeRoom: (of: TestCluster) => void;
}

const canMount =
  spawnSync("unshare", ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

/** A file system of its own, where the machine allows that. */
const smallFileSystem: FullDisk = {
  command: ({ store }) => {
    const script = 'mount -t tmpfs -o size=16m none "$0" && exec "$@"';
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", script, store, process.execPath];
  },
  // The log alone may take four megabytes before it is copied into the file, and as much again there.
  fill: (of) => writeFileSync(inside(of, "ballast"), Buffer.alloc(10_000_000)),
  makeRoom: (of) => rmSync(inside(of, "ballast")),
};

function inside(of: TestCluster, name: string): string {
  return join(`/proc/${of.schedulerPid}/root`, of.directory.store, name);
}

/** Elsewhere, SQLite is made to say what it says on a full disk. */
const pretendedFullDisk: FullDisk = {
  command: ({ store }) => {
    const preload = fileURLToPath(new URL("../support/full-disk.ts", import.meta.url));
    return ["env", `WHERRY_TEST_FULL_DISK=${join(store, "full")}`, process.execPath, "--import", preload];
  },
  fill: (of) => writeFileSync(join(of.directory.store, "full"), ""),
  makeRoom: (of) => rmSync(join(of.directory.store, "full")),
};

const disks = [
  ...(canMount ? [{ name: "a small file system", disk: smallFileSystem }] : []),
  { name: "a pretended one", disk: pretendedFullDisk },
];

test.each(disks)("a full disk, $name: writes are refused, all else goes on", async ({ disk }) => {
  const running = await startWithTickers({ schedulerCommand: disk.command });
  const before = await runningOf(running, "ticker", 2);
  await using client = running.api();
  const { metadata } = await client.request<{ metadata: { resourceVersion: string } }>({ path: configMaps });
  const watch = await client.open({
    path: configMaps,
    query: { watch: "true", resourceVersion: metadata.resourceVersion },
  });
  let watched = "";
  watch.on("data", (chunk: Buffer) => void (watched += String(chunk)));
  disk.fill(running);
  const acknowledged: string[] = [];
  const fillUp = async () => {
    for (let at = 0; at < 200; at++) {
      await create(client, `big-${at}`, "x".repeat(100_000));
      acknowledged.push(`big-${at}`);
    }
  };
  expect(await refusalOf(fillUp())).toEqual({
    code: 503,
    message: expect.stringContaining("the disk is full; free some space"),
  });
  expect([...(await configMapNames(client))].filter((name) => name.startsWith("big")).sort()).toEqual(
    acknowledged.toSorted(),
  );
  await expectTicking(running);
  expect(await runningOf(running, "ticker", 2)).toEqual(before);
  expect(running.isSchedulerRunning).toBe(true);
  disk.makeRoom(running);
  await create(client, "after");
  await eventually(async () => expect(watched).toContain('"name":"after"'));
  expect(await running.wherry("scale", "wasmdeployment/ticker", "--replicas", "3")).toMatchObject({
    code: 0,
  });
  expect(await runningOf(running, "ticker", 3)).toEqual(expect.arrayContaining([...before]));
  watch.destroy();
});
