/**
 * A WAGI request is a fresh instance: what that costs inside a shim, and through a shim's socket, beside the engine alone, which
 * gives an instance a new memory each time, and knows no limits.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Serving } from "../node-daemon/core/serving-config.ts";
import { Caller } from "../node-daemon/runtimes/v8/test-caller.ts";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { engine, type WasmMemory } from "../node-daemon/shim/engine.ts";
import { TestService, wagi } from "../node-daemon/shim/serving/test-service.ts";
import { compileC } from "../tools/compile-c.ts";
import type { Figure } from "./figure.ts";
import { cpuMsOf, memoryBytesOf } from "./processes.ts";

const requests = 20_000;
const warmUp = 3_000;
const together = 16;
const rounds = 3;
const serving: Serving = { ...wagi, concurrency: together, queueMax: 1_000 };
const memoryBytesMax = 64 * 2 ** 20;

export async function* run(): AsyncIterable<Figure> {
  const hello = await compiled("cgi-hello");
  yield* inProcess(hello);
  yield* throughSocket("hello", hello);
  yield* throughSocket("one that takes a megabyte", await compiled("cgi-grows"));
}

function compiled(name: string): Promise<Uint8Array> {
  return compileC(readFileSync(join(import.meta.dirname, "programs", `${name}.c`), "utf8"));
}

interface Cost {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** One after the other, again and again, so that what else the machine does hits both. */
async function* inProcess(module: Uint8Array): AsyncIterable<Figure> {
  await using service = new TestService(module, { serving, spec: { memoryBytesMax } });
  const alone = bare(module);
  const askOne = async () => {
    const { text } = await service.ask();
    if (text !== "hello, world\n") throw new Error(`the answer is ${JSON.stringify(text)}`);
  };
  const ours: Cost[] = [];
  const engines: Cost[] = [];
  await measure(warmUp, together, askOne);
  await measure(warmUp, 1, alone);
  for (let round = 0; round < rounds; round++) {
    ours.push(await measure(requests, together, askOne));
    engines.push(await measure(requests, 1, alone));
  }
  const our = least(ours);
  const engineAlone = least(engines);
  yield { name: "wagi in process: fresh instances", value: our.perSecond, unit: "1/s" };
  yield { name: "  processor time of each", value: our.cpuUs, unit: "µs" };
  yield { name: "new WebAssembly.Instance and _start alone", value: engineAlone.perSecond, unit: "1/s" };
  yield { name: "  processor time of each", value: engineAlone.cpuUs, unit: "µs" };
  yield { name: "wagi against the engine alone", value: engineAlone.cpuUs / our.cpuUs, unit: "times less" };
}

/** What disturbs makes it only dearer. */
function least(costs: readonly Cost[]): Cost {
  return costs.reduce((best, cost) => (cost.cpuUs < best.cpuUs ? cost : best));
}

async function measure(count: number, at: number, ask: () => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  let left = count;
  const asker = async () => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: at }, asker));
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}

/** The module as it is, with as much of WASI as it calls. */
function bare(binary: Uint8Array): () => Promise<void> {
  const module = new engine.Module(binary);
  let memory: WasmMemory | undefined;
  const wasi: Record<string, (...args: number[]) => number> = {};
  for (const { name } of engine.Module.imports(module)) wasi[name] = () => 0;
  wasi["fd_write"] = (_fd = 0, vectors = 0, count = 0, out = 0) => {
    const view = new DataView(memory?.buffer ?? new ArrayBuffer(0));
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += view.getUint32(vectors + 8 * i + 4, true);
    view.setUint32(out, bytes, true);
    return 0;
  };
  let done = 0;
  return async () => {
    const instance = new engine.Instance(module, { wasi_snapshot_preview1: wasi });
    memory = instance.exports["memory"] as WasmMemory;
    await engine.promising(instance.exports["_start"])();
    // Its turn for everything else, as the shim has it.
    if (++done % together === 0) await new Promise((resolve) => setImmediate(resolve));
  };
}

async function* throughSocket(what: string, module: Uint8Array): AsyncIterable<Figure> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const prepared = await node.prepared(driver, module, "wagi");
  driver.start(node.spec("one", prepared, { serving, memoryBytesMax, stopNotice: "stdin" }));
  await told.hasStarted(1);
  const pid = node.shimPids()[0] ?? 0;
  const caller = new Caller(driver.requestFolderOf("one") ?? "");
  const took: number[] = [];
  const askOne = async () => {
    const begin = performance.now();
    const call = await caller.ask("one");
    if (call.text !== "hello, world\n") throw new Error(`the answer is ${JSON.stringify(await call.ended)}`);
    took.push(performance.now() - begin);
  };
  await measure(warmUp, together, askOne);
  took.length = 0;
  const before = { cpuMs: cpuMsOf([pid]), memory: memoryBytesOf([pid]) };
  const { perSecond } = await measure(requests, together, askOne);
  const cpuUs = ((cpuMsOf([pid]) - before.cpuMs) * 1_000) / requests;
  const grownBytes = memoryBytesOf([pid]) - before.memory;
  took.sort((a, b) => a - b);
  caller.close();
  yield { name: `wagi through a shim's socket, ${what}`, value: perSecond, unit: "requests/s" };
  yield { name: "  processor time of the shim, each", value: cpuUs, unit: "µs" };
  yield { name: "  p50", value: took[Math.floor(took.length / 2)] ?? Number.NaN, unit: "ms" };
  yield { name: "  p99", value: took[Math.floor(took.length * 0.99)] ?? Number.NaN, unit: "ms" };
  yield { name: "  the shim's memory has grown by", value: grownBytes / 2 ** 20, unit: "MiB" };
  yield { name: "  its memory mappings", value: mappingsOf(pid), unit: "" };
}

function mappingsOf(pid: number): number {
  return readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length - 1;
}
