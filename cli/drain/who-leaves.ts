import type { ApiObject } from "../../api/object-meta.ts";
import type { InstanceTemplate, WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject } from "../client/objects.ts";
import { ApiStatusError, isNotFound } from "../client/status-error.ts";
import { findKind } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";

/** What a drain does with an instance. */
export type Decision =
  | { readonly kind: "evict"; readonly warning?: string }
  /** It stays, and nobody waits for it. */
  | { readonly kind: "stay"; readonly warning?: string }
  /** The drain does not begin. */
  | { readonly kind: "refuse"; readonly why: string };

export interface DrainRules {
  readonly ignoreDaemonSets: boolean;
  readonly deleteEmptyDirData: boolean;
  readonly force: boolean;
}

/** What is lost with an instance, by its workload's template. */
type Loss = "nothing" | "emptyDir" | "unknown";

/** Decides by what its workload says of an instance; each workload is read once. Kubectl's filters, in this order. */
export class DepartureRules {
  readonly #client: ApiClient;
  readonly #resources: readonly Resource[];
  readonly #rules: DrainRules;
  readonly #losses = new Map<string, Promise<Loss>>();

  constructor(client: ApiClient, resources: readonly Resource[], rules: DrainRules) {
    this.#client = client;
    this.#resources = resources;
    this.#rules = rules;
  }

  async decide(instance: WasmInstance): Promise<Decision> {
    const { owner } = instance.spec;
    if (isOver(instance)) return { kind: "stay" };
    if (owner.kind === "WasmDaemonSet")
      return this.#rules.ignoreDaemonSets
        ? { kind: "stay", warning: "ignoring instances of WasmDaemonSets" }
        : {
            kind: "refuse",
            why: "cannot delete instances of WasmDaemonSets (use --ignore-daemonsets to ignore)",
          };
    const loss = await this.#lossOf(instance);
    if (loss === "unknown")
      return this.#rules.force
        ? { kind: "evict", warning: "evicting instances whose workload cannot be read" }
        : {
            kind: "refuse",
            why: "cannot tell what instances hold whose workload cannot be read (use --force to override)",
          };
    if (loss === "nothing") return { kind: "evict" };
    return this.#rules.deleteEmptyDirData
      ? { kind: "evict", warning: "evicting instances with local storage" }
      : {
          kind: "refuse",
          why: "cannot delete instances with local storage (use --delete-emptydir-data to override)",
        };
  }

  #lossOf({ spec: { owner }, metadata: { namespace } }: WasmInstance): Promise<Loss> {
    const known = this.#losses.get(owner.uid);
    if (known) return known;
    const reading = this.#read(owner, namespace);
    this.#losses.set(owner.uid, reading);
    return reading;
  }

  async #read({ kind, name }: WasmInstance["spec"]["owner"], namespace: string | undefined): Promise<Loss> {
    const resource = findKind(this.#resources, "wherry.dev/v1alpha1", kind);
    if (!resource) return "unknown";
    try {
      const object = await getObject(this.#client, resource, namespace, name);
      return hasLocalData(object) ? "emptyDir" : "nothing";
    } catch (error) {
      // Its instances stop with it.
      if (isNotFound(error)) return "nothing";
      if (error instanceof ApiStatusError && error.httpStatus === 403) return "unknown";
      throw error;
    }
  }
}

function hasLocalData(object: ApiObject): boolean {
  // All kinds of workloads have it in the same place.
  const { spec } = object as unknown as { readonly spec: { readonly template: InstanceTemplate } };
  return (spec.template.spec.volumes ?? []).some(({ emptyDir }) => emptyDir !== undefined);
}

/** What has ended holds nothing of its node: it is shown for a while. */
export function isOver({ status }: WasmInstance): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
