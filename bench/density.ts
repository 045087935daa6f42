/**
 * `npm run bench density`: how many instances one node holds, at what price. 10,000 that sleep and have touched nothing,
 * 10,000 that use some memory and stack, and as many as asked for by WHERRY_BENCH_INSTANCES (50,000). Memory is that of the
 * node alone: its daemon and its shims. The baseline is as many plain Node processes as there are processes.
 */
import { spawn } from "node:child_process";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../node-daemon/shim/test-guests.ts";
import { TestCluster } from "../test/support/cluster.ts";
import { type GuestName, guestFolder, guestImage } from "../test/support/guests.ts";
import { deployment } from "../test/support/manifests.ts";
import type { Figure } from "./figure.ts";
import { memoryBytesOf } from "./processes.ts";

const many = 10_000;
const most = Number(process.env["WHERRY_BENCH_INSTANCES"] ?? 50_000);
/** The daemon looks every five seconds, and gives memory back at the look after the one that saw the last start. */
const settlingMs = 12_000;
const hourMs = 3_600_000;

export async function* run(): AsyncIterable<Figure> {
  yield { name: "a Node process that does nothing (PSS)", value: await plainProcessMiB(), unit: "MiB" };
  yield* await fill("sleeper", many, "asleep, nothing touched");
  yield* await fill("resident", many, "asleep 60 calls deep, 64 KiB touched");
  yield* await stops();
  yield* await fill("sleeper", most, "asleep, nothing touched");
}

async function plainProcessMiB(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1e6)"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((settle) => child.stdout.once("data", settle));
  const bytes = memoryBytesOf([child.pid ?? 0]);
  child.kill("SIGKILL");
  return bytes / 2 ** 20;
}

async function fill(guest: GuestName, count: number, how: string): Promise<readonly Figure[]> {
  const image = await guestImage(guest);
  const nodeArgs = ["--max-instances", String(count + 10)];
  await using cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()], nodeArgs });
  const nodeBytes = () => memoryBytesOf([cluster.nodePid("one"), ...cluster.shims("one")]);
  const client = cluster.client();
  // The module is translated and a shim is there: what is measured is starting instances.
  await client.create(deployment(1, { name: "first", image, template: { resources } }));
  await client.until("first", (status) => status["readyReplicas"] === 1);
  const idle = nodeBytes();
  const begin = performance.now();
  await client.create(deployment(count, { name: "many", image, template: { resources } }));
  await client.until("many", (status) => status["readyReplicas"] === count);
  const tookMs = performance.now() - begin;
  const bytes = nodeBytes();
  await new Promise((resolve) => setTimeout(resolve, settlingMs));
  const settledBytes = nodeBytes();
  const title = `${count} instances, ${how}`;
  return [
    { name: `${title}: started`, value: (count * 1_000) / tookMs, unit: "/s" },
    { name: "  the node's daemon and shims (PSS)", value: bytes / 2 ** 20, unit: "MiB" },
    { name: "  the same once they have settled", value: settledBytes / 2 ** 20, unit: "MiB" },
    { name: "  of which each instance", value: (settledBytes - idle) / count / 1024, unit: "KiB" },
    { name: "  shims", value: cluster.shims("one").length, unit: "" },
    {
      name: "  the scheduler beside it (PSS)",
      value: memoryBytesOf([cluster.schedulerPid]) / 2 ** 20,
      unit: "MiB",
    },
  ];
}

const resources = { requests: { cpu: "0", memory: "0" }, limits: { memory: "16Mi" } };

/** Each of 10,000 is told to stop, one after the other without waiting: from its order to its end. */
async function stops(): Promise<readonly Figure[]> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, guests.sleeps(hourMs));
  const uids = Array.from({ length: many }, (_, index) => `sleeper-${index}`);
  for (const uid of uids) driver.start(node.spec(uid, module));
  await told.hasStarted(many);
  const ordered = performance.now();
  const endedMs: number[] = [];
  told.onEnd = () => void endedMs.push(performance.now() - ordered);
  for (const uid of uids) driver.stop(uid, 0);
  await told.hasEnded(many);
  const at = (share: number) => endedMs[Math.floor((many - 1) * share)] ?? Number.NaN;
  return [
    { name: `${many} stopped at once: ended after, p50`, value: at(0.5), unit: "ms" },
    { name: "  p99", value: at(0.99), unit: "ms" },
    { name: "  the last", value: at(1), unit: "ms" },
  ];
}
