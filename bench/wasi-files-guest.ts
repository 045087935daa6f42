/** A guest that does one thing with files many times; each export takes how often, and the length of the path at `at.path`. */
import { right } from "../node-daemon/wasi/abi.ts";
import { preview1Signatures } from "../node-daemon/wasi/signatures.ts";
import {
  buildModule,
  type Bytes,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  s32,
  type,
  u32,
} from "../node-daemon/wasm/wasm-builder.ts";

/** Where things lie in its memory. */
export const at = { path: 1024, vector: 512, out: 0, fd: 256, buffer: 65_536 };
const bufferBytes = 2 * 1024 * 1024;

const imports = [
  "path_open",
  "path_filestat_get",
  "fd_close",
  "fd_read",
  "fd_write",
  "fd_seek",
  "fd_readdir",
] as const;

const i32Const = (value: number): Bytes => [0x41, ...s32(value)];
const i64Const = (value: number): Bytes => [0x42, ...s32(value)];
const argument = (index: number): Bytes => [0x20, index];
const load = (address: number): Bytes => lines(i32Const(address), [0x28, 2, 0]);
const call = (title: (typeof imports)[number], ...args: readonly Bytes[]): Bytes =>
  lines(...args, [0x10, ...u32(imports.indexOf(title))]);
const drop: Bytes = [0x1a];
/** Traps if the answer is an errno. */
const mustDo = (code: Bytes): Bytes => lines(code, [0x04, 0x40, 0x00, 0x0b]);
const repeated = (...code: readonly Bytes[]): Bytes =>
  lines([0x03, 0x40], ...code, argument(0), i32Const(1), [0x6b, 0x22, 0, 0x0d, 0, 0x0b]);

const fileRights = right.fdRead | right.fdWrite | right.fdSeek | right.fdTell | right.fdFilestatGet;
const open = (flags: Bytes, rights: number): Bytes =>
  call(
    "path_open",
    i32Const(3),
    i32Const(1),
    i32Const(at.path),
    argument(1),
    flags,
    i64Const(rights),
    i64Const(0),
    i32Const(0),
    i32Const(at.fd),
  );
const close = mustDo(call("fd_close", load(at.fd)));
const transfer = (title: "fd_read" | "fd_write"): Bytes =>
  mustDo(call(title, load(at.fd), i32Const(at.vector), i32Const(1), i32Const(at.out)));

const functions: Readonly<Record<string, Bytes>> = {
  stat: repeated(
    mustDo(
      call("path_filestat_get", i32Const(3), i32Const(1), i32Const(at.path), argument(1), i32Const(at.out)),
    ),
  ),
  open: repeated(mustDo(open(i32Const(0), right.fdRead | right.fdSeek)), close),
  openMissing: repeated(open(i32Const(0), right.fdRead), drop),
  list: repeated(
    mustDo(open(i32Const(2), right.fdReaddir)),
    mustDo(
      call(
        "fd_readdir",
        load(at.fd),
        i32Const(at.buffer),
        i32Const(bufferBytes),
        i64Const(0),
        i32Const(at.out),
      ),
    ),
    close,
  ),
  read: repeated(transfer("fd_read")),
  write: repeated(transfer("fd_write")),
  /** The flags of the open instead of a number of times. */
  openFile: mustDo(open(argument(0), fileRights)),
  rewind: mustDo(call("fd_seek", load(at.fd), i64Const(0), i32Const(0), i32Const(at.out))),
  closeFile: close,
};

function signatureOf(title: string): Bytes {
  const [params = "", results = ""] = (preview1Signatures[title] ?? "").split("->");
  const types = (text: string) =>
    (text.match(/i(?:32|64)/g) ?? []).map((word) => (word === "i32" ? type.i32 : type.i64));
  return functionType(types(params), types(results));
}

export function filesGuest(): Uint8Array {
  const names = Object.keys(functions);
  return buildModule({
    types: [functionType([type.i32, type.i32], []), ...imports.map(signatureOf)],
    imports: imports.map((title, index) =>
      importItem("wasi_snapshot_preview1", title, kind.function, u32(index + 1)),
    ),
    memories: [[0, ...u32(1 + bufferBytes / 65_536)]],
    exports: [
      exportItem("memory", kind.memory, 0),
      ...names.map((title, index) => exportItem(title, kind.function, imports.length + index)),
    ],
    functions: Object.values(functions).map((code) => ({ type: 0, code })),
  });
}
