/** Keeps one instance of a WasmDaemonSet on every node that matches. Pure: what should exist against what does, to steps. */
import type { WasmDaemonSet, WasmDaemonSetStatus } from "../../../../api/gen/kinds.gen.ts";
import type { ClusterNode, Instance, Revision } from "../../model.ts";
import { reconcileOrphans } from "../orphans.ts";
import type { ReconcileResult } from "../step.ts";

export interface DaemonSetInput {
  readonly daemonSet: WasmDaemonSet;
  /** The hash of the current template. */
  readonly templateHash: string;
  readonly revisions: readonly Revision[];
  readonly nodes: Iterable<ClusterNode>;
  /** All instances of this daemon set, in any order. */
  readonly instances: Iterable<Instance>;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
}

/** The status is the object's own one, by identity, if nothing changed. */
export function reconcileDaemonSet({
  daemonSet,
  instances,
}: DaemonSetInput): ReconcileResult<WasmDaemonSetStatus> {
  return { status: daemonSet.status ?? {}, steps: reconcileOrphans(instances), wakeAtMs: undefined };
}
