import type { RunEnd } from "../runtimes/runtime-driver.ts";
import { stackExhaustedName } from "../wasm/module-facts.ts";
import { engine } from "./engine.ts";
import { messageCharsMax, stackLimits, trapFramesMax, trapNameMax } from "./limits.ts";

/** V8 hides what is beyond; set once by the process, as it is a property of all errors. */
export const stackTraceLimit = trapFramesMax + 16;

/**
 * What a guest died of. Reasons: `StackOverflow`, `UncaughtException` (of the guest's language, thrown through
 * `_start`), and `Trap` for all the engine's traps, which the message tells apart.
 */
export function describeTrap(
  thrown: unknown,
  functionImports: number,
  stackBytes?: number,
): RunEnd & { readonly kind: "trapped" } {
  const stack = thrown instanceof Error ? wasmFrames(thrown.stack ?? "", functionImports) : [];
  const at = stack.length > 0 ? `\n${stack.join("\n")}` : "";
  const { reason, what } = classify(thrown, stackBytes);
  const message = `${what}${at}`;
  return {
    kind: "trapped",
    reason,
    message: message.length > messageCharsMax ? `${message.slice(0, messageCharsMax - 1)}…` : message,
  };
}

/** The rewriter's own limit of recursion, which traps in a function of its own. */
function isStackExhausted(thrown: unknown): boolean {
  if (!(thrown instanceof engine.RuntimeError)) return false;
  const innermost = (thrown.stack ?? "")
    .split("\n", 8)
    .find((line) => location.test(line.slice(-locationCharsMax)));
  return innermost !== undefined && innermost.trimStart().startsWith(`at ${stackExhaustedName} `);
}

/** The end of a run that has used more fuel than it may. */
export function fuelExhausted(used: number, max: number): RunEnd & { readonly kind: "trapped" } {
  const message = `the run has used ${used} units of fuel, of the ${max} that it may use: set \`fuel\` to more, or give it less to do`;
  return { kind: "trapped", reason: "FuelExhausted", message };
}

function classify(
  thrown: unknown,
  stackBytes: number | undefined,
): { readonly reason: string; readonly what: string } {
  if (isStackExhausted(thrown)) {
    const of = stackBytes === undefined ? "" : ` of ${stackBytes} bytes`;
    const what =
      `the call stack${of} is exhausted: unbounded recursion? If it has to be that deep, set resources.limits.memory to ` +
      `more: a stack gets an eighth of it, up to ${stackLimits.bytesMax} bytes`;
    return { reason: "StackOverflow", what };
  }
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
