import { createHash } from "node:crypto";
import type { InstanceTemplate } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { ResourceKey } from "../../backend/backend.ts";
import { templateHashLabel } from "../../core/labels.ts";
import type { Revision } from "../../core/model.ts";
import { ownerApiVersion } from "../instance-object.ts";
import { templateHash } from "../template-hash.ts";
import { namespaceOf, ownerOf, type Workload } from "../workloads.ts";

export const revisionResource: ResourceKey = { group: "apps", plural: "controllerrevisions" };

/** kubectl puts it on what it changes, and its history shows it. */
const changeCause = "kubernetes.io/change-cause";
/** So that a suffix fits into the 253 characters of a DNS subdomain. */
const nameLengthMax = 230;

/** A revision as it is stored. */
export interface KeptRevision extends Revision {
  readonly ownerUid: string;
  readonly template: InstanceTemplate;
  readonly object: ApiObject;
}

/** A template of a workload as a ControllerRevision of apps/v1, which clients of StatefulSets and DaemonSets know. */
export function revisionObject(
  workload: Workload,
  template: InstanceTemplate,
  revision: Revision,
): Omit<ApiObject, "metadata"> & { readonly metadata: Partial<ApiObject["metadata"]> } {
  const owner = ownerOf(workload);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: revisionName(owner.name, owner.uid, revision.templateHash),
      namespace: namespaceOf(workload),
      labels: { ...template.metadata?.labels, [templateHashLabel]: revision.templateHash },
      annotations: changeCauseOf(workload),
      ownerReferences: [
        { apiVersion: ownerApiVersion, ...owner, controller: true, blockOwnerDeletion: true },
      ],
    },
    data: { spec: { template } },
    revision: revision.number,
  };
}

/** `kept` under another number, for the reason that the workload now gives. */
export function renumbered(kept: ApiObject, workload: Workload, number: number): ApiObject {
  const { [changeCause]: _, ...annotations } = kept.metadata.annotations ?? {};
  return {
    ...kept,
    metadata: { ...kept.metadata, annotations: { ...annotations, ...changeCauseOf(workload) } },
    revision: number,
  };
}

/** undefined: it is no template of a workload of ours, or not what its label says. */
export function readRevision(object: ApiObject): KeptRevision | undefined {
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const number = object["revision"];
  const data = object["data"] as { readonly spec?: { readonly template?: InstanceTemplate } } | undefined;
  const template = data?.spec?.template;
  if (!owner?.apiVersion.startsWith("wherry.dev/") || typeof number !== "number") return undefined;
  if (typeof template?.spec?.module?.image !== "string") return undefined;
  const hash = object.metadata.labels?.[templateHashLabel];
  if (hash === undefined || templateHash(template) !== hash) return undefined;
  return { ownerUid: owner.uid, templateHash: hash, number, template, object };
}

/** With the owner's uid in it, so that one which is made anew under the same name need not wait until the old ones are gone. */
function revisionName(name: string, uid: string, hash: string): string {
  const suffix = createHash("sha256").update(`${uid} ${hash}`).digest("hex").slice(0, 10);
  return `${name.slice(0, nameLengthMax)}-${suffix}`;
}

function changeCauseOf({ object }: Workload): Readonly<Record<string, string>> {
  const cause = object.metadata.annotations?.[changeCause];
  return cause === undefined ? {} : { [changeCause]: cause };
}
