import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { oneLine } from "../output/table.ts";
import { InstanceCensus } from "../rollout/instance-census.ts";
import { troubleText } from "../rollout/picture.ts";

/** Instances that wait for the same; one of them speaks for all. */
export interface PendingGroup {
  readonly name: string;
  readonly count: number;
}

export function groupPending(instances: readonly WasmInstance[]): readonly PendingGroup[] {
  const groups = new Map<string, { name: string; count: number }>();
  for (const { metadata, spec, status } of instances) {
    if (status?.phase !== "Pending" || spec.nodeName) continue;
    const key = JSON.stringify([
      spec.templateHash,
      spec.isolation,
      spec.priority,
      status.reason,
      status.message,
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { name: metadata.name, count: 1 });
    else group.count++;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** Sorts of trouble that are told of. */
const troublesMax = 5;

/** Where instances are, when none waits, and what is wrong with those that are not ready there. */
export function placesText(instances: readonly WasmInstance[], kind: string, name: string): string {
  const counts = new Map<string, number>();
  const census = new InstanceCensus();
  let placed = 0;
  for (const instance of instances) {
    const { nodeName } = instance.spec;
    if (!nodeName || isOver(instance)) continue;
    placed++;
    counts.set(nodeName, (counts.get(nodeName) ?? 0) + 1);
    census.takeInstance(instance, 0);
  }
  if (placed === 0) return `${kind}/${name} has no instances that wait or run.\n`;
  const places = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, count]) => `${node} ${count}`);
  const troubles = census.troubles(undefined, Number.POSITIVE_INFINITY).slice(0, troublesMax);
  return (
    `No instance of ${kind}/${name} waits: ${placed} ${placed === 1 ? "has" : "have"} a node (${places.join(", ")}).\n` +
    troubles.map((trouble) => `Not ready: ${oneLine(troubleText(trouble))}\n`).join("") +
    'Why one is where it is: "wherry explain instance NAME".\n'
  );
}

function isOver({ status }: WasmInstance): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
