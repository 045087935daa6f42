/** What a component costs against a preview 1 module that does the same, through the driver and its shim, in one run. */
import { readFileSync } from "node:fs";
import { adapted, components } from "../node-daemon/components/test-components.ts";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../node-daemon/shim/test-guests.ts";
import type { Figure } from "./figure.ts";

const count = 300;
const hourMs = 3_600_000;

interface Cost {
  readonly prepareMs: number;
  /** From its start to its end, alone, in a shim that has run one before. */
  readonly runMs: number;
  readonly startsPerSecond: number;
  readonly sleeperBytes: number;
}

function residentBytes(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Of a guest that sleeps and of one that ends at once. */
async function costOf(sleeps: Uint8Array, ends: Uint8Array, first: Uint8Array): Promise<Cost> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  // The translator is loaded by the first component of a daemon.
  await node.prepared(driver, first);
  const before = performance.now();
  const sleeper = await node.prepared(driver, sleeps);
  const prepareMs = performance.now() - before;
  const ender = await node.prepared(driver, ends);
  driver.start(node.spec("warm", ender));
  await told.endOf("warm");
  const runs: number[] = [];
  for (let i = 0; i < 50; i++) {
    const startMs = performance.now();
    driver.start(node.spec(`run-${i}`, ender));
    await told.endOf(`run-${i}`);
    runs.push(performance.now() - startMs);
  }
  driver.start(node.spec("first", sleeper));
  const started = told.startedUids.length;
  await told.hasStarted(started + 1);
  const [pid = 0] = node.shimPids();
  const bytes = residentBytes(pid);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) driver.start(node.spec(`sleeper-${i}`, sleeper));
  await told.hasStarted(started + 1 + count);
  // The last of them is at its first instruction: wait until it sleeps too.
  driver.start(node.spec("last", ender));
  await told.endOf("last");
  return {
    prepareMs,
    runMs: runs.sort((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0,
    startsPerSecond: (count * 1000) / (performance.now() - startMs),
    sleeperBytes: (residentBytes(pid) - bytes) / count,
  };
}

export async function run(): Promise<readonly Figure[]> {
  const module = await costOf(guests.sleeps(hourMs), guests.exits(0), guests.hello("first\n"));
  const first = await components.hello("first\n");
  const component = await costOf(await components.sleeps(hourMs), await components.exits(0), first);
  const withAdapter = await costOf(
    await adapted(guests.sleeps(hourMs)),
    await adapted(guests.exits(0)),
    first,
  );
  return [
    { name: "translating a small component", value: component.prepareMs, unit: "ms" },
    { name: "translating one with the preview 1 adapter", value: withAdapter.prepareMs, unit: "ms" },
    { name: "a module's run that ends at once", value: module.runMs, unit: "ms" },
    { name: "a component's", value: component.runMs, unit: "ms" },
    { name: "with the preview 1 adapter", value: withAdapter.runMs, unit: "ms" },
    { name: "a component's run against a module's", value: component.runMs / module.runMs, unit: "ratio" },
    { name: "modules started, warm shim", value: module.startsPerSecond, unit: "1/s" },
    { name: "components started, warm shim", value: component.startsPerSecond, unit: "1/s" },
    { name: "with the preview 1 adapter", value: withAdapter.startsPerSecond, unit: "1/s" },
    {
      name: "a component's start against a module's",
      value: module.startsPerSecond / component.startsPerSecond,
      unit: "ratio",
    },
    { name: "memory of a sleeping module", value: module.sleeperBytes, unit: "bytes" },
    { name: "memory of a sleeping component", value: component.sleeperBytes, unit: "bytes" },
    { name: "with the preview 1 adapter", value: withAdapter.sleeperBytes, unit: "bytes" },
  ];
}
