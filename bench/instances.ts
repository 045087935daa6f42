/** What an instance costs, through the driver and its shim, against the engine alone in the same run. */
import { readFileSync } from "node:fs";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { engine } from "../node-daemon/shim/engine.ts";
import { guests } from "../node-daemon/shim/test-guests.ts";

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const count = 1_000;
const hourMs = 3_600_000;

function residentBytes(pid: number | "self"): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}

/** The unrewritten module, suspended for ever in its first call: no logs, no limits, no accounts. */
async function plain(module: Uint8Array): Promise<{ readonly perSecond: number; readonly bytes: number }> {
  const compiled = await engine.compile(module);
  const forever = new engine.Suspending(() => new Promise(() => {}));
  const imports = { wasi_snapshot_preview1: { poll_oneoff: forever } };
  const instances: unknown[] = [];
  const before = residentBytes("self");
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const instance = new engine.Instance(compiled, imports);
    instances.push(instance, engine.promising(instance.exports["_start"])());
  }
  const tookMs = performance.now() - startMs;
  return { perSecond: (count * 1000) / tookMs, bytes: (residentBytes("self") - before) / count };
}

async function hosted(module: Uint8Array): Promise<{ readonly perSecond: number; readonly bytes: number }> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const prepared = await node.prepared(driver, module);
  driver.start(node.spec("first", prepared));
  await told.hasStarted(1);
  const pid = node.shimPids()[0] ?? 0;
  const before = residentBytes(pid);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) driver.start(node.spec(`sleeper-${i}`, prepared));
  await told.hasStarted(count + 1);
  const tookMs = performance.now() - startMs;
  return { perSecond: (count * 1000) / tookMs, bytes: (residentBytes(pid) - before) / count };
}

export async function run(): Promise<readonly Figure[]> {
  const module = guests.sleeps(hourMs);
  const ours = await hosted(module);
  const engineAlone = await plain(module);
  return [
    { name: "instances started, warm shim", value: ours.perSecond, unit: "1/s" },
    { name: "instances started, engine alone", value: engineAlone.perSecond, unit: "1/s" },
    {
      name: "start rate against the engine alone",
      value: ours.perSecond / engineAlone.perSecond,
      unit: "ratio",
    },
    { name: "memory of a sleeping instance", value: ours.bytes, unit: "bytes" },
    { name: "memory of a sleeping instance, engine alone", value: engineAlone.bytes, unit: "bytes" },
    { name: "memory against the engine alone", value: ours.bytes / engineAlone.bytes, unit: "ratio" },
  ];
}
