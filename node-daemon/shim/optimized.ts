import type { Clock } from "../../kit/clock.ts";
import { BinaryWriter } from "../wasm/binary-writer.ts";
import { tierHintsSection } from "../wasm/tier-hints.ts";
import { engine } from "./engine.ts";

let asked = 0;

/**
 * Resolves when the engine has optimized what the modules compiled so far told it to (`tier-hints.ts`), or after `msMax`.
 *
 * The engine says so to nobody. But its jobs for compiled functions, baseline and optimized alike, are done in their order
 * by a single thread (`tierFlags`), so when it has compiled the one function of another module, it is done with those
 * before. With more threads this would resolve too early, which costs speed and nothing else.
 */
export function optimized(clock: Clock, msMax: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(msMax, resolve);
    const done = () => {
      timer.cancel();
      resolve();
    };
    engine.compile(markerModule(asked++)).then(done, done);
  });
}

const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const oneType = [1, 4, 1, 0x60, 0, 0];
const oneFunction = [3, 2, 1, 0];
/** Of function 0, with a single priority: that it be compiled before the module is there, not optimized as well. */
const hint = [1, 0, 0, 1, 0];
const oneBody = [10, 4, 1, 2, 0, 0x0b];

/** Each has another number in a section of its own, as the engine compiles equal modules once. */
function markerModule(number: number): Uint8Array {
  const hints = new BinaryWriter()
    .name(tierHintsSection)
    .raw(...hint)
    .view();
  const out = new BinaryWriter(128).raw(...head, ...oneType, ...oneFunction, 0);
  out
    .u32(hints.length)
    .append(hints)
    .raw(...oneBody, 0, 6, 0);
  out.fill(out.placeholder(), number);
  return out.view();
}
