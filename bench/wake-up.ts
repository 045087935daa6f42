/**
 * How late an instance runs that was to wake up, alone and beside an endless loop, and what it costs to go from one runnable
 * instance to the next. Each instance measures for itself, by its own clock.
 */
import { readFileSync } from "node:fs";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../node-daemon/shim/test-guests.ts";
import { guest } from "../test/support/guests.ts";
import type { Figure } from "./figure.ts";

const counts = [1, 1_000, 10_000] as const;
/** Of all sleepers together. */
const wakesPerSecond = 1_000;
const seconds = 5;
const runnableCounts = [2, 1_000] as const;
/** Of one process. */
const togetherCount = 5_000;
const startMsMax = 40_000;
const switches = 200_000;

interface Lateness {
  readonly p50: number;
  readonly p99: number;
}

/** Of milliseconds. */
function latenessOf(values: readonly number[]): Lateness {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function periodOf(count: number): number {
  return Math.max(20, (count * 1000) / wakesPerSecond);
}

function roundsOf(periodMs: number): number {
  return Math.max(2, Math.round((seconds * 1000) / periodMs));
}

async function sleeping(module: Uint8Array, count: number, besideLoop: boolean): Promise<Lateness> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const waker = await node.prepared(driver, module);
  const spins = await node.prepared(driver, guests.spins());
  const periodMs = periodOf(count);
  const args = ["waker", "sleep", `${periodMs}`, `${roundsOf(periodMs) + 2}`];
  for (let i = 0; i < count; i++) driver.start(node.spec(`waker-${i}`, waker, { args }));
  // There may be several processes, each of which gets its loop.
  if (besideLoop) for (let i = 0; i < 2; i++) driver.start(node.spec(`loop-${i}`, spins));
  await told.hasStarted(count);
  await told.hasEnded(count);
  const late: number[] = [];
  for (let i = 0; i < count; i++) {
    const [, , , ...values] = node.log(`waker-${i}`).trim().split(" ");
    // The first sleep goes with the start of others, the last with their end.
    for (const value of values.slice(1, -1)) late.push(Number(value) / 1000);
  }
  return latenessOf(late);
}

/** The same with as many timers in a plain Node process: what the event loop alone can do. */
async function plainTimers(count: number): Promise<Lateness> {
  const periodMs = periodOf(count);
  const rounds = roundsOf(periodMs);
  const late: number[] = [];
  const timer = async (index: number) => {
    await new Promise((resolve) => setTimeout(resolve, (index * periodMs) / count));
    for (let round = 0; round < rounds; round++) {
      const begin = performance.now();
      await new Promise((resolve) => setTimeout(resolve, periodMs));
      late.push(performance.now() - begin - periodMs);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => timer(index)));
  return latenessOf(late);
}

/** All wake up at the same moment: when the last one has run, and how long a stop takes meanwhile. */
async function together(module: Uint8Array): Promise<{ readonly lastMs: number; readonly stopMs: number }> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const waker = await node.prepared(driver, module);
  const atMs = Date.now() + startMsMax;
  const count = togetherCount;
  const args = ["waker", "at", `${atMs}`];
  for (let i = 0; i < count; i++) driver.start(node.spec(`waker-${i}`, waker, { args }));
  driver.start(node.spec("bystander", await node.prepared(driver, guests.sleeps(3_600_000))));
  await told.hasStarted(count + 1);
  if (Date.now() > atMs - 1_000) throw new Error(`${count} instances did not start in ${startMsMax} ms`);
  await new Promise((resolve) => setTimeout(resolve, atMs - Date.now() + 5));
  const begin = performance.now();
  driver.stop("bystander", 0);
  await told.endOf("bystander");
  const stopMs = performance.now() - begin;
  await told.hasEnded(count + 1);
  const lateMs = (uid: string) => Number(node.log(uid).trim().split(" ").at(-1)) / 1000;
  const lastMs = Math.max(...Array.from({ length: count }, (_, index) => lateMs(`waker-${index}`)));
  return { lastMs, stopMs };
}

/** CPU time of all instances together for giving way `yields` times each, in milliseconds. */
async function givingWay(module: Uint8Array, count: number, yields: number): Promise<number> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const waker = await node.prepared(driver, module);
  const args = ["waker", "yield", `${yields}`];
  for (let i = 0; i < count; i++) driver.start(node.spec(`yields-${i}`, waker, { args }));
  await told.hasEnded(count);
  const last = new Map(told.usages.map(({ id, cpuUs }) => [id.uid, cpuUs]));
  return [...last.values()].reduce((sum, cpuUs) => sum + cpuUs, 0) / 1000;
}

function* latenessFigures(what: string, { p50, p99 }: Lateness): Iterable<Figure> {
  yield { name: `${what}, p50`, value: p50, unit: "ms late" };
  yield { name: `${what}, p99`, value: p99, unit: "ms late" };
}

/** About four minutes: sleeps of 10,000 instances last ten seconds each. */
export async function* run(): AsyncIterable<Figure> {
  const module = readFileSync(await guest("waker"));
  for (const count of counts) {
    const plain = await plainTimers(count);
    yield* latenessFigures(`${count} timers of plain Node`, plain);
    const alone = await sleeping(module, count, false);
    yield* latenessFigures(`${count} sleepers`, alone);
    const beside = await sleeping(module, count, true);
    yield* latenessFigures(`${count} sleepers beside an endless loop`, beside);
    yield { name: "p99 against plain Node", value: alone.p99 / plain.p99, unit: "ratio" };
    yield { name: "p99 with the loop against without", value: beside.p99 / alone.p99, unit: "ratio" };
  }
  const { lastMs, stopMs } = await together(module);
  yield { name: `${togetherCount} that wake at once: the last one`, value: lastMs, unit: "ms late" };
  yield { name: "  a stop of another one meanwhile", value: stopMs, unit: "ms" };
  for (const count of runnableCounts) {
    const yields = Math.round(switches / count);
    const usedMs = (await givingWay(module, count, yields)) - (await givingWay(module, count, 0));
    const switchUs = (usedMs * 1000) / (count * yields);
    yield { name: `going to the next of ${count} runnable instances`, value: switchUs, unit: "µs" };
  }
}
