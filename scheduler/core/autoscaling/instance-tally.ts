/**
 * What the instances of a target come to, in one pass over them, however many metrics ask. Who counts is as in Kubernetes' HPA:
 *
 *   stopping ─▶ nobody
 *   pending, starting ─▶ unready
 *   running, no sample ─▶ missing: overdue, if there should be one by now
 *   running, cpu, in the first five minutes, and not ready for long enough to be measured ─▶ unready: what starting costs is no load
 *   running otherwise ─▶ counted
 *
 * The HPA also ignores what was never ready, however old. We do not know what was ever ready, and count it: what fails its probes
 * because there is too much to do must not keep more from being added.
 */
import type { Resources } from "../model.ts";
import type { TargetInstance } from "./target.ts";

/** As the HPA's --horizontal-pod-autoscaler-cpu-initialization-period. */
const startUpMs = 5 * 60_000;

/** Nobody is measured earlier: use is what lies between two samples. Who seems to be younger, and is, has a start by a clock that was set since. */
const firstMeasuredMs = 10_000;

/** From then on a sample is about the time after: it is of the ten seconds before it, and at most ten seconds old. */
const measuredMs = 20_000;

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
  /** Those whose nodes are silent; the stopping among them, too. */
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
    if (instance.phase !== "pending" && !instance.isHeardOf) unheard++;
    if (instance.phase === "stopping") continue;
    total++;
    if (instance.phase === "running" && instance.isReady) ready++;
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
  if (resource === "cpu" && isStartingUp(instance, monotonicMs)) return add(counting.unready, 0, requested);
  add(counting.counted, use, requested);
}

function isStartingUp({ startedMs, isReady, readySinceMs }: TargetInstance, monotonicMs: number): boolean {
  if (startedMs === undefined) return true;
  const ageMs = monotonicMs - startedMs;
  if (ageMs >= startUpMs) return false;
  if (ageMs < firstMeasuredMs) return !isReady;
  return !isReady || monotonicMs - (readySinceMs ?? startedMs) < measuredMs;
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
