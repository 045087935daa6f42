/** What instances use, by workload; and by instance, where that is asked for. */
import type { RunUsage } from "../runtimes/runtime-driver.ts";
import type { WorkloadCounters } from "../workload-meter.ts";
import type { Definition, Labels, Sample } from "./metric-definition.ts";
import { type NamedWorkloads, otherLabels, OtherTotals } from "./named-workloads.ts";

export interface InstanceFigures {
  readonly namespace: string;
  readonly name: string;
  readonly workloadUid: string;
  /** `WasmDeployment/web`. */
  readonly workload: string;
  readonly phase: string;
  readonly restarts: number;
  /** Of its present run; undefined before the first report. */
  readonly usage: Omit<RunUsage, "id"> | undefined;
}

/** Of one workload, or of all that have no name. */
interface WorkloadRow {
  readonly labels: Labels;
  counters: WorkloadCounters;
  memoryBytes: number;
  readonly phases: Map<string, number>;
}

const noCounters: WorkloadCounters = { cpuUs: 0, fuel: 0, throttledUs: 0, restarts: 0 };

/** Groups instances, once for each page. */
export class WorkloadRows {
  readonly #names: NamedWorkloads;
  readonly #others = new OtherTotals();

  constructor(names: NamedWorkloads) {
    this.#names = names;
  }

  of(
    instances: readonly InstanceFigures[],
    countersOf: (workloadUid: string) => WorkloadCounters | undefined,
  ): readonly WorkloadRow[] {
    const rows = new Map<string, WorkloadRow>();
    const other = rowOf(otherLabels);
    let hasOther = false;
    for (const { workloadUid, namespace, workload, phase, usage } of instances) {
      let row = rows.get(workloadUid);
      if (row === undefined) {
        const counters = countersOf(workloadUid) ?? noCounters;
        if (this.#names.has(workloadUid)) {
          row = rowOf({ namespace, workload });
          row.counters = counters;
        } else {
          const { cpuUs, fuel, throttledUs, restarts } = counters;
          this.#others.add(workloadUid, [cpuUs, fuel, throttledUs, restarts]);
          row = other;
          hasOther = true;
        }
        rows.set(workloadUid, row);
      }
      row.memoryBytes += usage?.memoryBytes ?? 0;
      row.phases.set(phase, (row.phases.get(phase) ?? 0) + 1);
    }
    const [cpuUs = 0, fuel = 0, throttledUs = 0, restarts = 0] = this.#others.take();
    other.counters = { cpuUs, fuel, throttledUs, restarts };
    const named = [...rows.values()].filter((row) => row !== other);
    return hasOther || cpuUs + fuel + throttledUs + restarts > 0 ? [...named, other] : named;
  }
}

function rowOf(labels: Labels): WorkloadRow {
  return { labels, counters: noCounters, memoryBytes: 0, phases: new Map() };
}

export function workloadMetrics(rows: () => readonly WorkloadRow[]): readonly Definition[] {
  const labels = ["namespace", "workload"];
  const samples = (valueOf: (row: WorkloadRow) => number) => () =>
    rows().map((row): Sample => [row.labels, valueOf(row)]);
  return [
    {
      kind: "counter",
      name: "wherry_workload_cpu_seconds_total",
      help: "CPU time that instances of the workload have used on this node",
      labels,
      samples: samples(({ counters }) => counters.cpuUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_workload_fuel_total",
      help: "Units of work that instances of the workload have done on this node",
      labels,
      samples: samples(({ counters }) => counters.fuel),
    },
    {
      kind: "counter",
      name: "wherry_workload_throttled_seconds_total",
      help: "How long instances of the workload were held back by their CPU limits on this node",
      labels,
      samples: samples(({ counters }) => counters.throttledUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_workload_restarts_total",
      help: "How often instances of the workload were started again on this node",
      labels,
      samples: samples(({ counters }) => counters.restarts),
    },
    {
      kind: "gauge",
      name: "wherry_workload_memory_bytes",
      help: "Linear memory of the instances of the workload on this node, and their call stacks as far as they are known",
      labels,
      samples: samples(({ memoryBytes }) => memoryBytes),
    },
    {
      kind: "gauge",
      name: "wherry_workload_instances",
      help: "Instances of the workload on this node, those included that have ended and are not acknowledged",
      labels: [...labels, "phase"],
      samples: () =>
        rows().flatMap((row) =>
          Array.from(row.phases, ([phase, count]): Sample => [{ ...row.labels, phase }, count]),
        ),
    },
  ];
}

export function instanceMetrics(instances: () => readonly InstanceFigures[]): readonly Definition[] {
  const labels = ["namespace", "workload", "instance"];
  const samples = (valueOf: (figures: InstanceFigures) => number | undefined) => () =>
    instances().flatMap((figures): readonly Sample[] => {
      const { namespace, name, workload } = figures;
      const value = valueOf(figures);
      return value === undefined ? [] : [[{ namespace, workload, instance: name }, value]];
    });
  return [
    {
      kind: "counter",
      name: "wherry_instance_cpu_seconds_total",
      help: "CPU time that the present run of the instance has used",
      labels,
      samples: samples(({ usage }) => usage && usage.cpuUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_instance_fuel_total",
      help: "Units of work that the present run of the instance has done",
      labels,
      samples: samples(({ usage }) => usage?.fuel),
    },
    {
      kind: "counter",
      name: "wherry_instance_throttled_seconds_total",
      help: "How long the present run of the instance was held back by its CPU limit",
      labels,
      samples: samples(({ usage }) => usage && usage.throttledUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_instance_restarts_total",
      help: "How often the instance was started again",
      labels,
      samples: samples(({ restarts }) => restarts),
    },
    {
      kind: "gauge",
      name: "wherry_instance_memory_bytes",
      help: "Linear memory of the instance, and its call stack as far as it is known",
      labels,
      samples: samples(({ usage }) => usage?.memoryBytes),
    },
  ];
}
