import type { WasmDaemonSet, WasmDaemonSetStatus } from "../../../../api/gen/kinds.gen.ts";
import { ownerLabel } from "../../labels.ts";
import type { Instance, Revision } from "../../model.ts";
import { isReady } from "../availability.ts";
import { conditionAfter, sameOr, type ConditionVerdict } from "../conditions.ts";
import { selectorText } from "../selector-text.ts";
import type { DaemonCensus } from "./daemon-census.ts";

export interface StatusInput {
  readonly daemonSet: WasmDaemonSet;
  readonly census: DaemonCensus;
  readonly isCurrent: (instance: Instance) => boolean;
  readonly isAvailable: (instance: Instance) => boolean;
  readonly revision: Revision | undefined;
  readonly refusal: string | undefined;
  readonly nowMs: number;
}

interface Counts {
  readonly desired: number;
  scheduled: number;
  misscheduled: number;
  updated: number;
  ready: number;
  available: number;
  /** Why one of the nodes has no available instance yet. */
  waitingFor: string | undefined;
}

/** Nodes are counted, not instances: with surge a node may have two. */
export function daemonSetStatus(input: StatusInput): WasmDaemonSetStatus {
  const { daemonSet, revision, nowMs } = input;
  const { metadata, spec, status: previous } = daemonSet;
  const { generation } = metadata;
  const counts = countNodes(input);
  const selector = spec.selector ?? { matchLabels: { [ownerLabel.WasmDaemonSet]: metadata.name } };
  return sameOr(previous, {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    desiredNumberScheduled: counts.desired,
    currentNumberScheduled: counts.scheduled,
    numberMisscheduled: counts.misscheduled,
    updatedNumberScheduled: counts.updated,
    numberReady: counts.ready,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
    ...(revision === undefined ? {} : { revision: revision.number }),
    selector: selectorText(selector),
    conditions: verdicts(input, counts).map((verdict) =>
      conditionAfter(previous?.conditions, verdict, generation, nowMs),
    ),
  });
}

function countNodes({ census, isCurrent, isAvailable }: StatusInput): Counts {
  const counts: Counts = {
    desired: census.desired,
    scheduled: 0,
    misscheduled: 0,
    updated: 0,
    ready: 0,
    available: 0,
    waitingFor: undefined,
  };
  for (const { node, match, live, stopping } of census.places.values()) {
    if (match.kind !== "wanted") {
      if (live.length + stopping > 0) counts.misscheduled++;
      continue;
    }
    if (live.length + stopping > 0) counts.scheduled++;
    if (live.some(isCurrent)) counts.updated++;
    if (live.some(isReady)) counts.ready++;
    if (live.some(isAvailable)) counts.available++;
    else counts.waitingFor ??= troubleOn(node.name, node.connection.kind, live[0]);
  }
  return counts;
}

function troubleOn(nodeName: string, connection: string, instance: Instance | undefined): string {
  if (connection !== "connected") return `node ${nodeName} is ${connection}`;
  if (instance === undefined) return `node ${nodeName} has none`;
  const { state, name } = instance;
  if (state.kind === "pending") {
    // The first line is the verdict; the others list nodes.
    const [why] = state.message.split("\n");
    return `${name} waits for node ${nodeName}${why ? ` (${why})` : ""}`;
  }
  return `${name} on node ${nodeName} is not available`;
}

/** Ready, Reconciling and Stalled as kstatus reads them of any kind; the last two are there only while they are true. */
function verdicts(
  { daemonSet: { spec }, refusal }: StatusInput,
  { desired, updated, available, scheduled, waitingFor }: Counts,
): readonly ConditionVerdict[] {
  // Who updates by hand is not waited for.
  const outdated = spec.updateStrategy.type === "OnDelete" ? 0 : desired - updated;
  const counted = `${available} of ${desired} nodes have an available instance`;
  if (available === desired && outdated === 0)
    return [{ type: "Ready", status: "True", reason: "InstancesAvailable", message: counted }];
  const isStalled = refusal !== undefined && scheduled < desired;
  const reason = isStalled ? "FailedCreate" : outdated > 0 ? "InstancesUpdating" : "InstancesUnavailable";
  const details = [
    ...(outdated > 0 ? [`${updated} have the current template`] : []),
    ...(waitingFor === undefined ? [] : [waitingFor]),
  ];
  const message = isStalled ? `Error creating: ${refusal}` : [counted, ...details].join("; ");
  return [
    { type: "Ready", status: "False", reason, message },
    { type: isStalled ? "Stalled" : "Reconciling", status: "True", reason, message },
  ];
}
