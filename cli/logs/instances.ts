import type { ApiObject } from "../../api/object-meta.ts";
import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";

/** Whose log is wanted. */
export interface LogTarget {
  readonly instances: Resource;
  readonly namespace: string;
  /** As the user would name it. */
  readonly reference: string;
  /** The only instance, when it was named itself. */
  readonly name: string | undefined;
  /** What owns the instances, when a workload was named. */
  readonly workload: { readonly resource: Resource; readonly name: string } | undefined;
}

/** `x` is an instance; `wasmdeployment/x`, `wj/x`, … a workload, and stands for all its instances. */
export function resolveLogTarget(resources: readonly Resource[], namespace: string, arg: string): LogTarget {
  const instances = requireResource(resources, "wasminstances.live.wherry.dev");
  const [type, name] = arg.includes("/") ? arg.split("/", 2) : ["wasminstances", arg];
  const resource =
    type === "wasminstances"
      ? instances
      : (findResource(resources, type ?? "") ?? requireResource(resources, type ?? ""));
  const reference = objectReference(resource, name ?? "");
  if (resource === instances)
    return { instances, namespace, reference, name: name ?? "", workload: undefined };
  return { instances, namespace, reference, name: undefined, workload: { resource, name: name ?? "" } };
}

export function isOwnedBy({ spec }: WasmInstance, kind: string, name: string): boolean {
  return spec.owner.kind === kind && spec.owner.name === name;
}

/** The instances that a target means. Live objects have the shape of their kind: the server makes them. */
export function selectInstances(target: LogTarget, objects: readonly ApiObject[]): readonly WasmInstance[] {
  return (objects as readonly unknown[] as readonly WasmInstance[]).filter((instance) => {
    if (target.name !== undefined) return instance.metadata.name === target.name;
    const { workload } = target;
    return workload !== undefined && isOwnedBy(instance, workload.resource.kind, workload.name);
  });
}
