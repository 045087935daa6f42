import type { InstanceSpec } from "../../../api/gen/kinds.gen.ts";
import type { NodeAssignment } from "../../../node-daemon/core/assignment.ts";
import { templateHashLabel } from "../../../scheduler/core/labels.ts";
import type { Cluster } from "../cluster.ts";
import type { Machine } from "../machine.ts";
import { objectsIn } from "../objects-in.ts";
import { demand } from "./violation.ts";

/** What instances see of a ConfigMap is what is declared; where it is missing and required, whatever they saw before. */
export function checkContents(cluster: Cluster): void {
  for (const machine of cluster.machines) {
    const ended = new Set(machine.agent?.endedUids());
    for (const uid of machine.agent?.uids() ?? []) if (!ended.has(uid)) checkInstance(cluster, machine, uid);
  }
}

function isKept({ store }: Cluster, { owner, templateHash }: NodeAssignment): boolean {
  if (owner.kind === "WasmJob") return true;
  return objectsIn(store, "controllerrevisions").some(
    ({ metadata: { labels, ownerReferences } }) =>
      labels?.[templateHashLabel] === templateHash && ownerReferences?.[0]?.uid === owner.uid,
  );
}

function checkInstance(cluster: Cluster, { agent, disk, files, name }: Machine, uid: string): void {
  const assignment = agent?.assignmentOf(uid);
  const template = disk.templates.get(assignment?.templateId ?? "");
  if (!assignment || !template) return;
  const spec = JSON.parse(Buffer.from(template.specJson).toString()) as InstanceSpec;
  const source = spec.volumes?.[0]?.configMap;
  const seen = files.get(template.id)?.[0];
  // Not mounted yet.
  if (source === undefined || seen === undefined) return;
  // Its node was given up, and its template with it; it is on its way out.
  if (!isKept(cluster, assignment)) return;
  const declared = objectsIn(cluster.store, "configmaps").find(
    ({ metadata }) => metadata.name === source.name && metadata.namespace === assignment.namespace,
  );
  if (declared === undefined && !source.optional) return;
  const wanted = Object.entries((declared?.["data"] ?? {}) as Readonly<Record<string, string>>);
  const found = seen.files.map(({ path, data }) => [path, Buffer.from(data).toString()]);
  demand(
    JSON.stringify(found) === JSON.stringify(wanted),
    "contents",
    () =>
      `${assignment.name} on ${name} sees ${JSON.stringify(found)}, declared is ${JSON.stringify(wanted)}`,
  );
}
