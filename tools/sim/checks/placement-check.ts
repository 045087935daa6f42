/** Of each placement, at the moment of its decision: every rule agrees, the node has room, the namespace may. */
import { cpuMillis, memoryBytes } from "../../../api/quantity.ts";
import type { Instance } from "../../../scheduler/core/model.ts";
import {
  committedWith,
  fits,
  footprintOf,
  isolationOn,
  nothingCommitted,
} from "../../../scheduler/core/resources.ts";
import type { NodeReport, Rejection } from "../../../scheduler/core/placement/explanation.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { checkNeighbours } from "./neighbour-check.ts";
import { demand } from "./violation.ts";

export function checkPlacement(scheduler: SchedulerProcess, instance: Instance, nodeName: string): void {
  const { engine } = scheduler;
  const what = `${instance.name} onto ${nodeName}`;
  const report = engine.explainPlacement(instance.uid)?.find((one) => one.nodeName === nodeName);
  demand(report !== undefined, "filters", () => `${what}: there is no such node`);
  demand(refusals(report, instance, nodeName).length === 0, "filters", () => {
    const reasons = refusals(report, instance, nodeName).map(
      ({ plugin, reasons: [first] }) => `${plugin}: ${first?.detail}`,
    );
    return `${what}: refused by ${reasons.join("; ")}`;
  });
  checkNeighbours(engine, instance, nodeName);

  let committed = nothingCommitted;
  for (const other of engine.instances(undefined))
    if (isPlacedOn(other, nodeName))
      committed = committedWith(committed, footprintOf({ ...other, isolation: isolationOn(other) }), 1);
  const node = [...engine.clusterNodes()].find(({ name }) => name === nodeName);
  const allocatable = node?.allocatable ?? nothingCommitted;
  demand(
    fits(allocatable, committed, footprintOf(instance)),
    "allocatable",
    () => `${what}: ${JSON.stringify({ allocatable, committed, footprint: footprintOf(instance) })}`,
  );

  checkQuota(scheduler, instance, what);
}

function checkQuota({ engine, backend }: SchedulerProcess, instance: Instance, what: string): void {
  // Its quota is charged since a node is reserved for it, and what came later evicts nobody.
  if (isReserved(instance)) return;
  const quota = backend.get({ group: "", plural: "resourcequotas" }, instance.namespace, "quota");
  const { hard = {} } = (quota?.["spec"] ?? {}) as { readonly hard?: Readonly<Record<string, string>> };
  const charged = [...engine.instances(instance.namespace)].filter(
    (other) => isPlacedOn(other, undefined) || isReserved(other),
  );
  const limit = (name: string, parse: (text: string) => number, of: (one: Instance) => number) => {
    const text = hard[name];
    if (text === undefined || of(instance) === 0) return;
    const used = [...charged, instance].reduce((sum, one) => sum + of(one), 0);
    demand(used <= parse(text), "quota", () => `${what}: ${name} would be ${used} of ${text}`);
  };
  limit("requests.cpu", cpuMillis, ({ requests }) => requests.cpuMillis);
  limit("requests.memory", memoryBytes, ({ requests }) => requests.memoryBytes);
  limit("limits.cpu", cpuMillis, ({ limits }) => limits.cpuMillis);
}

function isReserved({ state }: Instance): boolean {
  return state.kind === "pending" && state.nominatedNode !== undefined;
}

/** What counts instances or room finds the reservation of the instance itself on a node that is reserved for it. */
const countingPlugins: ReadonlySet<string> = new Set([
  "resources-fit",
  "host-ports",
  "instance-affinity",
  "topology-spread",
]);

function refusals(report: NodeReport, { state }: Instance, nodeName: string): readonly Rejection[] {
  if (report.kind === "feasible") return [];
  const isForIt = state.kind === "pending" && state.nominatedNode === nodeName;
  return report.rejections.filter(({ plugin }) => !isForIt || !countingPlugins.has(plugin));
}

/** Undefined: on any node. */
function isPlacedOn({ state }: Instance, nodeName: string | undefined): boolean {
  if (state.kind !== "bound" && state.kind !== "stopping") return false;
  return nodeName === undefined || state.nodeName === nodeName;
}
