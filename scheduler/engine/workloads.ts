import type { InstanceTemplate, WasmDeployment, WasmJob } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Owner, WorkloadKind } from "../core/model.ts";
import type { ResourceKey } from "../backend/backend.ts";
import type { TemplateOwner } from "./template-catalogue.ts";

/** A declared workload, told apart by kind. The API server has validated and defaulted the object. */
export type Workload =
  | { readonly kind: "WasmDeployment"; readonly object: WasmDeployment }
  | { readonly kind: "WasmJob"; readonly object: WasmJob };

export const workloadResources: Readonly<Record<WorkloadKind, ResourceKey>> = {
  WasmDeployment: { group: "wherry.dev", plural: "wasmdeployments" },
  WasmJob: { group: "wherry.dev", plural: "wasmjobs" },
};

export function toWorkload(kind: WorkloadKind, object: ApiObject): Workload {
  // The backend delivers only objects that its schema, from which these types are made, has accepted.
  return kind === "WasmDeployment"
    ? { kind, object: object as unknown as WasmDeployment }
    : { kind, object: object as unknown as WasmJob };
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
  };
}
