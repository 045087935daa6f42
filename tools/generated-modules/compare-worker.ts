/** A thread that makes and compares every `step`th module from `from` on. */
import { parentPort, workerData } from "node:worker_threads";
import { type Comparison, compareModule } from "./compare.ts";
import { generateModule } from "./generate.ts";

export interface CompareTask {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** The seed comes before each module too, so that one that never ends is known. */
export type CompareMessage =
  | { readonly kind: "at"; readonly seed: number }
  | { readonly kind: "compared"; readonly seed: number; readonly comparison: Comparison };

async function work({ from, to, step }: CompareTask, tell: (message: CompareMessage) => void): Promise<void> {
  for (let seed = from; seed < to; seed += step) {
    tell({ kind: "at", seed });
    tell({ kind: "compared", seed, comparison: compareModule(await generateModule(seed), seed) });
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port to a thread, not a window
void work(workerData as CompareTask, (message) => parentPort?.postMessage(message));
