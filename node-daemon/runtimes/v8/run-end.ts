import type { RunEnd } from "../runtime-driver.ts";
import type { Run } from "./hosting.ts";
import type { ShimDeath } from "./shim-handle.ts";

export const forgotten: RunEnd = {
  kind: "lost",
  message: "the process that hosted it does not know it any more",
};

/**
 * The engine's last words, at the start of a line of their own. Nothing of a guest can stand there: what a shim writes
 * about its guests is JSON, one object a line.
 */
const heapExhausted = /^(?:<--- .*|FATAL ERROR: .*|#? ?Fatal (?:process|JavaScript) )out of memory/m;

/** How a run ended whose process is gone. */
export function endOfDeath(run: Run, death: ShimDeath): RunEnd {
  if (run.shim.use !== "own") return { kind: "lost", message: death.why };
  if (heapExhausted.test(death.tail)) return outOfMemory(heapMessage(death.heapMb));
  if (death.endedFor === "memory") return outOfMemory(processMessage);
  // The guest may be waiting inside an instruction, from where only the end of its process takes it away.
  if (run.stop && death.killedBy === "us") return { kind: "stopped" };
  return { kind: "lost", message: death.why };
}

function outOfMemory(what: string): RunEnd {
  return {
    kind: "trapped",
    reason: "OutOfMemory",
    message: `${what}: set resources.limits.memory higher, or keep less`,
  };
}

const processMessage =
  "the process of this instance took more memory than its limit and what the runtime needs, and the system ended it";

function heapMessage(heapMb: number | undefined): string {
  const limit =
    heapMb === undefined ? "its limit" : `its limit of ${heapMb} MiB, the engine's own part included`;
  return `the garbage-collected objects of the guest did not fit into ${limit}`;
}
