/**
 * Whether anything may be taken away. There is one rule for bad data: while a metric is not known, or known in part, or instances are on nodes
 * that are silent, nothing is, whatever the rest says; and after that a whole window of scaling down must pass without such a moment. A
 * metric that has just come back is trusted only when it has been known for a while. A server that was away for a moment counts
 * as such a moment, too, even if its last answer still held: it may be there again without its past.
 *
 *   doubtful ──all is known──▶ certain, for a window ──▶ each metric known for its trustMs ──▶ may take away
 *      ▲                          │                              │
 *      └──────── any doubt ───────┴──────────────────────────────┘
 */
import type { Evidence } from "./evidence.ts";
import { shortMetricName } from "./metric-names.ts";
import type { MetricVerdict } from "./metric-verdict.ts";
import { rememberedMetric, type AutoscalerMemory, type KnownMetric } from "./memory.ts";

export interface Caution {
  readonly known: readonly KnownMetric[];
  readonly certainSinceMs: number | undefined;
  /** Why nothing may be taken away now, as a sentence goes on after "because"; undefined: it may be. */
  readonly obstacle: string | undefined;
  /** When it may be, if nothing else comes; undefined: now, or not by waiting alone. */
  readonly endsAtMs: number | undefined;
}

export function judgeCaution(
  evidence: Evidence,
  memory: AutoscalerMemory,
  downWindowMs: number,
  nowMs: number,
): Caution {
  const known = knownAfter(evidence, memory, nowMs);
  const doubt = firstDoubt(evidence);
  if (doubt !== undefined) return { known, certainSinceMs: undefined, obstacle: doubt, endsAtMs: undefined };
  const certainSinceMs = Math.max(memory.certainSinceMs ?? nowMs, ...evidence.verdicts.map(lastAwayMs));
  const waits = [
    {
      endsAtMs: certainSinceMs + downWindowMs,
      obstacle: `all has been known for less than the window of ${downWindowMs / 1_000} s`,
    },
    ...evidence.verdicts.map(({ metric, trustMs }, at) => ({
      endsAtMs: (known[at]?.sinceMs ?? nowMs) + trustMs,
      obstacle: `${shortMetricName(metric)} has been known for less than ${trustMs / 1_000} s`,
    })),
  ];
  const longest = waits.reduce((a, b) => (b.endsAtMs > a.endsAtMs ? b : a));
  if (longest.endsAtMs <= nowMs) return { known, certainSinceMs, obstacle: undefined, endsAtMs: undefined };
  return { known, certainSinceMs, ...longest };
}

function knownAfter({ judged }: Evidence, memory: AutoscalerMemory, nowMs: number): readonly KnownMetric[] {
  return judged.map((verdict, at) => {
    const { metric, knowledge, sampleMs, ready } = verdict;
    const sinceMs = rememberedMetric(memory, metric, at)?.sinceMs ?? nowMs;
    return {
      metric,
      sinceMs: knowledge.kind === "known" ? Math.max(sinceMs, lastAwayMs(verdict)) : undefined,
      sample: sampleMs === undefined ? undefined : { atMs: sampleMs, ready },
    };
  });
}

function lastAwayMs({ awayMs = Number.NEGATIVE_INFINITY }: MetricVerdict): number {
  return awayMs;
}

function firstDoubt({ verdicts, tally }: Evidence): string | undefined {
  for (const { metric, knowledge } of verdicts) {
    if (knowledge.kind === "unknown") return `${shortMetricName(metric)} is not known`;
    if (knowledge.kind === "partial") return `${shortMetricName(metric)} is known in part only`;
  }
  if (tally.unheard === 0) return undefined;
  return `the nodes of ${tally.unheard} instances are silent`;
}
