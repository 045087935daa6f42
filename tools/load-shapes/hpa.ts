/**
 * Kubernetes' HorizontalPodAutoscaler as its documentation describes it, for one metric of type External with an average value, to compare with
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/: algorithm details, stabilization window, scaling
 * policies, default behavior). Written on its own, and knows nothing of ours.
 */
export const syncMs = 15_000;
const policyMs = 15_000;

interface Happened {
  readonly atMs: number;
  readonly count: number;
}

export interface HpaRules {
  readonly min: number;
  readonly max: number;
  /** Above and below. */
  readonly tolerance: number;
  readonly downWindowMs: number;
}

export const defaultRules: HpaRules = { min: 1, max: 200, tolerance: 0.1, downWindowMs: 300_000 };

export class Hpa {
  readonly #rules: HpaRules;
  #recommended: Happened[] = [];
  #added: Happened[] = [];
  #removed: Happened[] = [];

  constructor(rules: HpaRules) {
    this.#rules = rules;
  }

  /** As many as there should be. undefined: the metric is not known, and nothing is done. */
  sync(nowMs: number, current: number, value: number | undefined, average: number): number {
    if (value === undefined) return current;
    // What there is at the beginning counts as recommended.
    if (this.#recommended.length === 0) this.#recommended.push({ atMs: nowMs, count: current });
    const { tolerance, downWindowMs } = this.#rules;
    const proposed = propose(value, average, current, tolerance);
    this.#recommended = this.#recommended.filter(({ atMs }) => atMs >= nowMs - downWindowMs);
    const highest = Math.max(proposed, ...this.#recommended.map(({ count }) => count));
    this.#recommended.push({ atMs: nowMs, count: proposed });
    const stabilized = proposed >= current ? proposed : Math.min(current, highest);
    const next = this.#limited(stabilized, current, nowMs);
    if (next > current) this.#added.push({ atMs: nowMs, count: next - current });
    if (next < current) this.#removed.push({ atMs: nowMs, count: current - next });
    return next;
  }

  #limited(wanted: number, current: number, nowMs: number): number {
    const since = (all: readonly Happened[]) =>
      all.filter(({ atMs }) => atMs > nowMs - policyMs).reduce((sum, { count }) => sum + count, 0);
    this.#added = this.#added.filter(({ atMs }) => atMs > nowMs - policyMs);
    this.#removed = this.#removed.filter(({ atMs }) => atMs > nowMs - policyMs);
    const atStart = current - since(this.#added) + since(this.#removed);
    // Up by four or to the double within fifteen seconds, whichever is more; down by all of them.
    const most = Math.max(current, atStart + 4, atStart * 2);
    return Math.max(this.#rules.min, Math.min(this.#rules.max, most, wanted));
  }
}

export function propose(value: number, average: number, current: number, tolerance: number): number {
  const ratio = value / (average * current);
  if (ratio >= 1 - tolerance && ratio <= 1 + tolerance) return current;
  return Math.ceil(value / average);
}
