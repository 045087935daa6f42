import type { Clock } from "../../kit/clock.ts";
import { tierHintsSection } from "../wasm/module-facts.ts";
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

const title = new TextEncoder().encode(tierHintsSection);
/** Of function 0, with a single priority: that it be compiled before the module is there, not optimized as well. */
const hint = [1, 0, 0, 1, 0];
const hintSection = [0, 1 + title.length + hint.length, title.length, ...title, ...hint];
const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
const code = [10, 4, 1, 2, 0, 0x0b];
/** A section of its own for a number of four bytes. */
const numbered = [0, 5, 0, 0, 0, 0, 0];
const marker = Uint8Array.from([...head, ...hintSection, ...code, ...numbered]);

/** Each is another one, as the engine compiles equal modules once. */
function markerModule(number: number): Uint8Array {
  const bytes = marker.slice();
  new DataView(bytes.buffer).setUint32(bytes.length - 4, number);
  return bytes;
}
