/** Modules that need a process of their own: they run in one without asking, on the same WASI as all others. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { BinaryReader } from "../../node-daemon/wasm/binary-reader.ts";
import { BinaryWriter } from "../../node-daemon/wasm/binary-writer.ts";
import { section } from "../../node-daemon/wasm/module-model.ts";
import { compileC } from "../../tools/compile-c.ts";

/** The module with its memory, which must be its first, shared. */
function sharing(module: Uint8Array, pagesMax: number): Uint8Array {
  const reader = new BinaryReader(module, 8);
  const out = new BinaryWriter(module.length + 16).append(module.subarray(0, 8));
  while (reader.remaining > 0) {
    const id = reader.u8();
    const body = reader.slice(reader.u32(), "section");
    if (id !== section.memory) {
      out.u8(id).u32(body.remaining).range(module, body.pos, body.end);
      continue;
    }
    body.skip(2);
    const memory = new BinaryWriter().raw(1, 3).u32(body.u32()).u32(pagesMax).view();
    out.u8(id).u32(memory.length).append(memory);
  }
  return out.view().slice();
}

const readsAndWrites = `
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
  // Beyond what the memory has at first.
  char *text = malloc(4 << 20);
  memset(text, 'x', 4 << 20);
  FILE *file = fopen("/data/text", "w");
  if (!file || fwrite(text, 1, 4 << 20, file) != 4 << 20 || fclose(file)) return 2;
  char random[64] = {0};
  if (getentropy(random, sizeof random)) return 3;
  struct timespec brief = {0, 1000000};
  nanosleep(&brief, 0);
  symlink("text", "/data/link");
  char target[16] = {0};
  readlink("/data/link", target, sizeof target);
  int entries = 0;
  DIR *directory = opendir("/data");
  while (directory && readdir(directory)) entries++;
  printf("%s %s %d %s\\n", argv[1], getenv("NAME"), entries, target);
  return 0;
}`;

test("threads: a program whose memory is shared reads and writes as any other", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, sharing(await compileC(readsAndWrites), 1024));
  expect(module.needsProcess).toEqual(["threads"]);
  const data = join(node.folder, "data");
  mkdirSync(data);
  driver.start(
    node.spec("shared", module, {
      args: ["shared", "hello"],
      env: [["NAME", "value"]],
      mounts: [{ guestPath: "/data", hostPath: data, readOnly: false }],
      memoryBytesMax: 64 * 2 ** 20,
    }),
  );
  expect(await told.endOf("shared")).toEqual({ kind: "exited", exitCode: 0 });
  expect(node.log("shared")).toContain("hello value 4 text");
  expect(readFileSync(join(data, "text"), "latin1")).toBe("x".repeat(4 << 20));
});

test("threads: a shared memory grows no further than the limit", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const grows = await parse(`(module (memory (export "memory") 1 1000 shared) (func (export "_start")
    (if (i32.ne (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))
    (if (i32.ne (memory.grow (i32.const 63)) (i32.const 1)) (then unreachable))))`);
  driver.start(node.spec("grows", await node.prepared(driver, grows)));
  expect(await told.endOf("grows")).toEqual({ kind: "exited", exitCode: 0 });
});

test("gc: a list of structs says how long it is, and a failed cast where it failed", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const list = await parse(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (type $cell (sub (struct (field (ref null $cell)))))
    (type $leaf (sub $cell (struct (field (ref null $cell)) (field i64))))
    (func $length (param $at (ref null $cell)) (param $so_far i32) (result i32)
      (if (result i32) (ref.is_null (local.get $at)) (then (local.get $so_far))
        (else (return_call $length (struct.get $cell 0 (local.get $at)) (i32.add (local.get $so_far) (i32.const 1))))))
    (func $miscast (drop (ref.cast (ref $leaf) (struct.new $cell (ref.null $cell)))))
    (func (export "_start") (local $all (ref null $cell)) (local $left i32)
      (local.set $left (i32.const 100000))
      (loop $more
        (local.set $all (struct.new $cell (local.get $all)))
        (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (if (i32.ne (call $length (local.get $all) (i32.const 0)) (i32.const 100000)) (then (call $exit (i32.const 1))))
      (call $miscast)))`);
  const module = await node.prepared(driver, list);
  expect(module.needsProcess).toEqual(["gc"]);
  driver.start(node.spec("list", module, { memoryBytesMax: 64 * 2 ** 20 }));
  const end = await told.endOf("list");
  expect(end).toMatchObject({ kind: "trapped", reason: "Trap" });
  expect(JSON.stringify(end)).toMatch(/illegal cast.*at miscast/);
});
