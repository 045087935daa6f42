import { checkExtendedResource } from "../../../api/extended-resource.ts";
import type { Amounts, Instance } from "../model.ts";
import { qosOf } from "../qos.ts";
import { footprintOf } from "../resources.ts";

type StandardResource = "requests.cpu" | "requests.memory" | "limits.cpu" | "limits.memory" | "instances";

/** Of an extended resource, as Kubernetes names it in quotas: requests.example.com/camera. */
type ExtendedRequest = `requests.${string}/${string}`;

/** What a quota can count of placed instances. */
export type ComputeResource = StandardResource | ExtendedRequest;

/** In thousandths, as quantities are parsed: millicores, thousandths of a byte, thousandths of an instance. */
export type ComputeAmounts = Readonly<Record<StandardResource, bigint>> & {
  /** Those above zero; `noExtended` in the usual case. */
  readonly extended: ReadonlyMap<ComputeResource, bigint>;
};

const noExtended: ComputeAmounts["extended"] = new Map();

export const nothingUsed: ComputeAmounts = {
  "requests.cpu": 0n,
  "requests.memory": 0n,
  "limits.cpu": 0n,
  "limits.memory": 0n,
  instances: 0n,
  extended: noExtended,
};

export function amountOf(amounts: ComputeAmounts, resource: ComputeResource): bigint {
  return isExtended(resource) ? (amounts.extended.get(resource) ?? 0n) : amounts[resource];
}

function isExtended(resource: ComputeResource): resource is ExtendedRequest {
  return resource.includes("/");
}

/** What a name in a quota's `hard` counts of placed instances; undefined: nothing. */
export function computeResourceNamed(name: string): ComputeResource | undefined {
  const isOfExtended =
    name.startsWith(requestsPrefix) && checkExtendedResource(name.slice(requestsPrefix.length)) === undefined;
  return isOfExtended ? extendedRequest(name.slice(requestsPrefix.length)) : computeResourceNames.get(name);
}

const requestsPrefix = "requests.";

/** Extended resources have a slash in their names. */
function extendedRequest(name: string): ExtendedRequest {
  return `${requestsPrefix}${name}` as ExtendedRequest;
}

/** cpu and memory are requests, as in Kubernetes. */
const computeResourceNames: ReadonlyMap<string, ComputeResource> = new Map([
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
    extended: chargedExtended(instance.claims.extended),
  };
}

function chargedExtended(extended: Amounts): ComputeAmounts["extended"] {
  if (extended.size === 0) return noExtended;
  return new Map(Array.from(extended, ([name, amount]) => [extendedRequest(name), BigInt(amount) * 1_000n]));
}

/** `amounts` with `count` times `charge`; a negative count takes it away. */
export function amountsWith(amounts: ComputeAmounts, charge: ComputeAmounts, count: bigint): ComputeAmounts {
  return {
    "requests.cpu": amounts["requests.cpu"] + charge["requests.cpu"] * count,
    "requests.memory": amounts["requests.memory"] + charge["requests.memory"] * count,
    "limits.cpu": amounts["limits.cpu"] + charge["limits.cpu"] * count,
    "limits.memory": amounts["limits.memory"] + charge["limits.memory"] * count,
    instances: amounts.instances + charge.instances * count,
    extended: charge.extended.size === 0 ? amounts.extended : extendedWith(amounts, charge, count),
  };
}

function extendedWith(
  { extended }: ComputeAmounts,
  charge: ComputeAmounts,
  count: bigint,
): ComputeAmounts["extended"] {
  const sum = new Map(extended);
  for (const [resource, amount] of charge.extended) {
    const next = (sum.get(resource) ?? 0n) + amount * count;
    if (next === 0n) sum.delete(resource);
    else sum.set(resource, next);
  }
  return sum.size === 0 ? noExtended : sum;
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
