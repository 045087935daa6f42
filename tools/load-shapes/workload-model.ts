/**
 * A workload whose instances each answer so many requests a second. What arrives beyond that in a tenth of a second is over target, and is
 * counted once: whether it waits or is answered slowly is not modelled, nor does it come again. Instances cost from when they are asked
 * for, and answer from when they are ready; the first to go are those that are not.
 */
export interface Scaler {
  /** Each tenth of a second, after what arrived within it. The number that is asked for from now on. */
  tick(nowMs: number, arrived: number, replicas: Replicas): number;
}

export interface Replicas {
  readonly asked: number;
  readonly ready: number;
}

export interface Life {
  readonly overTarget: number;
  readonly instanceHours: number;
  readonly requests: number;
  /** By the second, at its end. */
  readonly askedBySecond: readonly number[];
  readonly overTargetBySecond: readonly number[];
}

export interface LifeOptions {
  readonly arrivals: readonly number[];
  readonly perInstance: number;
  /** From being asked for to being ready. */
  readonly startMs: number;
}

export const tickMs = 100;
const ticksPerSecond = 1_000 / tickMs;

export function firstReplicas({
  arrivals,
  perInstance,
}: Pick<LifeOptions, "arrivals" | "perInstance">): number {
  const first = arrivals.slice(0, 60);
  const mean = first.reduce((sum, count) => sum + count, 0) / first.length;
  return Math.max(1, Math.ceil(mean / perInstance));
}

export function live(options: LifeOptions, scaler: Scaler): Life {
  const { arrivals, perInstance, startMs } = options;
  let ready = firstReplicas(options);
  let starting: readonly { readonly count: number; readonly atMs: number }[] = [];
  let asked = ready;
  let instanceTicks = 0;
  const askedBySecond: number[] = [];
  const overTargetBySecond: number[] = [];
  for (const [second, count] of arrivals.entries()) {
    let over = 0;
    for (let tick = 1; tick <= ticksPerSecond; tick++) {
      const nowMs = second * 1_000 + tick * tickMs;
      over += Math.max(0, count / ticksPerSecond - (ready * perInstance) / ticksPerSecond);
      instanceTicks += asked;
      for (const one of starting) if (one.atMs <= nowMs) ready += one.count;
      starting = starting.filter(({ atMs }) => atMs > nowMs);
      const next = scaler.tick(nowMs, count / ticksPerSecond, { asked, ready });
      if (next > asked) starting = [...starting, { count: next - asked, atMs: nowMs + startMs }];
      if (next < asked) ({ ready, starting } = without(asked - next, ready, starting));
      asked = next;
    }
    askedBySecond.push(asked);
    overTargetBySecond.push(over);
  }
  return {
    overTarget: overTargetBySecond.reduce((sum, over) => sum + over, 0),
    instanceHours: (instanceTicks * tickMs) / 3_600_000,
    requests: arrivals.reduce((sum, count) => sum + count, 0),
    askedBySecond,
    overTargetBySecond,
  };
}

type Starting = readonly { readonly count: number; readonly atMs: number }[];

function without(count: number, ready: number, starting: Starting): { ready: number; starting: Starting } {
  let left = count;
  const kept = starting.toReversed().map((one) => {
    const gone = Math.min(left, one.count);
    left -= gone;
    return { ...one, count: one.count - gone };
  });
  return { ready: ready - left, starting: kept.toReversed().filter((one) => one.count > 0) };
}
