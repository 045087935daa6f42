/**
 * What the instances of a target come to, in one pass over them, however many metrics ask. Who counts is as in Kubernetes' HPA:
 *
 *   stopping ─▶ nobody
 *   pending, starting ─▶ unready
 *   running, no sample ─▶ missing: overdue, if there should be one by now
 *   running, cpu, not ready while it may still be starting up ─▶ unready: what it uses is no load
 *   running otherwise ─▶ counted
 *
 * The HPA ignores after that time only what was never ready; we do not know what was, and count it: what it uses then is use.
 */
import type { Resources } from "../model.ts";
import type { TargetInstance } from "./target.ts";

/** As the HPA's --horizontal-pod-autoscaler-cpu-initialization-period. */
const startUpMs = 5 * 60_000;

/** Usage comes every ten seconds, and is a rate from the second sample on: who says nothing for longer will not be heard of by itself. */
export const overdueMs = 60_000;

export interface Sums {
  readonly count: number;
  /** Millicores or bytes. */
  readonly use: number;
  readonly requested: number;
}

export interface ResourceTally {
  readonly counted: Sums;
  readonly missing: Sums;
  readonly unready: Sums;
  /** Of the missing. */
  readonly overdue: number;
  /** Of all, those that request nothing. */
  readonly withoutRequest: number;
}

export interface InstanceTally {
  /** All but those that are stopping. */
  readonly total: number;
  /** Those that run and are ready. */
  readonly ready: number;
  /** Those whose nodes are silent. */
  readonly unheard: number;
  /** In the order of the questions. */
  readonly resources: readonly ResourceTally[];
}

export interface ResourceQuestion {
  readonly resource: "cpu" | "memory";
  readonly samples: ReadonlyMap<string, number>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Counting {
  readonly question: ResourceQuestion;
  readonly counted: Mutable<Sums>;
  readonly missing: Mutable<Sums>;
  readonly unready: Mutable<Sums>;
  overdue: number;
  withoutRequest: number;
}

export function tallyInstances(
  instances: readonly TargetInstance[],
  questions: readonly ResourceQuestion[],
  monotonicMs: number,
): InstanceTally {
  const resources = questions.map((question): Counting => ({
    question,
    counted: nothing(),
    missing: nothing(),
    unready: nothing(),
    overdue: 0,
    withoutRequest: 0,
  }));
  let total = 0;
  let ready = 0;
  let unheard = 0;
  for (const instance of instances) {
    if (instance.phase === "stopping") continue;
    total++;
    if (instance.phase === "running" && instance.isReady) ready++;
    if (instance.phase !== "pending" && !instance.isHeardOf) unheard++;
    for (const counting of resources) count(counting, instance, monotonicMs);
  }
  return { total, ready, unheard, resources };
}

function count(counting: Counting, instance: TargetInstance, monotonicMs: number): void {
  const { resource, samples } = counting.question;
  const requested = requestOf(instance.requests, resource);
  if (requested <= 0) counting.withoutRequest++;
  if (instance.phase !== "running") return add(counting.unready, 0, requested);
  const use = samples.get(instance.uid);
  const age = instance.startedMs === undefined ? undefined : monotonicMs - instance.startedMs;
  if (use === undefined || !(use >= 0 && use < Number.POSITIVE_INFINITY)) {
    if (age !== undefined && age >= overdueMs) counting.overdue++;
    return add(counting.missing, 0, requested);
  }
  const isStartingUp = age === undefined || (!instance.isReady && age < startUpMs);
  if (resource === "cpu" && isStartingUp) return add(counting.unready, 0, requested);
  add(counting.counted, use, requested);
}

function add(sums: Mutable<Sums>, use: number, requested: number): void {
  sums.count++;
  sums.use += use;
  sums.requested += requested;
}

function requestOf({ cpuMillis, memoryBytes }: Resources, resource: "cpu" | "memory"): number {
  return resource === "cpu" ? cpuMillis : memoryBytes;
}

function nothing(): Mutable<Sums> {
  return { count: 0, use: 0, requested: 0 };
}
