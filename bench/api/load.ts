import type { Figure } from "../figure.ts";
import type { Answer, Call, Connection } from "./connection.ts";

export interface LoadResult {
  readonly perSecond: number;
  /** Of each request, in milliseconds. */
  readonly tookMs: readonly number[];
}

/** Each connection sends one request after the other until the time is over or there are no more. */
export async function closedLoop(
  connections: readonly Connection[],
  expected: number,
  limit: { readonly ms: number; readonly count?: number },
  next: () => Call,
  seen?: (answer: Answer, beganMs: number) => void,
): Promise<LoadResult> {
  const tookMs: number[] = [];
  const beginMs = performance.now();
  let started = 0;
  const isOver = () =>
    performance.now() - beginMs >= limit.ms || (limit.count !== undefined && started >= limit.count);
  await Promise.all(
    connections.map(async (connection) => {
      while (!isOver()) {
        started++;
        const beganMs = performance.now();
        const answer = await connection.expect(expected, next());
        tookMs.push(answer.atMs - beganMs);
        seen?.(answer, beganMs);
      }
    }),
  );
  return { perSecond: (tookMs.length / (performance.now() - beginMs)) * 1_000, tookMs };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function delays(name: string, valuesMs: readonly number[]): readonly Figure[] {
  return [
    { name: `${name}, p50`, value: percentile(valuesMs, 0.5), unit: "ms" },
    { name: `${name}, p99`, value: percentile(valuesMs, 0.99), unit: "ms" },
  ];
}
