/** From `apply` to all instances Running, through real processes: a scheduler, a daemon, its shims. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout, TestCluster } from "../test/support/cluster.ts";
import { guestFolder, guestImage } from "../test/support/guests.ts";
import { deployment } from "../test/support/manifests.ts";
import { median, type Figure } from "./figure.ts";
import { memoryBytesOf } from "./processes.ts";

const sizes = [1, 100, 1_000] as const;
const rounds = 3;

export async function run(): Promise<readonly Figure[]> {
  const image = await guestImage("sleeper");
  await using cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  const idleBytes = memoryBytesOf(cluster.pids());
  // The first instance of all pays for the module's rewriting and the shim's start: that is a figure of its own.
  const cold = await applyAndWait(cluster, image, 1);
  await removeAll(cluster);
  const baseline = await baselineMs();
  const figures: Figure[] = [
    { name: "idle: scheduler and daemon together (PSS)", value: idleBytes / 2 ** 20, unit: "MiB" },
    { name: "apply to the first instance ever Running (cold)", value: cold, unit: "ms" },
    { name: "baseline: a node process that does nothing", value: baseline, unit: "ms" },
  ];
  for (const size of sizes) figures.push(...(await measure(cluster, image, size, baseline)));
  return [...figures, ...(await readiness(baseline))];
}

async function measure(
  cluster: TestCluster,
  image: string,
  size: number,
  baseline: number,
): Promise<readonly Figure[]> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const before = memoryBytesOf(cluster.pids());
    times.push(await applyAndWait(cluster, image, size));
    bytes = memoryBytesOf(cluster.pids()) - before;
    await removeAll(cluster);
  }
  const elapsed = median(times);
  const figures: Figure[] = [
    { name: `apply to all ${size} Running (median of ${rounds})`, value: elapsed, unit: "ms" },
    {
      name: `  of which per instance, against a node process`,
      value: elapsed / size / baseline,
      unit: "times",
    },
  ];
  if (size < 1_000) return figures;
  return [
    ...figures,
    { name: `instances started per second (${size})`, value: (size / elapsed) * 1_000, unit: "/s" },
    { name: `memory per sleeping instance, all processes (PSS)`, value: bytes / size / 1024, unit: "KiB" },
  ];
}

/** Milliseconds from sending the manifest to the status that says that all are ready, as a watcher sees it. */
async function applyAndWait(cluster: TestCluster, image: string, size: number): Promise<number> {
  const client = cluster.client();
  const begin = performance.now();
  await client.create(deployment(size, { name: "bench", image }));
  await client.until("bench", (status) => status["readyReplicas"] === size);
  return performance.now() - begin;
}

async function removeAll(cluster: TestCluster): Promise<void> {
  await cluster.wherry("delete", "wasmdeployment", "bench");
  while ((await cluster.instances()).length > 0) await new Promise((settle) => setTimeout(settle, 100));
}

async function baselineMs(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    await new Promise((settle) => spawn(process.execPath, ["-e", "0"]).once("exit", settle));
    times.push(performance.now() - begin);
  }
  return median(times);
}

/** `npm start` in a fresh state folder, and again in the same one. */
async function readiness(baseline: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  try {
    const first = await startToReady(folder);
    const again = await startToReady(folder);
    return [
      { name: "process start to ready, first start", value: first, unit: "ms" },
      { name: "process start to ready, second start", value: again, unit: "ms" },
      { name: "  against a node process", value: again / baseline, unit: "times" },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startToReady(folder: string): Promise<number> {
  const begin = performance.now();
  const args = [join(checkout, "tools/start.mjs"), "--port", "0", "--state-dir", join(folder, "state")];
  const child = spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((settle) => child.once("exit", settle));
  const elapsed = await new Promise<number>((settle, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("is ready")) settle(performance.now() - begin);
    });
    child.once("exit", (code) => reject(new Error(`npm start ended with ${code}:\n${text}`)));
  });
  child.kill("SIGINT");
  await ended;
  return elapsed;
}
