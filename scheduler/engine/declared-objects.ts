import type { Backend, BackendEvent, ResourceKey } from "../backend/backend.ts";
import type { WorkloadKind } from "../core/model.ts";
import type { ConfigKind } from "../core/templates/resolve-template.ts";
import { configResources } from "./config-lookup.ts";
import { budgetResource } from "./disruption/budget-keeper.ts";
import { nodeResource } from "./node-objects.ts";
import { quotaResource } from "./quota-keeper.ts";
import { revisionResource } from "./revisions/revision-object.ts";
import { routeResource } from "./routes/route-statuses.ts";
import { workloadResources } from "./workloads.ts";

type Listener = (event: BackendEvent) => void;

export interface DeclaredObjectListeners {
  readonly node: Listener;
  readonly config: (kind: ConfigKind, event: BackendEvent) => void;
  readonly quota: Listener;
  readonly budget: Listener;
  readonly priorityClass: Listener;
  readonly namespace: Listener;
  readonly revision: Listener;
  readonly route: Listener;
  /** `isOld`: it was there when the watch began. */
  readonly workload: (
    kind: WorkloadKind,
    event: Exclude<BackendEvent, { kind: "synced" }>,
    isOld: boolean,
  ) => void;
}

const eventResource: ResourceKey = { group: "", plural: "events" };
const namespaceResource: ResourceKey = { group: "", plural: "namespaces" };
const priorityResource: ResourceKey = { group: "scheduling.k8s.io", plural: "priorityclasses" };
const workloadKinds: readonly WorkloadKind[] = ["WasmDeployment", "WasmDaemonSet", "WasmJob"];

/**
 * Watches workloads, nodes and what workloads refer to until `signal` aborts; resolves when all that was declared before is
 * known. Workloads come last.
 */
export async function watchDeclaredObjects(
  backend: Backend,
  listeners: DeclaredObjectListeners,
  signal: AbortSignal,
): Promise<void> {
  const watch = (resource: ResourceKey, listener: Listener) => watched(backend, resource, listener, signal);
  // Before routes, whose claims to hosts count from when their namespaces may make them.
  await watch(namespaceResource, listeners.namespace);
  await Promise.all([
    watch(nodeResource, listeners.node),
    watch(configResources.ConfigMap, (event) => listeners.config("ConfigMap", event)),
    watch(configResources.Secret, (event) => listeners.config("Secret", event)),
    // Nothing acts on events; watched so that the recorder can go on counting.
    watch(eventResource, () => {}),
    watch(quotaResource, listeners.quota),
    watch(budgetResource, listeners.budget),
    watch(priorityResource, listeners.priorityClass),
    watch(revisionResource, listeners.revision),
    watch(routeResource, listeners.route),
  ]);
  await Promise.all(
    workloadKinds.map((kind) => {
      let synced = false;
      return watch(workloadResources[kind], (event) => {
        if (event.kind === "synced") synced = true;
        else listeners.workload(kind, event, !synced);
      });
    }),
  );
}

/** Resolves with the watch's `synced`. */
export function watched(
  backend: Backend,
  resource: ResourceKey,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    backend.watch(
      resource,
      (event) => {
        listener(event);
        if (event.kind === "synced") resolve();
      },
      signal,
    );
  });
}
