/**
 * What a process can hold, with real shims: those who ask for more than there is get another process, and none of them dies.
 * Prints how many processes it took.
 */
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import type { RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import { plainLauncher, type ShimLauncher, spawnDetached } from "../../node-daemon/runtimes/v8/launcher.ts";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { memoryBytesOf } from "../../bench/processes.ts";

interface Crowd {
  readonly name: string;
  /** In the text format. */
  readonly module: string;
  readonly count: number;
  readonly processesMin: number;
  /** That each says it has, at least. */
  readonly bytesMin?: number;
  readonly launcher?: ShimLauncher;
  readonly spec?: (node: TestNode, index: number) => Partial<RunSpec>;
}

const sleeper = (memories: string) => `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) ${memories}
  (data (i32.const 16) "\\01") (data (i32.const 24) "\\00\\a0\\b8\\30\\46\\03\\00\\00")
  (func (export "_start") (loop
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96))) (br 0))))`;

/** As deep as it may be: 3,500 calls are some 550 KiB as they are counted. */
const deep = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\\01") (data (i32.const 24) "\\00\\a0\\b8\\30\\46\\03\\00\\00")
  (func $down (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then
      (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96))) (return (i32.const 0))))
    (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
  (func (export "_start") (drop (call $down (i32.const 3500)))))`;

/** As on a machine whose processes may have few descriptors. */
const fewDescriptors: ShimLauncher = {
  ...plainLauncher,
  tiers: ["shared"],
  launch: ({ folder, execPath, nodeFlags, mainFile }) => {
    const program = [execPath, ...nodeFlags, mainFile, folder];
    return spawnDetached(folder, ["/bin/sh", "-c", 'ulimit -n 1000; exec "$@"', "sh", ...program]);
  },
};

const crowds: readonly Crowd[] = [
  {
    name: "1,000 instances asleep as deep in their stacks as they may be",
    module: deep,
    count: 1_000,
    processesMin: 1,
    bytesMin: 512 * 1024,
    spec: () => ({ memoryBytesMax: 16 * 2 ** 20 }),
  },
  {
    name: "3,000 instances with five memories each",
    module: sleeper("(memory 1) (memory 1) (memory 1) (memory 1)"),
    count: 3_000,
    processesMin: 2,
  },
  {
    name: "3,000 instances with two memories of 64 bits beside their own",
    module: sleeper("(memory i64 1) (memory i64 1 200000)"),
    count: 3_000,
    processesMin: 2,
  },
  {
    name: "1,200 instances with a mount each, where a process may have 1,000 descriptors",
    module: sleeper(""),
    count: 1_200,
    processesMin: 3,
    launcher: fewDescriptors,
    spec: (node, index) => {
      const folder = join(realpathSync(node.folder), `mount-${index}`);
      mkdirSync(folder);
      return { mounts: [{ guestPath: "/m", hostPath: folder, readOnly: true }] };
    },
  },
];

test.each(crowds)("budgets: $name", { timeout: 240_000 }, async (crowd) => {
  const { name, count, processesMin, bytesMin = 0, launcher, spec } = crowd;
  await using node = new TestNode({ usagePeriodMs: 100 });
  const { driver, told } = await node.open(launcher && { launcher });
  const module = await node.prepared(driver, await parse(crowd.module));
  const begin = performance.now();
  for (let i = 0; i < count; i++) driver.start(node.spec(`one-${i}`, module, spec?.(node, i)));
  await told.until(() => (told.startedUids.length + told.ends.length >= count ? true : undefined));
  const perSecond = Math.round((count * 1_000) / (performance.now() - begin));
  // Each has run once, and now sleeps.
  const bytes = () => new Map(told.usages.map(({ id, memoryBytes }) => [id.uid, memoryBytes]));
  await told.until(() => (bytes().size >= count ? true : undefined));
  const pids = node.shimPids();
  const mebibytes = Math.round(memoryBytesOf(pids) / 2 ** 20);
  console.log(`${name}: ${perSecond} started per second, in ${pids.length} processes of ${mebibytes} MiB`);
  expect(told.ends.length).toBe(0);
  expect(Math.min(...bytes().values())).toBeGreaterThan(bytesMin);
  expect(node.shimPids().length).toBeGreaterThanOrEqual(processesMin);
  for (let i = 0; i < count; i++) driver.stop(`one-${i}`, 0);
  await told.hasEnded(count);
  expect(new Set(told.ends.map(({ end }) => end.kind))).toEqual(new Set(["stopped"]));
});
