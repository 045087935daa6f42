/**
 * Whether the quotas of a namespace let instances be placed, in the words of Kubernetes' ResourceQuota admission. What is
 * admission of a pod there is placement of an instance here: whatever is refused waits.
 */
import { formatQuantity, type QuantityFormat } from "../../../api/quantity.ts";
import {
  amountOf,
  type ComputeAmounts,
  type ComputeResource,
  type QuotaTraits,
} from "./compute-resources.ts";
import { matchesScopes, type ComputeLimit, type Quota } from "./quota.ts";

/** What quotas look at of instances that are alike. */
export interface QuotaSubject {
  readonly namespace: string;
  /** The workload, in messages where Kubernetes names a container. */
  readonly workload: string;
  /** What each instance uses. */
  readonly charge: ComputeAmounts;
  readonly traits: QuotaTraits;
  /** What the template does not say. A quota that counts it refuses the instance. */
  readonly unspecified: ReadonlySet<ComputeResource>;
}

export interface QuotaAllowance {
  /** How many instances more may be placed; at most as many as asked for. */
  readonly count: number;
  /** Why not one more than that; undefined when all may. */
  readonly refusal: string | undefined;
}

/** `used` is what the instances use that a quota counts. */
export function checkQuotas(
  quotas: readonly Quota[],
  subject: QuotaSubject,
  wanted: number,
  used: (quota: Quota) => ComputeAmounts,
): QuotaAllowance {
  const matching = quotas.filter((quota) => quota.compute.length > 0 && matchesScopes(quota, subject.traits));
  for (const quota of matching) {
    const refusal = missingText(quota, subject);
    if (refusal !== undefined) return { count: 0, refusal };
  }
  let allowed = BigInt(wanted);
  let tightest: { readonly quota: Quota; readonly used: ComputeAmounts } | undefined;
  for (const quota of matching) {
    const usedHere = used(quota);
    const room = roomUnder(quota, subject, usedHere);
    if (room === undefined || room >= allowed) continue;
    allowed = room;
    tightest = { quota, used: usedHere };
  }
  if (tightest === undefined) return { count: wanted, refusal: undefined };
  return {
    count: Number(allowed),
    refusal: exceededText(tightest.quota, subject, tightest.used, allowed),
  };
}

/** What would let one more instance through, of quotas that refuse it. */
export function quotaRemedy(quotas: readonly Quota[], { traits, unspecified }: QuotaSubject): string {
  const matching = quotas.filter((quota) => matchesScopes(quota, traits));
  const missing = matching.flatMap(({ compute }) =>
    compute.filter(({ resource }) => unspecified.has(resource)).map(({ resource }) => resource),
  );
  if (missing.length > 0) return `say ${[...new Set(missing)].join(", ")} in the template's resources`;
  return "frees up when instances of the namespace end; or lower what the template asks for, or raise the quota";
}

/** Whether what is used already, these instances included, is more than the quotas let them have. */
export function exceedsQuotas(
  quotas: readonly Quota[],
  subject: QuotaSubject,
  used: (quota: Quota) => ComputeAmounts,
): boolean {
  return quotas.some((quota) => {
    if (quota.compute.length === 0 || !matchesScopes(quota, subject.traits)) return false;
    if (missingText(quota, subject) !== undefined) return true;
    const usedHere = used(quota);
    return quota.compute.some(
      ({ resource, milli }) =>
        amountOf(subject.charge, resource) > 0n && amountOf(usedHere, resource) > milli,
    );
  });
}

/** How many instances fit under a quota; undefined: it counts nothing that they use. */
function roomUnder({ compute }: Quota, { charge }: QuotaSubject, used: ComputeAmounts): bigint | undefined {
  let room: bigint | undefined;
  for (const { resource, milli } of compute) {
    const each = amountOf(charge, resource);
    if (each === 0n) continue;
    const free = milli - amountOf(used, resource);
    const fitting = free > 0n ? free / each : 0n;
    if (room === undefined || fitting < room) room = fitting;
  }
  return room;
}

/** What the instance after `placed` others would exceed. */
function exceededText(quota: Quota, { charge }: QuotaSubject, used: ComputeAmounts, placed: bigint): string {
  const each = (resource: ComputeResource) => amountOf(charge, resource);
  const usedThen = (resource: ComputeResource) => amountOf(used, resource) + each(resource) * placed;
  const exceeded = quota.compute.filter(
    ({ resource, milli }) => each(resource) > 0n && usedThen(resource) + each(resource) > milli,
  );
  const list = (text: (limit: ComputeLimit) => string) =>
    exceeded.map((limit) => `${limit.name}=${text(limit)}`).join(",");
  const requested = list(({ resource }) => formatAmount(resource, each(resource)));
  const usedText = list(({ resource }) => formatAmount(resource, usedThen(resource)));
  const limited = list(({ text }) => text);
  return `exceeded quota: ${quota.name}, requested: ${requested}, used: ${usedText}, limited: ${limited}`;
}

function missingText({ name, compute }: Quota, { unspecified, workload }: QuotaSubject): string | undefined {
  const missing = compute.filter(({ resource }) => unspecified.has(resource));
  if (missing.length === 0) return undefined;
  const list = missing.map((limit) => `${limit.name} for: ${workload}`).join("; ");
  return `failed quota: ${name}: must specify ${list}`;
}

/** As Kubernetes prints it. */
export function formatAmount(resource: ComputeResource, milli: bigint): string {
  const isMemory = resource === "requests.memory" || resource === "limits.memory";
  const format: QuantityFormat = isMemory ? "binary" : "decimal";
  return formatQuantity(milli, format);
}
