import type { Isolation } from "../../api/isolation.ts";
import type { Instance, Slot } from "../core/model.ts";
import type { PriorityOutcome } from "../core/priority-classes.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";
import { hasDeadline, ownerOf, templateOf, type Workload } from "./workloads.ts";

export interface NewInstance {
  readonly workload: Workload;
  readonly namespace: string;
  /** A job's. */
  readonly slot: Slot | undefined;
  readonly entry: CatalogueEntry;
  readonly priority: PriorityOutcome & { readonly kind: "known" };
  readonly isolation: Isolation;
  readonly uid: string;
  /** The end of its name. */
  readonly suffix: string;
  readonly createdMs: number;
}

/** Names longer than this are cut, so that a suffix fits into the 253 characters of a DNS subdomain. */
const nameLengthMax = 230;

/** An instance of a workload's present template, without a node yet. */
export function newInstance({ workload, namespace, slot, entry, priority, ...made }: NewInstance): Instance {
  const owner = ownerOf(workload);
  const { templateHash, requirements, limits, labels } = entry;
  const middle = slot ? String(slot.index) : templateHash.slice(0, 6);
  return {
    uid: made.uid,
    namespace,
    name: `${owner.name.slice(0, nameLengthMax)}-${middle}-${made.suffix}`,
    owner,
    templateId: "",
    templateHash,
    requests: requirements.requests,
    limits,
    claims: requirements.claims,
    isolation: made.isolation,
    priority: priority.value,
    priorityClass: priority.name,
    preempts: priority.preempts,
    hasDeadline: hasDeadline(workload),
    labels,
    annotations: templateOf(workload).metadata?.annotations ?? {},
    slot,
    createdMs: made.createdMs,
    state: { kind: "pending", reason: "", message: "", nominatedNode: undefined },
  };
}
