import type { RunEnd } from "../runtimes/runtime-driver.ts";
import { engine } from "./engine.ts";
import { messageCharsMax, trapFramesMax, trapNameMax } from "./limits.ts";

/** V8 hides what is beyond; set once by the process, as it is a property of all errors. */
export const stackTraceLimit = trapFramesMax + 16;

/**
 * What a guest died of. Reasons: `StackOverflow`, `UncaughtException` (of the guest's language, thrown through
 * `_start`), and `Trap` for all the engine's traps, which the message tells apart.
 */
export function describeTrap(
  thrown: unknown,
  functionImports: number,
): RunEnd & { readonly kind: "trapped" } {
  const stack = thrown instanceof Error ? wasmFrames(thrown.stack ?? "", functionImports) : [];
  const at = stack.length > 0 ? `\n${stack.join("\n")}` : "";
  const { reason, what } = classify(thrown);
  const message = `${what}${at}`;
  return {
    kind: "trapped",
    reason,
    message: message.length > messageCharsMax ? `${message.slice(0, messageCharsMax - 1)}…` : message,
  };
}

function classify(thrown: unknown): { readonly reason: string; readonly what: string } {
  if (thrown instanceof RangeError && thrown.message.startsWith("Maximum call stack")) {
    return { reason: "StackOverflow", what: "the call stack is exhausted: unbounded recursion?" };
  }
  if (thrown instanceof engine.RuntimeError) return { reason: "Trap", what: `trap: ${thrown.message}` };
  if (thrown instanceof engine.Exception) {
    return {
      reason: "UncaughtException",
      what: "an exception was thrown and nothing in the module caught it",
    };
  }
  return { reason: "UncaughtException", what: `uncaught: ${String(thrown).slice(0, 500)}` };
}

/** At the end of a frame's line, which is the part that no name reaches. */
const location = /:wasm-function\[(\d{1,8})\]:0x[0-9a-f]{1,8}\)?$/;
const locationCharsMax = 64;

/**
 * The guest's own frames, innermost first. The functions that the rewriter added are left out, and indices are those of
 * the original module again (one import was added behind its own). Offsets are not: they are of the rewritten code.
 *
 * Names are the guest's and can be anything of any length, so no pattern is matched against them.
 */
function wasmFrames(stack: string, functionImports: number): string[] {
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const found = location.exec(line.slice(-locationCharsMax));
    if (!found) continue;
    const name = nameIn(line);
    if (name?.replace(/^[^ ]*\.wasm\./, "").startsWith("wherry.") === true) continue;
    const index = Number(found[1]);
    const original = index > functionImports ? index - 1 : index;
    frames.push(`    at ${name ?? "function"} [${original}]`);
    if (frames.length === trapFramesMax) break;
  }
  return frames;
}

/** Of `    at name (wasm://…)`; a function without a name has its location alone. */
function nameIn(line: string): string | undefined {
  const start = line.indexOf("at ") + "at ".length;
  const end = line.lastIndexOf(" (wasm://");
  return end <= start ? undefined : line.slice(start, Math.min(end, start + trapNameMax));
}
