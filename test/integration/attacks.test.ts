/**
 * One attack for each way in which the engine lets a guest hurt others, on real shims. For each: the neighbours go on, the
 * attacker ends as it must or can be ended, and the neighbours' lateness before and during is printed.
 */
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { describe, expect, test } from "vitest";
import type { RunEnd, RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { describeLateness, Neighbours } from "../support/neighbours.ts";

const mebibyte = 2 ** 20;
const neighbours = 50;

interface Attack {
  readonly name: string;
  /** In the text format. */
  readonly module: string;
  readonly attackers: number;
  readonly spec?: (node: TestNode) => Partial<RunSpec>;
  /** How each attacker ends by itself. Without it all of them go on until they are stopped. */
  readonly ends?: Partial<Extract<RunEnd, { kind: "trapped" }>>;
}

const wasi = (name: string, type: string) =>
  `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${type}))`;
const command = (imports: string, memory: string, body: string) =>
  `(module ${imports} (memory (export "memory") ${memory}) ${body})`;

/** A subscription to the clock, an hour from now, at 0; `$sleep` waits for it. */
const sleeping = {
  imports: wasi("poll_oneoff", "(param i32 i32 i32 i32) (result i32)"),
  body: `(data (i32.const 16) "\\01") (data (i32.const 24) "\\00\\a0\\b8\\30\\46\\03\\00\\00")
    (func $sleep (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96))))`,
};

/** Straight-line code that is compiled when it is first called. */
function bomb(functions: number, instructions: number): string {
  const line = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 7)))";
  const one = (index: number) => `(func $f${index} (local i32) ${line.repeat(instructions / 4)})`;
  const all = Array.from({ length: functions }, (_, index) => index);
  return command(
    "",
    "1",
    `${all.map(one).join("\n")} (func (export "_start") (loop ${all.map((index) => `(call $f${index})`).join(" ")} (br 0)))`,
  );
}

const attacks: readonly Attack[] = [
  { name: "an empty loop", attackers: 8, module: command("", "1", '(func (export "_start") (loop (br 0)))') },
  {
    name: "a loop that catches everything, around a loop",
    attackers: 8,
    module: command(
      "",
      "1",
      '(func $spin (loop (br 0))) (func (export "_start") (loop $again (block $caught (try_table (catch_all $caught) (call $spin))) (br $again)))',
    ),
  },
  {
    name: "unbounded recursion in 1,000 instances that then would sleep",
    attackers: 1_000,
    spec: () => ({ memoryBytesMax: mebibyte }),
    ends: { kind: "trapped", reason: "StackOverflow" },
    module: command(
      sleeping.imports,
      "1",
      `${sleeping.body} (func $down (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (call $sleep) (return (i32.const 0))))
        (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (func (export "_start") (drop (call $down (i32.const 1000000))))`,
    ),
  },
  {
    name: "memory.fill of 256 MiB in a loop",
    attackers: 2,
    spec: () => ({ memoryBytesMax: 300 * mebibyte }),
    module: command(
      "",
      "4096",
      '(func (export "_start") (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x10000000)) (br 0)))',
    ),
  },
  {
    name: "tables that grow as far as they may, and are filled",
    attackers: 50,
    module: command(
      "",
      "1",
      `(table $t 1 funcref) (elem declare func $start) (func $start (export "_start") (loop
        (drop (table.grow $t (ref.func $start) (i32.const 1000)))
        (table.fill $t (i32.const 0) (ref.func $start) (table.size $t)) (br 0)))`,
    ),
  },
  { name: "compile bombs", attackers: 4, module: bomb(40, 60_000) },
  {
    name: "a log flood",
    attackers: 4,
    spec: () => ({ logLimits: { fileBytesMax: mebibyte, bytesPerSecondMax: 4 * mebibyte } }),
    module: command(
      wasi("fd_write", "(param i32 i32 i32 i32) (result i32)"),
      "2",
      `(data (i32.const 0) "\\10\\00\\00\\00\\00\\80\\00\\00") (func (export "_start") (loop
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0)))`,
    ),
  },
  {
    name: "descriptors that are opened and never closed",
    attackers: 20,
    spec: (node) => {
      const folder = join(realpathSync(node.folder), "mount");
      mkdirSync(folder, { recursive: true });
      return { mounts: [{ guestPath: "/m", hostPath: folder, readOnly: false }] };
    },
    module: command(
      wasi("path_open", "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)"),
      "1",
      `(data (i32.const 0) "file") (func (export "_start") (loop
        (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16))) (br 0)))`,
    ),
  },
  {
    name: "memory.atomic.wait for ever",
    attackers: 2,
    module: `(module (memory (export "memory") 1 1 shared) (func (export "_start")
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))`,
  },
  {
    name: "garbage that is never garbage",
    attackers: 2,
    ends: { kind: "trapped", reason: "OutOfMemory" },
    spec: () => ({ memoryBytesMax: 64 * mebibyte }),
    module: `(module (memory (export "memory") 1)
      (type $cell (struct (field (ref null $cell)) (field i64) (field i64)))
      (global $all (mut (ref null $cell)) (ref.null $cell))
      (func (export "_start") (loop
        (global.set $all (struct.new $cell (global.get $all) (i64.const 1) (i64.const 2))) (br 0))))`,
  },
];

