/**
 * Memory of the engine's back to zeros by giving its pages back to the kernel: `madvise`, which Node has no function for, through
 * `node:ffi`. That holds for private memory without a file behind it, as the engine uses; it is tried before it is believed.
 */
import { engine } from "../engine.ts";

type Discard = (bytes: Uint8Array) => boolean;

/** MADV_DONTNEED of Linux. */
const dontNeed = 4;

let discard: Discard | undefined;

/** Whole pages of a WebAssembly memory. False: nothing has happened. */
export function discardPages(bytes: Uint8Array): boolean {
  discard ??= load();
  return discard(bytes);
}

function load(): Discard {
  const cannot: Discard = () => false;
  if (process.platform !== "linux") return cannot;
  try {
    const { functions } = process.getBuiltinModule("node:ffi").dlopen("libc.so.6", {
      madvise: { return: "i32", arguments: ["pointer", "u64", "i32"] },
    });
    const call: Discard = (bytes) => functions.madvise(bytes, BigInt(bytes.byteLength), dontNeed) === 0;
    const tried = new Uint8Array(new engine.Memory({ initial: 1 }).buffer).fill(1);
    return call(tried) && tried.every((byte) => byte === 0) ? call : cannot;
  } catch {
    return cannot;
  }
}
