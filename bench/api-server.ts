/** The API server under load: a real scheduler with durability on, over TLS, asked by this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCluster } from "../test/support/cluster.ts";
import { besideKubernetes, kubernetes } from "./api/anchor.ts";
import { type Access, Connection, openMany } from "./api/connection.ts";
import { measureCreates } from "./api/creates.ts";
import { measureFairness } from "./api/fairness.ts";
import { measureFanOut } from "./api/fan-out.ts";
import { measureLists } from "./api/lists.ts";
import { closedLoop } from "./api/load.ts";
import { loopDelay } from "./api/loop-delay.ts";
import { createConfigMap, createNamespace } from "./api/objects.ts";
import { median, type Figure } from "./figure.ts";
import { cpuMsOf, memoryBytesOf } from "./processes.ts";

const objectsMax = 50_000;
const idleMs = 2_000;
const restarts = 3;

export async function run(): Promise<readonly Figure[]> {
  await using cluster = await TestCluster.start([]);
  const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  try {
    return [...(await underLoad(cluster, folder)), ...(await full(cluster))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function underLoad(cluster: TestCluster, folder: string): Promise<readonly Figure[]> {
  const { access } = cluster;
  const { pki } = cluster.directory;
  using control = await Connection.open(access, "control");
  await loopDelay(control, "");
  const beforeMs = cpuMsOf(cluster.pids());
  await pause(idleMs);
  const idleCpu = (cpuMsOf(cluster.pids()) - beforeMs) / (idleMs / 1_000);
  const figures: Figure[] = [
    memory(cluster, "idle"),
    besideKubernetes(mebibytes(cluster), kubernetes.idleMebibytes, "MiB"),
    { name: "processor time of the scheduler, idle", value: idleCpu, unit: "ms/s" },
    ...(await loopDelay(control, "idle")),
  ];
  await createNamespace(control, "creates");
  const cpuMs = () => cpuMsOf(cluster.pids());
  figures.push(
    ...(await measureCreates(access, pki, folder, cpuMs)),
    ...(await loopDelay(control, "creates")),
  );
  const writers = await openMany(access, 64);
  using _closing = { [Symbol.dispose]: () => writers.forEach((one) => one[Symbol.dispose]()) };
  figures.push(...(await measureLists(control, writers)), ...(await loopDelay(control, "lists")));
  figures.push(...(await measureFanOut(access, control)), ...(await loopDelay(control, "watches")));
  figures.push(
    ...(await measureFairness(access, join(pki, "ca.crt"))),
    ...(await loopDelay(control, "10,000 in flight")),
  );
  return figures;
}

/** With 50,000 objects: memory, and how long a start takes. */
async function full(cluster: TestCluster): Promise<readonly Figure[]> {
  await fill(cluster.access);
  await pause(idleMs);
  const figures: Figure[] = [memory(cluster, `${objectsMax} objects, after all that`)];
  const times: number[] = [];
  for (let round = 0; round < restarts; round++) {
    await cluster.killScheduler();
    const beginMs = performance.now();
    await cluster.startScheduler();
    using control = await Connection.open(cluster.access, "control");
    const { atMs } = await control.expect(200, { path: "/readyz", accept: "*/*" });
    times.push(atMs - beginMs);
  }
  await pause(idleMs);
  return [
    ...figures,
    { name: `process start to /readyz with ${objectsMax} objects`, value: median(times), unit: "ms" },
    besideKubernetes(median(times), kubernetes.readyMs, "ms"),
    memory(cluster, `${objectsMax} objects, after a start`),
  ];
}

async function fill(access: Access): Promise<void> {
  const connections = await openMany(access, 64);
  using _closing = { [Symbol.dispose]: () => connections.forEach((one) => one[Symbol.dispose]()) };
  const [control] = connections;
  if (!control) return;
  const { text } = await control.expect(200, { path: "/metrics", accept: "*/*", textBytesMax: 2 ** 20 });
  const counts = [...text.matchAll(/^wherry_apiserver_objects\{[^}]*\} (\d+)$/gm)];
  const present = counts.reduce((sum, [, count]) => sum + Number(count), 0);
  await createNamespace(control, "many");
  const count = Math.max(0, objectsMax - present);
  await closedLoop(connections, 201, { ms: 60_000, count }, () => createConfigMap("many"));
}

function memory(cluster: TestCluster, when: string): Figure {
  return { name: `memory of the scheduler (PSS), ${when}`, value: mebibytes(cluster), unit: "MiB" };
}

function mebibytes(cluster: TestCluster): number {
  return memoryBytesOf(cluster.pids()) / 2 ** 20;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
