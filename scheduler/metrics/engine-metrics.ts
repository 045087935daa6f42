import type { EngineFigures } from "../engine/figures/engine-figures.ts";
import type { KindTally } from "../engine/figures/instance-tally.ts";
import { byLabel, type Definition, type Sample, single, singleHistogram } from "./metric-definition.ts";

/** Workloads that have series of their own; of the others there are the sums by kind. */
export const workloadsMax = 1_000;

/** Secrets of routes that have series of their own. */
const certificatesMax = 1_000;

/** What the engine tells Prometheus. No label has a value that a user can invent, but the names of so many workloads. */
export function engineMetrics(figures: EngineFigures): readonly Definition[] {
  return [
    ...placementMetrics(figures),
    ...turnMetrics(figures),
    ...instanceMetrics(figures),
    ...nodeMetrics(figures),
    ...workloadMetrics(figures),
  ];
}

function placementMetrics(figures: EngineFigures): readonly Definition[] {
  return [
    {
      kind: "histogram",
      name: "wherry_placement_duration_seconds",
      help: "From the making of an instance to its assignment to a node.",
      samples: singleHistogram(figures.instances.placementSeconds),
    },
    {
      kind: "histogram",
      name: "wherry_placement_decision_duration_seconds",
      help: "Computing time of one instance's decision; of instances that are decided together, their shares.",
      samples: singleHistogram(figures.placement.decisionSeconds),
    },
    {
      kind: "counter",
      name: "wherry_placement_attempts_total",
      help: "Attempts to find a node for an instance, by what became of them.",
      samples: byLabel("result", () => Object.entries(figures.placement.attempts)),
    },
    {
      kind: "gauge",
      name: "wherry_placement_waiting_instances",
      help: "Instances without a node, by the queue that they wait in.",
      samples: byLabel("queue", () => Object.entries(figures.waiting())),
    },
    {
      kind: "gauge",
      name: "wherry_placement_longest_wait_seconds",
      help: "The age of the instance that has waited longest for a node, 0 if none waits.",
      samples: single(() => figures.longestWaitSeconds()),
    },
    {
      kind: "counter",
      name: "wherry_preemptions_total",
      help: "Instances for which others of lower priority were stopped.",
      samples: single(() => figures.preemptors),
    },
    {
      kind: "counter",
      name: "wherry_evictions_total",
      help: "Instances that were stopped although their owners wanted them, by why.",
      samples: byLabel("reason", () => Object.entries(figures.evictions())),
    },
  ];
}

function turnMetrics({ turns }: EngineFigures): readonly Definition[] {
  return [
    {
      kind: "histogram",
      name: "wherry_engine_turn_duration_seconds",
      help: "How long one turn of the scheduler's loop took: reconciling, placement and routes.",
      samples: singleHistogram(turns.turnSeconds),
    },
    {
      kind: "histogram",
      name: "wherry_reconcile_duration_seconds",
      help: "How long one look at one workload took, by its kind; Gone are those that are deleted.",
      samples: () => Object.entries(turns.reconcileSeconds).map(([kind, one]) => [{ kind }, one] as const),
    },
    {
      kind: "counter",
      name: "wherry_reconcile_failures_total",
      help: "Looks at a workload that failed for a bug of the scheduler.",
      samples: single(() => turns.failures),
    },
  ];
}

function instanceMetrics({ instances }: EngineFigures): readonly Definition[] {
  const kinds = Object.entries(instances.kinds);
  const byKind = (valueOf: (tally: KindTally) => number) =>
    byLabel("kind", () => kinds.map(([kind, tally]) => [kind, valueOf(tally)] as const));
  const byKindAnd = (label: string, valuesOf: (tally: KindTally) => Readonly<Record<string, number>>) => () =>
    kinds.flatMap(([kind, tally]) =>
      Object.entries(valuesOf(tally)).map(([of, value]): Sample => [{ kind, [label]: of }, value]),
    );
  return [
    {
      kind: "gauge",
      name: "wherry_instances",
      help: "Instances that the scheduler knows, by the kind of their workload and their phase.",
      samples: byKindAnd("phase", ({ phases }) => phases),
    },
    {
      kind: "gauge",
      name: "wherry_instances_ready",
      help: "Instances that are ready, by the kind of their workload.",
      samples: byKind(({ ready }) => ready),
    },
    {
      kind: "counter",
      name: "wherry_instances_ended_total",
      help: "Instances that have ended, by the kind of their workload and how; Lost are those of nodes that are lost.",
      samples: byKindAnd("result", ({ ends }) => ends),
    },
    {
      kind: "counter",
      name: "wherry_instances_restarted_total",
      help: "How often nodes have started instances again, by the kind of their workload.",
      samples: byKind(({ restarts }) => restarts),
    },
    {
      kind: "histogram",
      name: "wherry_instances_start_duration_seconds",
      help: "From the making of an instance to the first word of its node that it runs.",
      samples: singleHistogram(instances.startSeconds),
    },
  ];
}

function nodeMetrics(figures: EngineFigures): readonly Definition[] {
  return [
    {
      kind: "gauge",
      name: "wherry_nodes",
      help: "Nodes, by the state of their session: connected, suspect (silent), lost (given up).",
      samples: byLabel("session", () => Object.entries(figures.nodes())),
    },
    {
      kind: "gauge",
      name: "wherry_mass_silence",
      help: "1 while so many nodes are silent that none of them is given up, else 0.",
      samples: single(() => Number(figures.isMassSilence)),
    },
  ];
}

function workloadMetrics(figures: EngineFigures): readonly Definition[] {
  const replicas = (which: "desired" | "ready") => () =>
    Array.from(figures.replicas(workloadsMax), ({ namespace, workload, [which]: value }): Sample => [
      { namespace, workload },
      value,
    ]);
  return [
    {
      kind: "gauge",
      name: "wherry_workloads",
      help: "Workloads that are declared, by kind.",
      samples: byLabel("kind", () => Object.entries(figures.workloads())),
    },
    {
      kind: "gauge",
      name: "wherry_workloads_held",
      help: "Workloads that are left alone until every node has reported, after a start of the scheduler.",
      samples: single(() => figures.held),
    },
    {
      kind: "gauge",
      name: "wherry_workload_replicas",
      help: `Instances that a deployment or daemon set should have; of the first ${workloadsMax} of them.`,
      samples: replicas("desired"),
    },
    {
      kind: "gauge",
      name: "wherry_workload_replicas_ready",
      help: `Instances of a deployment or daemon set that are ready; of the first ${workloadsMax} of them.`,
      samples: replicas("ready"),
    },
    {
      kind: "counter",
      name: "wherry_wakeups_total",
      help: "Deployments at zero for which requests waited, by what became of it.",
      samples: byLabel("result", () => Object.entries(figures.wakeUps())),
    },
    {
      kind: "gauge",
      name: "wherry_route_certificate_expiry_timestamp_seconds",
      help: `When the certificate of a Secret that routes name expires, in seconds since the Unix epoch; of the first ${certificatesMax}.`,
      samples: () => certificateSamples(figures),
    },
  ];
}

function certificateSamples(figures: EngineFigures): readonly Sample[] {
  const samples: Sample[] = [];
  for (const [key, expiresMs] of figures.certificateExpiries()) {
    if (samples.length >= certificatesMax) break;
    const [namespace = "", secret = ""] = key.split("/");
    samples.push([{ namespace, secret }, expiresMs / 1000]);
  }
  return samples;
}
