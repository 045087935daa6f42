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

interface Crowd {
  readonly name: string;
  /** In the text format, beside what makes it sleep. */
  readonly memories: string;
  readonly count: number;
  readonly processesMin: number;
  readonly launcher?: ShimLauncher;
  readonly spec?: (node: TestNode, index: number) => Partial<RunSpec>;
}

const sleeper = (memories: string) => `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) ${memories}
  (data (i32.const 16) "\\01") (data (i32.const 24) "\\00\\a0\\b8\\30\\46\\03\\00\\00")
  (func (export "_start") (loop
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96))) (br 0))))`;

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
    name: "3,000 instances with five memories each",
    memories: "(memory 1) (memory 1) (memory 1) (memory 1)",
    count: 3_000,
    processesMin: 2,
  },
  {
    name: "3,000 instances with two memories of 64 bits beside their own",
    memories: "(memory i64 1) (memory i64 1 200000)",
    count: 3_000,
    processesMin: 2,
  },
  {
    name: "1,200 instances with a mount each, where a process may have 1,000 descriptors",
    memories: "",
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
  const { name, memories, count, processesMin, launcher, spec } = crowd;
  await using node = new TestNode();
  const { driver, told } = await node.open(launcher && { launcher });
  const module = await node.prepared(driver, await parse(sleeper(memories)));
  const begin = performance.now();
  for (let i = 0; i < count; i++) driver.start(node.spec(`one-${i}`, module, spec?.(node, i)));
  await told.until(() => (told.startedUids.length + told.ends.length >= count ? true : undefined));
  const perSecond = Math.round((count * 1_000) / (performance.now() - begin));
  console.log(`${name}: ${perSecond} started per second, in ${node.shimPids().length} processes`);
  expect(told.ends).toEqual([]);
  expect(node.shimPids().length).toBeGreaterThanOrEqual(processesMin);
  for (let i = 0; i < count; i++) driver.stop(`one-${i}`, 0);
  await told.hasEnded(count);
  expect(new Set(told.ends.map(({ end }) => end.kind))).toEqual(new Set(["stopped"]));
});