function residentMiB(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}

describe("attacks: the neighbours go on, and the attackers can be ended", () => {
  test.each(attacks)("$name", { timeout: 240_000 }, async ({ name, module, attackers, spec, ends }) => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const beside = await Neighbours.start(node, driver, told, neighbours);
    const [shim = 0] = node.shimPids();
    const before = await beside.measure();
    const prepared = await node.prepared(driver, await parse(module));
    const uids = Array.from({ length: attackers }, (_, index) => `attacker-${index}`);
    for (const uid of uids) driver.start(node.spec(uid, prepared, spec?.(node)));
    if (ends === undefined) await told.hasStarted(neighbours + attackers);
    const during = await beside.measure();
    if (ends === undefined) for (const uid of uids) driver.stop(uid, 0);
    const stopAt = performance.now();
    for (const uid of uids) expect(await told.endOf(uid)).toMatchObject(ends ?? { kind: "stopped" });
    const stopMs = Math.round(performance.now() - stopAt);
    console.log(
      `${name} (${attackers}): neighbours late p50/p99/max before ${describeLateness(before)}, ` +
        `during ${describeLateness(during)}; ${ends ? "ended" : `stopped in ${stopMs} ms`}; shim ${residentMiB(shim)} MiB`,
    );
    // They still tick, in the process that they were started in.
    await beside.measure();
    expect(beside.ended).toEqual([]);
    expect(node.shimPids()).toContain(shim);
  });
});

/**
 * A C program keeps its stack in memory, below a global. Called a second time while it is suspended, it would overwrite what
 * the first call has there; so probes and hooks run in instances of their own.
 */
test("exports: while an instance is suspended, others of its module run, and it finds its stack as it left it", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(
    driver,
    await parse(
      command(
        sleeping.imports + wasi("proc_exit", "(param i32)"),
        "1",
        `(data (i32.const 16) "\\01") (data (i32.const 24) "\\00\\2d\\31\\01") (global $stack (mut i32) (i32.const 4096))
        (func (export "_start") (local $i i32)
          (global.set $stack (i32.sub (global.get $stack) (i32.const 64)))
          (loop $each
            (i32.store (global.get $stack) (i32.add (i32.load (global.get $stack)) (i32.const 1)))
            (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $each (i32.lt_u (local.get $i) (i32.const 20))))
          (call $proc_exit (i32.load (global.get $stack))))`,
      ),
    ),
  );
  const uids = Array.from({ length: 50 }, (_, index) => `one-${index}`);
  for (const uid of uids) driver.start(node.spec(uid, module));
  for (const uid of uids) expect(await told.endOf(uid)).toEqual({ kind: "exited", exitCode: 20 });
});
