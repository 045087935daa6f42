import type { InstanceTemplate, WasmDaemonSet, WasmDeployment, WasmJob } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { assertNever } from "../../kit/errors.ts";
import type { Owner, WorkloadKind } from "../core/model.ts";
import type { ResourceKey } from "../backend/backend.ts";
import type { TemplateOwner } from "./template-catalogue.ts";

/** A declared workload, told apart by kind. The API server has validated and defaulted the object. */
export type Workload =
  | { readonly kind: "WasmDeployment"; readonly object: WasmDeployment }
  | { readonly kind: "WasmDaemonSet"; readonly object: WasmDaemonSet }
  | { readonly kind: "WasmJob"; readonly object: WasmJob };

export const workloadResources: Readonly<Record<WorkloadKind, ResourceKey>> = {
  WasmDeployment: { group: "wherry.dev", plural: "wasmdeployments" },
  WasmDaemonSet: { group: "wherry.dev", plural: "wasmdaemonsets" },
  WasmJob: { group: "wherry.dev", plural: "wasmjobs" },
};

export function toWorkload(kind: WorkloadKind, object: ApiObject): Workload {
  // The backend delivers only objects that its schema, from which these types are made, has accepted.
  switch (kind) {
    case "WasmDeployment":
      return { kind, object: object as unknown as WasmDeployment };
    case "WasmDaemonSet":
      return { kind, object: object as unknown as WasmDaemonSet };
    case "WasmJob":
      return { kind, object: object as unknown as WasmJob };
    default:
      return assertNever(kind, "workload kind");
  }
}

export function ownerOf({ kind, object }: Workload): Owner {
  return { kind, name: object.metadata.name, uid: object.metadata.uid };
}

export function namespaceOf({ object }: Workload): string {
  return object.metadata.namespace ?? "";
}

export function templateOf({ object }: Workload): InstanceTemplate {
  return object.spec.template;
}

/** Whether the templates that it has had are kept. */
export function keepsRevisions({ kind }: Workload): boolean {
  return kind !== "WasmJob";
}

/** Whether a change of what its template reads is a change of the template. */
export function rollsOutConfiguration(workload: Workload): boolean {
  return workload.kind !== "WasmJob" && workload.object.spec.rolloutOnConfigChange;
}

/** Whether the workload ends its instances after a time: the quota scope Terminating. */
export function hasDeadline({ kind, object }: Workload): boolean {
  return kind === "WasmJob" && object.spec.activeDeadlineSeconds !== undefined;
}

/** Whether those of its instances that wait get nodes together or not at all. */
export function isGang(workload: Workload | undefined): boolean {
  return workload?.kind === "WasmJob" && workload.object.spec.placementPolicy === "AllOrNothing";
}

export function templateOwner(workload: Workload): TemplateOwner {
  return {
    ...ownerOf(workload),
    namespace: namespaceOf(workload),
    template: templateOf(workload),
    includesConfiguration: rollsOutConfiguration(workload),
  };
}
