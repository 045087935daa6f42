import type { WasmNode } from "../../api/gen/kinds.gen.ts";
import type { Connection } from "../connection.ts";
import { resourcePath } from "../client/objects.ts";
import type { DryRun } from "../manifests/apply-object.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";

export interface Cordon {
  readonly unschedulable: boolean;
  readonly dryRun: DryRun;
}

/** Keeps new instances away from a node, or lets them come again, and says so in kubectl's words. */
export async function setSchedulable(
  { client }: Connection,
  terminal: Terminal,
  resource: Resource,
  { metadata: { name }, spec }: WasmNode,
  { unschedulable, dryRun }: Cordon,
): Promise<void> {
  const done = unschedulable ? "cordoned" : "uncordoned";
  const reference = objectReference(resource, name);
  if (spec.unschedulable === unschedulable) {
    await terminal.out(`${reference} already ${done}${dryRunText(dryRun)}\n`);
    return;
  }
  if (dryRun !== "client")
    await client.request({
      method: "PATCH",
      path: resourcePath(resource, undefined, name),
      query: {
        fieldManager: `wherry-${unschedulable ? "cordon" : "uncordon"}`,
        dryRun: dryRun === "server" ? "All" : undefined,
      },
      contentType: "application/merge-patch+json",
      body: { spec: { unschedulable } },
    });
  await terminal.out(`${reference} ${done}${dryRunText(dryRun)}\n`);
}

export function dryRunText(dryRun: DryRun): string {
  return dryRun === "none" ? "" : dryRun === "client" ? " (dry run)" : " (server dry run)";
}
