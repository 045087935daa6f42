import { Worker } from "node:worker_threads";
import type { JudgeMessage, JudgeTask } from "./judge-worker.ts";

export interface JudgeOptions {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly threads: number;
  /** A thread that says nothing for this long hangs. */
  readonly hangMs: number;
  readonly signal?: AbortSignal;
  /** Called now and then. */
  progress?(summary: JudgeSummary): void;
}

export interface Broken {
  readonly index: number;
  readonly what: string;
}

export interface JudgeSummary {
  judged: number;
  readonly reasons: Map<string, number>;
  /** Which would have run. */
  readonly prepared: number[];
  readonly broken: Broken[];
}

/** Judges the modules of these numbers on threads. A thread that dies or hangs is a finding; another goes on behind it. */
export async function judgeMany(options: JudgeOptions): Promise<JudgeSummary> {
  const summary: JudgeSummary = { judged: 0, reasons: new Map(), prepared: [], broken: [] };
  const lanes = Array.from({ length: options.threads }, (_, lane) => judgeLane(options, lane, summary));
  await Promise.all(lanes);
  return summary;
}

async function judgeLane(options: JudgeOptions, lane: number, summary: JudgeSummary): Promise<void> {
  let from = options.from + lane;
  while (from < options.to && options.signal?.aborted !== true) {
    const stoppedAt = await judgePart(options, from, summary);
    if (stoppedAt === undefined) return;
    from = stoppedAt + options.threads;
  }
}

/** Where the thread stopped, if it did not get to the end. */
function judgePart(options: JudgeOptions, from: number, summary: JudgeSummary): Promise<number | undefined> {
  const { seed, to, threads: step, hangMs, signal } = options;
  const task: JudgeTask = { seed, from, to, step };
  const worker = new Worker(new URL("judge-worker.ts", import.meta.url), { workerData: task });
  let at = from;
  return new Promise((resolve) => {
    let watchdog: NodeJS.Timeout | undefined;
    const end = (stoppedAt: number | undefined) => {
      clearTimeout(watchdog);
      signal?.removeEventListener("abort", onAbort);
      void worker.terminate();
      resolve(stoppedAt);
    };
    const breaks = (what: string) => {
      summary.broken.push({ index: at, what });
      end(at);
    };
    const onAbort = () => end(at);
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => breaks(`no answer within ${hangMs / 1000} s`), hangMs);
    };
    watch();
    signal?.addEventListener("abort", onAbort);
    worker.on("message", (message: JudgeMessage) => {
      watch();
      if (message.kind === "at") at = message.index;
      else take(summary, message, options);
    });
    worker.on("error", (thrown) => breaks(`the thread died: ${String(thrown)}`));
    worker.on("exit", (code) => (code === 0 ? end(undefined) : undefined));
  });
}

function take(
  summary: JudgeSummary,
  message: Exclude<JudgeMessage, { readonly kind: "at" }>,
  options: JudgeOptions,
): void {
  if (message.kind === "broken") {
    summary.broken.push({ index: message.index, what: `${message.what} (${message.story})` });
    return;
  }
  summary.judged += message.judged;
  summary.prepared.push(...message.prepared);
  for (const [reason, count] of Object.entries(message.reasons)) {
    summary.reasons.set(reason, (summary.reasons.get(reason) ?? 0) + count);
  }
  options.progress?.(summary);
}
