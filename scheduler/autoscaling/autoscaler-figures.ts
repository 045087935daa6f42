import { type HistogramFigures, PlainHistogram } from "../../kit/plain-histogram.ts";
import type { UnknownReason } from "../core/autoscaling/reading.ts";

/** What is told of autoscalers to whoever watches the scheduler. */
export interface AutoscalerFigures {
  /** One for each autoscaler that is declared. Made when asked, in one walk. */
  list(): Iterable<AutoscalerFigure>;
  /** How long decisions took, without what is read and written around them. */
  readonly decisionSeconds: HistogramFigures;
  readonly rescales: Readonly<Record<RescaleResult, number>>;
  readonly statusWrites: number;
}

export type RescaleResult = "up" | "down" | "conflict" | "refused";

export interface AutoscalerFigure {
  readonly namespace: string;
  readonly name: string;
  /** As KIND/NAME. */
  readonly target: string;
  readonly min: number;
  readonly max: number;
  /** undefined: there is no target, or it was not looked at yet. */
  readonly current: number | undefined;
  readonly desired: number | undefined;
  /** How many of its metrics are not known, by reason. */
  readonly unknown: ReadonlyMap<UnknownReason, number>;
  /** Something of spec.fallback stands in for one that is not known. */
  readonly isFallback: boolean;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: "True" | "False" | "Unknown";
    readonly reason: string;
  }[];
}

const boundsSeconds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1];

/** Counts what the keeper does. */
export class AutoscalerCounters {
  readonly rescales: Record<RescaleResult, number> = { up: 0, down: 0, conflict: 0, refused: 0 };
  statusWrites = 0;
  readonly decisionSeconds = new PlainHistogram(boundsSeconds);
}

export function unknownByReason(reasons: readonly UnknownReason[]): ReadonlyMap<UnknownReason, number> {
  const counts = new Map<UnknownReason, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
