/** A thread that makes and judges a part of a soak's modules: every `step`th from `from` on. */
import { parentPort, workerData } from "node:worker_threads";
import { loadCorpus } from "./corpus.ts";
import { judgeSafely } from "./judge.ts";
import { makeMutant } from "./mutant.ts";

export interface JudgeTask {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export type JudgeMessage =
  /** Before each module, so that one that never ends is known. */
  | { readonly kind: "at"; readonly index: number }
  | { readonly kind: "broken"; readonly index: number; readonly story: string; readonly what: string }
  | {
      readonly kind: "counted";
      /** Since the last such message. */
      readonly judged: number;
      readonly reasons: Readonly<Record<string, number>>;
      readonly prepared: readonly number[];
    };

const reportEvery = 200;

function work(task: JudgeTask, tell: (message: JudgeMessage) => void): void {
  const corpus = loadCorpus();
  let judged = 0;
  let reasons: Record<string, number> = {};
  let prepared: number[] = [];
  const report = () => {
    tell({ kind: "counted", judged, reasons, prepared });
    judged = 0;
    reasons = {};
    prepared = [];
  };
  for (let index = task.from; index < task.to; index += task.step) {
    tell({ kind: "at", index });
    const mutant = makeMutant(corpus, task.seed, index);
    const verdict = judgeSafely(mutant.binary);
    judged++;
    const reason = verdict.kind === "refused" ? verdict.reason : verdict.kind;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    if (verdict.kind === "prepared") prepared.push(index);
    if (verdict.kind === "broken") {
      tell({ kind: "broken", index, story: mutant.story, what: verdict.what });
    }
    if (judged >= reportEvery) report();
  }
  report();
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port to a thread, not a window
work(workerData as JudgeTask, (message) => parentPort?.postMessage(message));
