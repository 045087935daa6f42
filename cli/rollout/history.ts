import type { ApiObject } from "../../api/object-meta.ts";
import { withoutManagedFields } from "../manifests/apply-object.ts";
import { ageOf } from "../output/age.ts";
import { cellText, formatColumns } from "../output/table.ts";
import { toYaml } from "../output/yaml.ts";
import { currentRevision, withoutConfigDigest, type Revision } from "./revisions.ts";

/** The table of a workload's revisions, the newest last, as kubectl has it. */
export function historyText(
  reference: string,
  workload: ApiObject,
  revisions: readonly Revision[],
  now: number,
): string {
  const current = currentRevision(workload, revisions);
  const rows = revisions.map((revision) => [
    `${revision.number}${revision === current ? " (current)" : ""}`,
    cellText(revision.changeCause) || "<none>",
    ageOf(revision.object.metadata.creationTimestamp, now),
    cellText(moduleOf(revision)),
  ]);
  return `${reference} \n${formatColumns([["REVISION", "CHANGE-CAUSE", "AGE", "MODULE"], ...rows])}`;
}

/** One revision whole. */
export function revisionText(reference: string, revision: Revision): string {
  const { number, template, changeCause } = revision;
  const cause = changeCause === undefined ? "" : `Change-Cause:  ${cellText(changeCause)}\n`;
  const lines = toYaml(withoutConfigDigest(template)).replaceAll(/^(?=.)/gm, "  ");
  return `${reference} with revision #${number}\n${cause}Instance Template:\n${lines}`;
}

/** The stored objects, for other programs. */
export function revisionObjects(
  revisions: readonly Revision[],
  isOne: boolean,
  format: "json" | "yaml",
): string {
  const items = revisions.map(({ object }) => withoutManagedFields(object));
  const value = isOne ? items[0] : { apiVersion: "v1", kind: "List", metadata: {}, items };
  return format === "yaml" ? toYaml(value) : `${JSON.stringify(value, undefined, 4)}\n`;
}

function moduleOf({ template }: Revision): string {
  const { module } = (template["spec"] ?? {}) as { readonly module?: { readonly image?: string } };
  return module?.image ?? "";
}
