/**
 * What the instances of each workload have used on this node, those included that are gone: counters that do not fall while the
 * workload has anything here. They begin with this daemon: what runs used before that is not counted, as whoever reads counters
 * would take a sum that is smaller than before for a new beginning, and all of it for new.
 *
 * Bounded by the instances that the node holds.
 */
import type { RunId, RunUsage } from "./runtimes/runtime-driver.ts";

export interface WorkloadCounters {
  readonly cpuUs: number;
  readonly fuel: number;
  readonly throttledUs: number;
  /** How often instances were started again. */
  readonly restarts: number;
}

type Counted = "cpuUs" | "fuel" | "throttledUs";
const counted: readonly Counted[] = ["cpuUs", "fuel", "throttledUs"];

interface Totals extends Record<Counted, number> {
  restarts: number;
  instances: number;
}

interface Metered {
  readonly totals: Totals;
  /** Whose run the last figures are of. */
  run: number;
  last: Readonly<Record<Counted, number>>;
  /** This run was taken over: what is said of it first is the past. */
  pastRun: number | undefined;
}

const nothing: Readonly<Record<Counted, number>> = { cpuUs: 0, fuel: 0, throttledUs: 0 };

export class WorkloadMeter {
  readonly #workloads = new Map<string, Totals>();
  readonly #instances = new Map<string, Metered>();

  /** The node holds this instance of that workload. */
  hold(uid: string, workloadUid: string): void {
    if (this.#instances.has(uid)) return;
    let totals = this.#workloads.get(workloadUid);
    if (totals === undefined) {
      totals = { ...nothing, restarts: 0, instances: 0 };
      this.#workloads.set(workloadUid, totals);
    }
    totals.instances++;
    this.#instances.set(uid, { totals, run: -1, last: nothing, pastRun: undefined });
  }

  /** It is gone from the node. */
  release(uid: string, workloadUid: string): void {
    const metered = this.#instances.get(uid);
    if (metered === undefined) return;
    this.#instances.delete(uid);
    metered.totals.instances--;
    if (metered.totals.instances === 0) this.#workloads.delete(workloadUid);
  }

  /** A run that another daemon has started. */
  adopted({ uid, run }: RunId): void {
    const metered = this.#instances.get(uid);
    if (metered !== undefined) metered.pastRun = run;
  }

  used(usage: RunUsage): void {
    const { uid, run } = usage.id;
    const metered = this.#instances.get(uid);
    if (metered === undefined) return;
    if (metered.run !== run) metered.last = metered.pastRun === run ? usage : nothing;
    metered.run = run;
    for (const what of counted) metered.totals[what] += Math.max(0, usage[what] - metered.last[what]);
    metered.last = { cpuUs: usage.cpuUs, fuel: usage.fuel, throttledUs: usage.throttledUs };
  }

  restarted(uid: string, times: number): void {
    const metered = this.#instances.get(uid);
    if (metered !== undefined) metered.totals.restarts += times;
  }

  /** Undefined: it has nothing here. */
  of(workloadUid: string): WorkloadCounters | undefined {
    return this.#workloads.get(workloadUid);
  }
}
