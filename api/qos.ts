import type { InstanceSpec } from "./gen/kinds.gen.ts";
import { parseQuantity } from "./quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/**
 * As Kubernetes classifies a pod: Guaranteed has limits of cpu and memory and requests that are equal to them (a missing
 * request is its limit), BestEffort has neither requests nor limits.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
export function qosClass(resources: InstanceSpec["resources"]): QosClass {
  const { requests = {}, limits = {} } = resources ?? {};
  let guaranteed = true;
  let bestEffort = true;
  for (const name of ["cpu", "memory"] as const) {
    const limit = limits[name];
    const request = requests[name] ?? limit;
    if (isSome(request)) bestEffort = false;
    if (!isSome(limit) || !isEqual(request, limit)) guaranteed = false;
  }
  if (guaranteed) return "Guaranteed";
  return bestEffort ? "BestEffort" : "Burstable";
}

type Amount = string | number | undefined;

function isSome(quantity: Amount): boolean {
  if (quantity === undefined) return false;
  const parsed = parseQuantity(quantity);
  return parsed.kind === "ok" && parsed.milli > 0n;
}

function isEqual(one: Amount, other: Amount): boolean {
  if (one === undefined || other === undefined) return false;
  const [a, b] = [parseQuantity(one), parseQuantity(other)];
  return a.kind === "ok" && b.kind === "ok" && a.milli === b.milli;
}
