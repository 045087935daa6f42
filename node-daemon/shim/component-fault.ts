/** What broke a component: its own code, what the generated code found wrong with it, or we. */
import type { RunEnd } from "../runtimes/runtime-driver.ts";
import { engine } from "./engine.ts";
import { messageCharsMax, pageBytes } from "./limits.ts";
import { describeTrap } from "./trap.ts";

/** Where a frame is, at the end of its line, which is the part that no name reaches. */
const location = /(component:|wasm:\/\/|file:\/\/|node:|<anonymous>)[^ ()]*\)?$/;
const locationCharsMax = 500;

/**
 * Traps and what the generated code throws are the guest's; of everything else the place where it was thrown decides. What
 * JavaScript's own functions and Node's throw is attributed to whoever called them.
 */
export function isOurBug(thrown: unknown): boolean {
  if (isTrap(thrown)) return false;
  if (!(thrown instanceof Error) || isSuspendError(thrown)) return true;
  if (isStackOverflow(thrown)) return false;
  for (const line of (thrown.stack ?? "").split("\n")) {
    if (!line.startsWith("    at ")) continue;
    const place = location.exec(line.slice(-locationCharsMax))?.[1];
    if (place === "component:" || place === "wasm://") return false;
    if (place === "file://") return true;
  }
  return true;
}

/** Of what is not our bug. */
export function describeFault(thrown: unknown, memoryBytes: number, memoryBytesMax: number): Trapped {
  // One import was added to each core module, and all functions on a stack are behind it.
  const described = withoutPrefix(describeTrap(thrown, 0));
  const trapped = isOfScript(thrown)
    ? { ...described, reason: "Trap", message: `trap: ${described.message.replace(/^uncaught: /, "")}` }
    : described;
  if (memoryBytes + pageBytes <= memoryBytesMax) return trapped;
  const hint =
    `its memory could not grow: ${memoryBytes} of ${memoryBytesMax} bytes are in use; set resources.limits.memory ` +
    "to more";
  return { ...trapped, message: `${trapped.message.slice(0, messageCharsMax - hint.length - 2)}\n${hint}` };
}

type Trapped = RunEnd & { readonly kind: "trapped" };

/** The generated code writes traps of the engine in another engine's words. */
function withoutPrefix(trapped: Trapped): Trapped {
  return { ...trapped, message: trapped.message.replace(/^trap: wasm trap: /, "trap: ") };
}

function isOfScript(thrown: unknown): boolean {
  return !isTrap(thrown) && thrown instanceof Error && !isStackOverflow(thrown);
}

/** Of the engine, or of an interface. */
function isTrap(thrown: unknown): boolean {
  return thrown instanceof engine.RuntimeError || thrown instanceof engine.Exception;
}

/** Something was suspended below a frame of JavaScript. */
function isSuspendError(thrown: unknown): boolean {
  return thrown instanceof engine.SuspendError;
}

function isStackOverflow(thrown: Error): boolean {
  return thrown instanceof RangeError && thrown.message.startsWith("Maximum call stack");
}
