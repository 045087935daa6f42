/**
 * What instances really use, as their nodes meter it, and by how much that differs, per node, from what is committed for them.
 *
 *   sample of an instance ─▶ rate since the sample before ─▶ excess over its requests ─┐
 *   instance ends or goes ─▶ its excess goes                                          ├─▶ sum per node ──▶ cluster state
 *                                                                                     ┘   when it moved by 2 % of the node
 *
 * What is not metered yet has no excess: it counts with its requests, which the state's `committed` has. So nothing is done
 * here when instances are placed, and what is placed counts at once. A node's sum goes to the state only when it has moved by a
 * share that matters: each time placement judges the node again.
 *
 * Invariants: a node's sum is that of the excesses of its bound and stopping instances; all are whole numbers, and none is more
 * than the node has, so that sums stay exact whatever a node says. O(1) per sample and per change.
 */
import type { Instance, Resources } from "../model.ts";
import { realOf } from "../overcommit.ts";
import type { InstanceChange } from "./changes.ts";
import type { ClusterState } from "./cluster-state.ts";

export interface MeteredUsage {
  readonly uid: string;
  /** Of this run, since its start. */
  readonly cpuUs: number;
  readonly memoryBytes: number;
  readonly fuel: number;
  readonly throttledUs: number;
  /** How long ago that was so. */
  readonly ageMs: number;
}

/** An instance's use when its node last said something of it. */
export interface UsageFigures {
  /** 0 until there are two samples. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly fuel: number;
  readonly throttledUs: number;
  /** Whether there have been two. */
  readonly hasRate: boolean;
  /** When that was so; monotonic. */
  readonly atMs: number;
  /** It used no cpu then. Nodes then say nothing more until that changes: while it has a session, so it is. */
  readonly isIdle: boolean;
}

interface Sample extends UsageFigures {
  /** From which the next rate is counted, and since when. */
  readonly cpuUs: number;
  readonly sinceMs: number;
  /** What is counted for it in the sum of this node. */
  readonly excess: Resources;
  readonly nodeName: string;
}

/** Shares below it are noise: usage is sampled every ten seconds and never stands still. */
const shareThatMatters = 0.02;

/** Two that come at once, after something was held up, say nothing of what was used in between. */
const rateMsMin = 1_000;
/** Of what was idle a node says within so long that it is not any more. */
const usageRoundMs = 10_000;

const none: Resources = { cpuMillis: 0, memoryBytes: 0 };

export interface UsageBookOptions {
  readonly state: Pick<ClusterState, "instance" | "node" | "setUsageExcess">;
  /** Less of a node is in use than the state knew. */
  readonly fell: (nodeName: string) => void;
  /** Something was said of an instance of this owner. */
  readonly metered: (ownerUid: string) => void;
}

export class UsageBook {
  readonly #options: UsageBookOptions;
  readonly #samples = new Map<string, Sample>();
  readonly #sums = new Map<string, Resources>();
  /** What the state knows of each node. */
  readonly #told = new Map<string, Resources>();
  /** When the session of each node has begun: what it says after that holds until it says something else. */
  readonly #sessions = new Map<string, number>();

  constructor(options: UsageBookOptions) {
    this.#options = options;
  }

