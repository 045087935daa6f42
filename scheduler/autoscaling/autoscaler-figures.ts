import type { Reading, UnknownReason } from "../core/autoscaling/reading.ts";

/** What is told of autoscalers to whoever watches the scheduler. */
export interface AutoscalerFigures {
  /** One for each autoscaler that is declared. Made when asked, in one walk. */
  list(): Iterable<AutoscalerFigure>;
  /** How long decisions took, without what is read and written around them. */
  readonly decisionSeconds: DecisionSeconds;
  readonly rescales: Readonly<Record<RescaleResult, number>>;
  readonly statusWrites: number;
}

/** Plain numbers, to be read at collect time. */
export interface DecisionSeconds {
  /** Upper bounds, in seconds, ascending. */
  readonly bounds: readonly number[];
  /** Not cumulative; the last is of what is above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
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

const bounds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1] as const;

/** Counts what the keeper does; hot, so it is numbers and nothing else. */
export class AutoscalerCounters {
  readonly rescales: Record<RescaleResult, number> = { up: 0, down: 0, conflict: 0, refused: 0 };
  statusWrites = 0;
  readonly #counts: number[] = [...bounds.map(() => 0), 0];
  #sum = 0;
  #count = 0;

  get decisionSeconds(): DecisionSeconds {
    return { bounds, counts: this.#counts, sum: this.#sum, count: this.#count };
  }

  decided(seconds: number): void {
    const above = bounds.findIndex((bound) => seconds <= bound);
    const slot = above < 0 ? bounds.length : above;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    this.#sum += seconds;
    this.#count++;
  }
}

export function unknownByReason(readings: readonly Reading[]): ReadonlyMap<UnknownReason, number> {
  const counts = new Map<UnknownReason, number>();
  for (const reading of readings)
    if (reading.kind === "unknown") counts.set(reading.reason, (counts.get(reading.reason) ?? 0) + 1);
  return counts;
}
