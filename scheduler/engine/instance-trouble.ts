import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { Instance, ObservedStatus } from "../core/model.ts";
import type { Occurrence } from "./event-recorder.ts";
import { ownerApiVersion } from "./instance-object.ts";

/** Steps on the way, and ends that were asked for. */
const harmlessReasons: ReadonlySet<string> = new Set([
  "",
  "FetchingModule",
  "PreparingModule",
  "Starting",
  // It runs, and its probes have not yet said that it is ready. Where they say that it is not, the reason is Unhealthy.
  "NotReady",
  "Stopping",
  "Completed",
  "Stopped",
  // An event was recorded when it was told to.
  "TaintEviction",
  "Eviction",
  "Preempted",
  "ShimReplaced",
  "NodeShutdown",
  "NotFound",
]);

/** What went wrong with an instance is an event of its workload: there people look first. undefined: nothing, or nothing new. */
export function troubleOf({ instance, before }: InstanceChange): Occurrence | undefined {
  const observed = observedOf(instance);
  if (!observed || observed.ready || harmlessReasons.has(observed.reason)) return undefined;
  const known = before && observedOf(before);
  if (known?.reason === observed.reason && known.restarts === observed.restarts) return undefined;
  const { owner, namespace, name } = instance;
  const involved = { apiVersion: ownerApiVersion, ...owner, namespace };
  const message = `instance ${name}: ${observed.message || observed.reason}`;
  return { involved, type: "Warning", reason: observed.reason, message };
}

function observedOf({ state }: Instance): ObservedStatus | undefined {
  return state.kind === "pending" ? undefined : state.observed;
}
