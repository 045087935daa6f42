import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  buildModule,
  type Bytes,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  s32,
  sized,
  type,
  u32,
} from "../../wasm/wasm-builder.ts";
import { TestNode } from "./test-driver.ts";

const { i32, i64 } = type;
const constant = (value: number): Bytes => [0x41, ...s32(value)];
const constant64 = (value: number): Bytes => [0x42, ...s32(value)];
const call = (index: number): Bytes => [0x10, ...u32(index)];
const drop: Bytes = [0x1a];
const path = "file";

/** Opens the file, seeks with 1 as whence, in `module`'s words, and exits with the position. */
function seeker(module: string): Uint8Array {
  const out = 64;
  const descriptor: Bytes = lines(constant(out), [0x28, 2, 0]);
  return buildModule({
    types: [
      functionType([], []),
      functionType([i32], []),
      functionType([i32, i64, i32, i32], [i32]),
      functionType([i32, i32, i32, i32, i32, i64, i64, i32, i32], [i32]),
    ],
    imports: [
      // Of both, as a program made from parts of different age has them.
      importItem("wasi_snapshot_preview1", "proc_exit", kind.function, u32(1)),
      importItem(module, "fd_seek", kind.function, u32(2)),
      importItem("wasi_unstable", "path_open", kind.function, u32(3)),
    ],
    memories: [[0, 1]],
    exports: [exportItem("memory", kind.memory, 0), exportItem("_start", kind.function, 3)],
    functions: [
      {
        type: 0,
        code: lines(
          lines(constant(3), constant(0), constant(0), constant(path.length), constant(0)),
          // The rights to read, seek and tell.
          lines(constant64(0x26), constant64(0), constant(0), constant(out), call(2), drop),
          lines(descriptor, constant64(3), constant(1), constant(out + 8), call(1), drop),
          lines(constant(out + 8), [0x28, 2, 0], call(0)),
        ),
      },
    ],
    data: [[0, ...constant(0), 0x0b, ...sized([...Buffer.from(path)])]],
  });
}

test.each([
  ["wasi_unstable", "from the end", 13],
  ["wasi_snapshot_preview1", "from where one is", 3],
])("a module that imports from both: fd_seek of %s with whence 1 is %s", async (module, _what, position) => {
  await using node = new TestNode();
  writeFileSync(join(node.folder, path), "0123456789");
  const { driver, told } = await node.open();
  const mounts = [{ guestPath: "/", hostPath: node.folder, readOnly: true }];
  driver.start(node.spec("one", await node.prepared(driver, seeker(module)), { mounts }));
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: position });
});

test("sock_accept is not in wasi_unstable, and both modules are named", async () => {
  await using node = new TestNode();
  const { driver } = await node.open();
  const module = buildModule({
    types: [functionType([i32, i32, i32], [i32])],
    imports: [importItem("wasi_unstable", "sock_accept", kind.function, u32(0))],
  });
  expect(await node.prepare(driver, module)).toMatchObject({
    kind: "rejected",
    reason: "ImportsUnsatisfied",
    message: expect.stringMatching(
      /function wasi_unstable.sock_accept. .* wasi_snapshot_preview1 and wasi_unstable:/,
    ) as string,
  });
});
