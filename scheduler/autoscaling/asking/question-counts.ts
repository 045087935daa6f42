import type { Asked } from "./question.ts";

export type AskedSource = "prometheus" | "redis";

export interface QuestionCounts {
  /** Of all times, by `answered` or the reason for which there was no value. */
  readonly results: Readonly<Record<string, number>>;
  /** Those that wait for their answer now. */
  readonly running: number;
}

/** How questions to metric servers went, by what they were asked of: plain numbers. Reasons are few, and known beforehand. */
export class QuestionTally {
  readonly #counts = {
    prometheus: { results: {} as Record<string, number>, running: 0 },
    redis: { results: {} as Record<string, number>, running: 0 },
  };

  get counts(): Readonly<Record<AskedSource, QuestionCounts>> {
    return this.#counts;
  }

  /** `server`: with its scheme. */
  began(server: string): void {
    this.#of(server).running++;
  }

  ended(server: string, { reading }: Asked): void {
    const counts = this.#of(server);
    counts.running--;
    const result = reading.kind === "unknown" ? reading.reason : "answered";
    counts.results[result] = (counts.results[result] ?? 0) + 1;
  }

  #of(server: string) {
    return /^rediss?:/.test(server) ? this.#counts.redis : this.#counts.prometheus;
  }
}
