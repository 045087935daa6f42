import type { Isolation } from "../../api/isolation.ts";
import type { Instance, Slot } from "../core/model.ts";
import type { PriorityOutcome } from "../core/priority-classes.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";
import { hasDeadline, namespaceOf, ownerOf, type Workload } from "./workloads.ts";

export interface NewInstance {
  readonly workload: Workload;
  readonly name: string;
  /** A job's. */
  readonly slot: Slot | undefined;
  /** The only node that it may have; undefined: any. */
  readonly targetNode: string | undefined;
  readonly entry: CatalogueEntry;
  readonly priority: PriorityOutcome & { readonly kind: "known" };
  readonly isolation: Isolation;
  readonly uid: string;
  readonly createdMs: number;
}

/** Names longer than this are cut, so that a suffix fits into the 253 characters of a DNS subdomain. */
const nameLengthMax = 230;

/** What the names of a template's instances begin with. */
export function nameStem(
  { object }: Workload,
  { templateHash }: CatalogueEntry,
  slot: Slot | undefined,
): string {
  const middle = slot ? String(slot.index) : templateHash.slice(0, 6);
  return `${object.metadata.name.slice(0, nameLengthMax)}-${middle}`;
}

/** What all instances of a template have alike, whoever tells of them. */
export function declaredParts(
  workload: Workload,
  { requirements, limits, labels, template }: CatalogueEntry,
): Pick<
  Instance,
  "namespace" | "owner" | "requests" | "limits" | "claims" | "labels" | "annotations" | "hasDeadline"
> {
  return {
    namespace: namespaceOf(workload),
    owner: ownerOf(workload),
    requests: requirements.requests,
    limits,
    claims: requirements.claims,
    labels,
    annotations: template.metadata?.annotations ?? {},
    hasDeadline: hasDeadline(workload),
  };
}

/** An instance of a template of a workload, without a node yet. */
export function newInstance({ workload, slot, targetNode, entry, priority, ...made }: NewInstance): Instance {
  return {
    ...declaredParts(workload, entry),
    uid: made.uid,
    name: made.name,
    templateId: "",
    templateHash: entry.templateHash,
    isolation: made.isolation,
    priority: priority.value,
    priorityClass: priority.name,
    preempts: priority.preempts,
    slot,
    targetNode,
    leaving: undefined,
    createdMs: made.createdMs,
    state: { kind: "pending", reason: "", message: "", nominatedNode: undefined },
  };
}
