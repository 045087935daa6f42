import type { Clock } from "../../kit/clock.ts";
import type { TargetInstance } from "../core/autoscaling/target.ts";
import type { Instance, NodeConnection } from "../core/model.ts";

/** What of the cluster's state says something of targets. */
export interface TargetCluster {
  instance(uid: string): Instance | undefined;
  instances(): Iterable<Instance>;
  instancesOwnedBy(ownerUid: string): Iterable<Instance>;
  node(name: string): { readonly connection: NodeConnection } | undefined;
}

/** Those of them that are not over, as an autoscaler's decision sees them. */
export function targetInstances(
  instances: Iterable<Instance>,
  cluster: Pick<TargetCluster, "node">,
  clock: Clock,
): readonly TargetInstance[] {
  const monotonicMs = clock.monotonic();
  const offsetMs = monotonicMs - clock.now();
  const found: TargetInstance[] = [];
  for (const { uid, requests, state } of instances) {
    if (state.kind === "ended") continue;
    if (state.kind === "pending") {
      found.push({
        uid,
        phase: "pending",
        isReady: false,
        startedMs: undefined,
        requests,
        isHeardOf: true,
      });
      continue;
    }
    const { observed, nodeName } = state;
    const startedMs = observed?.startedMs;
    const readySinceMs = observed?.readySinceMs;
    const phase = observed?.phase === "Running" ? "running" : "starting";
    found.push({
      uid,
      phase: state.kind === "stopping" ? "stopping" : phase,
      isReady: state.kind === "bound" && observed?.ready === true,
      // By its node's wall clock, which may be ahead of ours.
      startedMs: startedMs === undefined ? undefined : Math.min(monotonicMs, startedMs + offsetMs),
      ...(readySinceMs === undefined ? {} : { readySinceMs: Math.min(monotonicMs, readySinceMs + offsetMs) }),
      requests,
      isHeardOf: cluster.node(nodeName)?.connection.kind === "connected",
    });
  }
  return found;
}
