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
import type { SchedulerProcess } from "../scheduler-process.ts";
import { demand } from "./violation.ts";

export function checkPlacement(
  { engine, backend }: SchedulerProcess,
  instance: Instance,
  nodeName: string,
): void {
  const what = `${instance.name} onto ${nodeName}`;
  const report = engine.explainPlacement(instance.uid)?.find((one) => one.nodeName === nodeName);
  demand(report !== undefined, "filters", () => `${what}: there is no such node`);
  demand(report.kind === "feasible", "filters", () => {
    const reasons =
      report.kind === "rejected"
        ? report.rejections.map(({ plugin, reasons: [first] }) => `${plugin}: ${first?.detail}`)
        : [];
    return `${what}: refused by ${reasons.join("; ")}`;
  });

  let committed = nothingCommitted;
  for (const other of engine.instances(undefined))
    if (isPlacedOn(other, nodeName))
      committed = committedWith(committed, footprintOf({ ...other, isolation: isolationOn(other) }), 1);
  const allocatable = engine.allocatableOf(nodeName) ?? nothingCommitted;
  demand(
    fits(allocatable, committed, footprintOf(instance)),
    "allocatable",
    () => `${what}: ${JSON.stringify({ allocatable, committed, footprint: footprintOf(instance) })}`,
  );

  const quota = backend.get({ group: "", plural: "resourcequotas" }, instance.namespace, "quota");
  const hard =
    (quota?.["spec"] as { readonly hard?: Readonly<Record<string, string>> } | undefined)?.hard ?? {};
  const placed = [...engine.instances(instance.namespace)].filter((other) => isPlacedOn(other, undefined));
  const used = (of: (one: Instance) => number) =>
    [...placed, instance].reduce((sum, one) => sum + of(one), 0);
  const limit = (name: string, parse: (text: string) => number, of: (one: Instance) => number) => {
    const text = hard[name];
    if (text === undefined || of(instance) === 0) return;
    demand(used(of) <= parse(text), "quota", () => `${what}: ${name} would be ${used(of)} of ${text}`);
  };
  limit("requests.cpu", cpuMillis, ({ requests }) => requests.cpuMillis);
  limit("requests.memory", memoryBytes, ({ requests }) => requests.memoryBytes);
  limit("limits.cpu", cpuMillis, ({ limits }) => limits.cpuMillis);
}

/** Undefined: on any node. */
function isPlacedOn({ state }: Instance, nodeName: string | undefined): boolean {
  if (state.kind !== "bound" && state.kind !== "stopping") return false;
  return nodeName === undefined || state.nodeName === nodeName;
}
