/** Guests that stop or fill their whole process, in one of their own. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { TestNode } from "./test-driver.ts";

const hourMs = 3_600_000;
const mebibyte = 2 ** 20;

/** Writes a line, then waits inside an instruction, for so many nanoseconds, or for ever; then exits with 5. */
const waits = (ns: number) => `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1 1 shared)
  (data (i32.const 0) "\\10\\00\\00\\00\\08\\00\\00\\00") (data (i32.const 16) "waiting\\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const ${ns})))
    (call $proc_exit (i32.const 5))))`;

/** Keeps a list of 40 bytes each: so many, or without end. */
const keeps = (count: number) => `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (type $cell (struct (field (ref null $cell)) (field i64) (field i64)))
  (global $all (mut (ref null $cell)) (ref.null $cell))
  (func (export "_start") (local $left i32) (local.set $left (i32.const ${count}))
    (loop $again
      (global.set $all (struct.new $cell (global.get $all) (i64.const 1) (i64.const 2)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (call $proc_exit (i32.const 7))))`;

test("memory.atomic.wait: what was written is on disk, a stop ends it at once, and it is stopped", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open({ spares: 1 });
  const module = await node.prepared(driver, await parse(waits(-1)));
  expect(module.needsProcess).toEqual(["threads"]);
  driver.start(node.spec("one", module));
  await told.hasStarted(1);
  expect(told.isolations.get("one")).toBe("process");
  await expect.poll(() => node.log("one")).toContain("stdout F waiting\n");
  driver.stop("one", hourMs);
  expect(await told.endOf("one")).toEqual({ kind: "stopped" });
});

test("memory.atomic.wait: outlives its daemon, and comes to its own end under the next one", async () => {
  await using node = new TestNode();
  const first = await node.open();
  const module = await node.prepared(first.driver, await parse(waits(6_000_000_000)));
  first.driver.start(node.spec("one", module));
  await first.told.hasStarted(1);
  await first.driver.close("keep");
  const second = await node.open();
  const [adopted] = second.adopted;
  expect(adopted).toMatchObject({ id: { uid: "one", run: 0 } });
  const end = adopted?.kind === "ended" ? adopted.end : await second.told.endOf("one");
  expect(end).toEqual({ kind: "exited", exitCode: 5 });
});

test("objects in the engine's heap: up to the limit, and beyond it the run ends and says what to do", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open({ spares: 1 });
  const some = await node.prepared(driver, await parse(keeps(500_000)));
  const endless = await node.prepared(driver, await parse(keeps(0)));
  expect(endless.needsProcess).toContain("gc");
  driver.start(node.spec("beside", endless, { memoryBytesMax: 64 * mebibyte }));
  driver.start(node.spec("one", some, { memoryBytesMax: 64 * mebibyte }));
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 7 });
  // They count as its memory.
  expect(told.usages.findLast(({ id }) => id.uid === "one")?.memoryBytes).toBeGreaterThan(8 * mebibyte);
  const end = await told.endOf("beside");
  expect(end).toMatchObject({ kind: "trapped", reason: "OutOfMemory" });
  expect("message" in end && end.message).toContain("96 MiB, the engine's own part included");
  expect("message" in end && end.message).toContain("resources.limits.memory");
});
