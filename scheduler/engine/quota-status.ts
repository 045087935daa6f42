/** The status of a ResourceQuota, as Kubernetes' quota controller writes it. */
import type { ApiObject } from "../../api/object-meta.ts";
import { formatQuantity, parseQuantity } from "../../api/quantity.ts";
import { formatAmount } from "../core/quota/check-quotas.ts";
import { amountOf, type ComputeAmounts } from "../core/quota/compute-resources.ts";
import { countedKind, type CountedKind } from "../core/quota/object-counts.ts";
import type { Quota, QuotaLimit } from "../core/quota/quota.ts";

type Quantities = Readonly<Record<string, string>>;

export interface QuotaStatus {
  readonly hard: Quantities;
  readonly used: Quantities;
}

export interface QuotaFacts {
  /** What the placed instances use; undefined while that is not known. */
  readonly used: ComputeAmounts | undefined;
  /** undefined: nobody counts this kind. */
  readonly count: (kind: CountedKind) => number | undefined;
}

/** What Kubernetes counts and nothing here ever uses. */
const alwaysZero: ReadonlySet<string> = new Set([
  "pods",
  "count/pods",
  "services",
  "count/services",
  "services.nodeports",
  "services.loadbalancers",
  "replicationcontrollers",
  "count/replicationcontrollers",
  "persistentvolumeclaims",
  "count/persistentvolumeclaims",
  "requests.storage",
  "ephemeral-storage",
  "requests.ephemeral-storage",
  "limits.ephemeral-storage",
]);

/** What cannot be counted keeps the value that somebody else has written, or has none. */
export function quotaStatus(object: ApiObject, quota: Quota, facts: QuotaFacts): QuotaStatus {
  const before = quantitiesOf(object["status"], "used");
  const compute = new Map(quota.compute.map(({ name, resource }) => [name, resource]));
  const usedText = ({ name }: QuotaLimit): string | undefined => {
    const resource = compute.get(name);
    if (resource !== undefined) return facts.used && formatAmount(resource, amountOf(facts.used, resource));
    if (alwaysZero.has(name)) return "0";
    const kind = countedKind(name);
    const count = kind && facts.count(kind);
    if (count === undefined) return undefined;
    // Objects are in no scope.
    return quota.scopes.length > 0 ? "0" : formatQuantity(BigInt(count) * 1_000n, "decimal");
  };
  return {
    hard: Object.fromEntries(quota.limits.map(({ name, text }) => [name, text])),
    used: Object.fromEntries(
      quota.limits.flatMap((limit) => {
        const text = usedText(limit) ?? before.get(limit.name);
        return text === undefined ? [] : [[limit.name, text]];
      }),
    ),
  };
}

/** Whether the stored status says the same, however its quantities are written. */
export function hasStatus(object: ApiObject, { hard, used }: QuotaStatus): boolean {
  return (
    sameQuantities(quantitiesOf(object["status"], "hard"), hard) &&
    sameQuantities(quantitiesOf(object["status"], "used"), used)
  );
}

function sameQuantities(stored: ReadonlyMap<string, string>, next: Quantities): boolean {
  const entries = Object.entries(next);
  return (
    stored.size === entries.length &&
    entries.every(([name, text]) => {
      const known = stored.get(name);
      return known !== undefined && milliOf(known) === milliOf(text);
    })
  );
}

function milliOf(text: string): bigint | undefined {
  const parsed = parseQuantity(text);
  return parsed.kind === "ok" ? parsed.milli : undefined;
}

function quantitiesOf(status: unknown, field: "hard" | "used"): ReadonlyMap<string, string> {
  if (typeof status !== "object" || status === null) return new Map();
  // Any object can be read field by field.
  const quantities = (status as Readonly<Record<string, unknown>>)[field];
  if (typeof quantities !== "object" || quantities === null) return new Map();
  return new Map(Object.entries(quantities).map(([name, quantity]) => [name, String(quantity)]));
}
