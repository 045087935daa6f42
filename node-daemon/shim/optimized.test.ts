import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { tierFlags } from "../runtimes/v8/tier-flags.ts";
import { optimized } from "./optimized.ts";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** In a process with a shim's flags: whether a function with a loop is optimized before it has ever run. */
const script = `
const { rewriteModule } = await import(process.argv[1]);
const { optimized } = await import(process.argv[2]);
const { systemClock } = await import(process.argv[3]);
// A compilation alone keeps no process alive.
const alive = setInterval(() => {}, 1_000);
const nop = [0x01];
const body = [0, 0x03, 0x40, ...Array.from({ length: 10_000 }, () => nop).flat(), 0x0b, 0x0b];
const size = [body.length & 127 | 128, body.length >> 7 & 127];
const code = [1, ...size, ...body];
const section = [10, code.length & 127 | 128, code.length >> 7 & 127, ...code];
const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0];
const { bytes, facts } = rewriteModule(Uint8Array.from([...head, ...section]));
const module = await WebAssembly.compile(bytes);
await optimized(systemClock, 60_000);
const { f } = new WebAssembly.Instance(module, { [facts.hooks.module]: { [facts.hooks.yield]: () => {} } }).exports;
console.log(%IsTurboFanFunction(f));
clearInterval(alive);
`;

test.each([
  ["with the hints", [...tierFlags], "true"],
  ["not by itself", [], "false"],
])("optimized: a loop that was never entered is optimized, %s", async (_name, flags, expected) => {
  const imports = ["../wasm/rewrite.ts", "./optimized.ts", "../../kit/clock.ts"].map(file);
  const args = [...flags, "--allow-natives-syntax", "--input-type=module", "--eval", script, ...imports];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout.trim()).toBe(expected);
});

test("optimized: waits no longer than it may, and leaves no timer behind", async () => {
  const timers = new Set<() => void>();
  const clock = new FakeClock();
  clock.setTimer = (_, fire) => {
    timers.add(fire);
    const cancel = () => void timers.delete(fire);
    return { cancel, [Symbol.dispose]: cancel };
  };
  const cut = optimized(clock, 100);
  for (const fire of timers) fire();
  await cut;
  timers.clear();
  await optimized(clock, 100);
  expect(timers.size).toBe(0);
});
