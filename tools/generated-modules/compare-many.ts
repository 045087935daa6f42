import { Worker } from "node:worker_threads";
import type { CompareMessage, CompareTask } from "./compare-worker.ts";

export interface CompareOptions {
  /** Seeds of the first module, and behind the last. */
  readonly from: number;
  readonly to: number;
  readonly threads: number;
  /** A thread that says nothing for this long hangs. */
  readonly hangMs: number;
  readonly signal?: AbortSignal;
  /** Called after each module. */
  progress?(summary: CompareSummary): void;
}

export interface CompareSummary {
  same: number;
  /** By the engine, before rewriting. */
  refused: number;
  /** Of those that are the same: calls that came back. */
  calls: number;
  readonly features: Set<string>;
  readonly broken: { readonly seed: number; readonly what: string }[];
}

/** Compares generated modules on threads. A thread that dies or hangs is a finding; another goes on behind it. */
export async function compareMany(options: CompareOptions): Promise<CompareSummary> {
  const summary: CompareSummary = { same: 0, refused: 0, calls: 0, features: new Set(), broken: [] };
  const lanes = Array.from({ length: options.threads }, async (_, lane) => {
    let from: number | undefined = options.from + lane;
    while (from !== undefined && from < options.to && options.signal?.aborted !== true) {
      from = await comparePart(options, from, summary);
    }
  });
  await Promise.all(lanes);
  return summary;
}

/** Where to go on, if the thread did not get to the end. */
function comparePart(
  options: CompareOptions,
  from: number,
  summary: CompareSummary,
): Promise<number | undefined> {
  const { to, threads: step, hangMs, signal } = options;
  const task: CompareTask = { from, to, step };
  const worker = new Worker(new URL("compare-worker.ts", import.meta.url), { workerData: task });
  let at = from;
  return new Promise((resolve) => {
    let watchdog: NodeJS.Timeout | undefined;
    const end = (next: number | undefined) => {
      clearTimeout(watchdog);
      signal?.removeEventListener("abort", onAbort);
      void worker.terminate();
      resolve(next);
    };
    const breaks = (what: string) => {
      summary.broken.push({ seed: at, what });
      end(at + step);
    };
    const onAbort = () => end(undefined);
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => breaks(`no answer within ${hangMs / 1000} s`), hangMs);
    };
    watch();
    signal?.addEventListener("abort", onAbort);
    worker.on("message", (message: CompareMessage) => {
      watch();
      if (message.kind === "at") at = message.seed;
      else {
        take(summary, message);
        options.progress?.(summary);
      }
    });
    worker.on("error", (thrown) => breaks(`the thread died: ${String(thrown)}`));
    worker.on("exit", (code) => (code === 0 ? end(undefined) : undefined));
  });
}

function take(
  summary: CompareSummary,
  { seed, comparison }: Extract<CompareMessage, { kind: "compared" }>,
): void {
  if (comparison.kind === "different") summary.broken.push({ seed, what: comparison.what });
  else if (comparison.kind === "refused") summary.refused++;
  else {
    summary.same++;
    summary.calls += comparison.calls;
    for (const feature of comparison.features) summary.features.add(feature);
  }
}