  figures(uid: string): UsageFigures | undefined {
    const sample = this.#samples.get(uid);
    if (sample?.isIdle !== true || sample.atMs >= (this.#sessions.get(sample.nodeName) ?? 0)) return sample;
    return { ...sample, isIdle: false };
  }

  /** A session of the node begins: it says all anew. */
  connected(nodeName: string, atMs: number): void {
    this.#sessions.set(nodeName, atMs);
  }

  /** The node is gone for good. */
  removeNode(nodeName: string): void {
    this.away(nodeName);
    this.#sessions.delete(nodeName);
  }

  /** Takes in what a node meters; of instances that are not on it, it is not heard. */
  take(nodeName: string, usages: readonly MeteredUsage[], nowMs: number): void {
    const { state, metered } = this.#options;
    const node = state.node(nodeName);
    if (node === undefined) return;
    const real = realOf(node);
    for (const usage of usages) {
      const instance = state.instance(usage.uid);
      if (instance === undefined || instance.state.kind === "pending") continue;
      if (instance.state.nodeName !== nodeName) continue;
      const before = this.#samples.get(usage.uid);
      const sample = nextSample(usage, before, nowMs - usage.ageMs);
      const isOver = instance.state.kind === "ended";
      const excess = isOver ? none : excessOf(sample, instance, real);
      this.#count(nodeName, before?.excess ?? none, excess);
      this.#samples.set(usage.uid, { ...sample, excess, nodeName });
      metered(instance.owner.uid);
    }
    this.#tell(nodeName);
  }

  instanceChanged({ kind, instance }: InstanceChange): void {
    const sample = this.#samples.get(instance.uid);
    if (sample === undefined) return;
    const { uid, state } = instance;
    // Forgotten there, it may come to another node: it is not the run that was metered.
    const isGone = kind === "removed" || state.kind === "pending";
    if (!isGone && state.kind !== "ended") return;
    if (sample.excess !== none) {
      this.#count(sample.nodeName, sample.excess, none);
      this.#tell(sample.nodeName);
    }
    if (isGone) this.#samples.delete(uid);
    else this.#samples.set(uid, { ...sample, excess: none });
  }

  /** The node is away: what it said before is not known to be so any more, until it says something again. */
  away(nodeName: string): void {
    if (this.#told.delete(nodeName)) this.#options.state.setUsageExcess(nodeName, undefined);
  }

  #count(nodeName: string, before: Resources, after: Resources): void {
    if (before === none && after === none) return;
    const sum = this.#sums.get(nodeName) ?? none;
    const next = {
      cpuMillis: sum.cpuMillis - before.cpuMillis + after.cpuMillis,
      memoryBytes: sum.memoryBytes - before.memoryBytes + after.memoryBytes,
    };
    if (next.cpuMillis === 0 && next.memoryBytes === 0) this.#sums.delete(nodeName);
    else this.#sums.set(nodeName, next);
  }

  #tell(nodeName: string): void {
    const { state, fell } = this.#options;
    const node = state.node(nodeName);
    if (node?.connection.kind !== "connected") return;
    const real = realOf(node);
    const sum = this.#sums.get(nodeName) ?? none;
    const told = this.#told.get(nodeName);
    const moved = (what: keyof Resources) =>
      Math.abs(sum[what] - (told?.[what] ?? 0)) > real[what] * shareThatMatters;
    if (told !== undefined && !moved("cpuMillis") && !moved("memoryBytes")) return;
    this.#told.set(nodeName, sum);
    state.setUsageExcess(nodeName, sum);
    const { cpuMillis, memoryBytes } = told ?? none;
    if (sum.cpuMillis < cpuMillis || sum.memoryBytes < memoryBytes) fell(nodeName);
  }
}

function nextSample(
  usage: MeteredUsage,
  before: Sample | undefined,
  atMs: number,
): Omit<Sample, "excess" | "nodeName"> {
  const { cpuUs, memoryBytes, fuel, throttledUs } = usage;
  const rest = { memoryBytes, fuel, throttledUs, atMs };
  if (before === undefined)
    return { ...rest, cpuUs, sinceMs: atMs, cpuMillis: 0, hasRate: false, isIdle: false };
  const { sinceMs, cpuMillis, hasRate } = before;
  const sinceBeforeMs = atMs - sinceMs;
  if (sinceBeforeMs < rateMsMin)
    return {
      ...rest,
      cpuUs: before.cpuUs,
      sinceMs,
      cpuMillis,
      hasRate,
      isIdle: before.isIdle && cpuUs === before.cpuUs,
    };
  const elapsedMs = before.isIdle ? Math.min(sinceBeforeMs, usageRoundMs) : sinceBeforeMs;
  // A new run counts from 0.
  const spentUs = cpuUs >= before.cpuUs ? cpuUs - before.cpuUs : cpuUs;
  return {
    ...rest,
    cpuUs,
    sinceMs: atMs,
    cpuMillis: Math.round(spentUs / elapsedMs),
    hasRate: true,
    isIdle: spentUs === 0,
  };
}

function excessOf(sample: UsageFigures, { requests }: Instance, real: Resources): Resources {
  const used = (what: keyof Resources) => Math.min(sample[what], Math.ceil(real[what]));
  return {
    cpuMillis: sample.hasRate ? used("cpuMillis") - requests.cpuMillis : 0,
    memoryBytes: used("memoryBytes") - requests.memoryBytes,
  };
}
