import type { WasmInstance } from "../../api/gen/kinds.gen.ts";

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

/** Where instances are, when none waits. */
export function placesText(instances: readonly WasmInstance[], kind: string, name: string): string {
  const counts = new Map<string, number>();
  for (const { spec } of instances)
    if (spec.nodeName) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  if (counts.size === 0) return `${kind}/${name} has no instances.\n`;
  const places = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, count]) => `${node} ${count}`);
  return (
    `No instance of ${kind}/${name} waits: ${instances.length} have a node (${places.join(", ")}).\n` +
    'Why one is where it is: "wherry explain instance NAME".\n'
  );
}
