import type { Instance } from "../../model.ts";
import type { PreemptionPlan } from "./preemption-search.ts";

/** What a nominated instance waits for. */
export function waitingText({ nodeName, victims, displaced, stopping }: PreemptionPlan): string {
  const parts: string[] = [];
  if (victims.length > 0) parts.push(`preempting ${countText(victims.length)} of ${workloadsText(victims)}`);
  if (displaced.length > 0)
    parts.push(`taking the place of ${countText(displaced.length)} of ${workloadsText(displaced)}`);
  if (victims.length === 0 && stopping.length > 0)
    parts.push(`waiting for ${countText(stopping.length)} to stop`);
  return `${parts.join(", ") || "waiting for its turn"}, on node ${nodeName}`;
}

/** Why a victim is stopped. */
export function victimText({ owner, namespace, priority }: Instance): string {
  return `preempted by an instance of ${owner.kind} ${namespace}/${owner.name} with priority ${priority}`;
}

function countText(count: number): string {
  return `${count} ${count === 1 ? "instance" : "instances"}`;
}

function workloadsText(instances: readonly Instance[]): string {
  const names = new Set(
    instances.map(
      ({ owner, namespace, priority }) => `${owner.kind} ${namespace}/${owner.name} (priority ${priority})`,
    ),
  );
  const [first = "", ...others] = names;
  if (others.length === 0) return first;
  return `${first} and ${others.length} other ${others.length === 1 ? "workload" : "workloads"}`;
}
