import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { Instance } from "../core/model.ts";
import type { InstanceEvent } from "../core/placement/framework.ts";

/**
 * What instances have let go of, or come to, since the last turn: each node, template and namespace once, however many
 * instances it was. Bounded by how many of those there are.
 */
export class WakeNotes {
  readonly freedNodes = new Set<string>();
  /** Of templates whose instances came to nodes or went. */
  readonly neighbourEvents = new Map<string, InstanceEvent>();
  readonly freedNamespaces = new Set<string>();

  noteFreed(nodeName: string, namespace: string | undefined): void {
    this.freedNodes.add(nodeName);
    if (namespace !== undefined) this.freedNamespaces.add(namespace);
  }

  /** Where an instance is now, or not any more, may be what others wait for. */
  noteNeighbours({ kind, instance, before }: InstanceChange): void {
    const was = before && placeOf(before);
    const is = kind === "removed" ? undefined : placeOf(instance);
    if (was?.isLive === is?.isLive && was?.nodeName === is?.nodeName) return;
    if (is?.isLive === true) this.#noteEvent("instancesBound", instance);
    if (was !== undefined) this.#noteEvent("instancesGone", instance);
  }

  clear(): void {
    this.freedNodes.clear();
    this.neighbourEvents.clear();
    this.freedNamespaces.clear();
  }

  #noteEvent(
    kind: InstanceEvent["kind"],
    { owner, templateHash, namespace, labels, claims }: Instance,
  ): void {
    this.neighbourEvents.set(`${kind}/${owner.uid}/${templateHash}`, {
      kind,
      namespace,
      labels,
      affinity: claims.affinity,
    });
  }
}

/** Where an instance is or has a place reserved, and whether it is to stay; undefined: nowhere. */
function placeOf({ state }: Instance): { readonly nodeName: string; readonly isLive: boolean } | undefined {
  if (state.kind === "bound") return { nodeName: state.nodeName, isLive: true };
  if (state.kind === "stopping") return { nodeName: state.nodeName, isLive: false };
  if (state.kind !== "pending" || state.nominatedNode === undefined) return undefined;
  return { nodeName: state.nominatedNode, isLive: true };
}
