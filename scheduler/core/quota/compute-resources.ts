import type { Instance } from "../model.ts";
import { qosOf } from "../qos.ts";
import { footprintOf } from "../resources.ts";

/** What a quota can count of placed instances. */
export type ComputeResource =
  | "requests.cpu"
  | "requests.memory"
  | "limits.cpu"
  | "limits.memory"
  | "instances";

/** In thousandths, as quantities are parsed: millicores, thousandths of a byte, thousandths of an instance. */
export type ComputeAmounts = Readonly<Record<ComputeResource, bigint>>;

export const nothingUsed: ComputeAmounts = {
  "requests.cpu": 0n,
  "requests.memory": 0n,
  "limits.cpu": 0n,
  "limits.memory": 0n,
  instances: 0n,
};

/** The names in a quota's `hard` that are counted of placed instances. cpu and memory are requests, as in Kubernetes. */
export const computeResourceNames: ReadonlyMap<string, ComputeResource> = new Map([
  ["cpu", "requests.cpu"],
  ["memory", "requests.memory"],
  ["requests.cpu", "requests.cpu"],
  ["requests.memory", "requests.memory"],
  ["limits.cpu", "limits.cpu"],
  ["limits.memory", "limits.memory"],
  ["count/wasminstances.live.wherry.dev", "instances"],
]);

/** What one instance uses of each. Its process counts as the overhead of a pod: in a limit only if there is one. */
export function chargeOf(
  instance: Pick<Instance, "requests" | "limits" | "isolation" | "claims">,
): ComputeAmounts {
  const { requests, limits } = instance;
  const memoryBytes = BigInt(footprintOf(instance).memoryBytes);
  const limitBytes = BigInt(limits.memoryBytes);
  const overheadBytes = memoryBytes - BigInt(requests.memoryBytes);
  return {
    "requests.cpu": BigInt(requests.cpuMillis),
    "requests.memory": memoryBytes * 1_000n,
    "limits.cpu": BigInt(limits.cpuMillis),
    "limits.memory": limitBytes === 0n ? 0n : (limitBytes + overheadBytes) * 1_000n,
    instances: 1_000n,
  };
}

/** `amounts` with `count` times `charge`; a negative count takes it away. */
export function amountsWith(amounts: ComputeAmounts, charge: ComputeAmounts, count: bigint): ComputeAmounts {
  return {
    "requests.cpu": amounts["requests.cpu"] + charge["requests.cpu"] * count,
    "requests.memory": amounts["requests.memory"] + charge["requests.memory"] * count,
    "limits.cpu": amounts["limits.cpu"] + charge["limits.cpu"] * count,
    "limits.memory": amounts["limits.memory"] + charge["limits.memory"] * count,
    instances: amounts.instances + charge.instances * count,
  };
}

/** What scopes ask of an instance. */
export interface QuotaTraits {
  /** Neither requests nor limits of cpu and memory: the quality of service BestEffort. */
  readonly bestEffort: boolean;
  /** Its job has an activeDeadlineSeconds. */
  readonly terminating: boolean;
  /** Empty without one. */
  readonly priorityClass: string;
}

export function traitsOf(
  instance: Pick<Instance, "requests" | "limits" | "hasDeadline" | "priorityClass">,
): QuotaTraits {
  return {
    bestEffort: qosOf(instance) === "BestEffort",
    terminating: instance.hasDeadline,
    priorityClass: instance.priorityClass,
  };
}
