import type { ApiObject } from "../../../api/object-meta.ts";
import { canonicalQuantity, parseQuantity } from "../../../api/quantity.ts";
import { computeResourceNamed, type ComputeResource, type QuotaTraits } from "./compute-resources.ts";

/** The upper bound of one name in `hard`. */
export interface QuotaLimit {
  /** As the quota has it: "cpu", "requests.cpu". Messages use it. */
  readonly name: string;
  /** In thousandths. */
  readonly milli: bigint;
  /** As Kubernetes prints it. */
  readonly text: string;
}

export interface ComputeLimit extends QuotaLimit {
  readonly resource: ComputeResource;
}

export interface ScopeRequirement {
  readonly scope: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** A ResourceQuota as it is enforced. */
export interface Quota {
  readonly name: string;
  /** Every scope must match. */
  readonly scopes: readonly ScopeRequirement[];
  /** Sorted by name, as messages list them. */
  readonly limits: readonly QuotaLimit[];
  /** Those of `limits` that count placed instances. */
  readonly compute: readonly ComputeLimit[];
}

/** Reads a ResourceQuota. What its validation would have refused limits nothing. */
export function readQuota({ metadata, spec }: ApiObject): Quota {
  const declared = recordOf(spec);
  const limits = Object.entries(recordOf(declared["hard"]))
    .flatMap(([name, quantity]) => readLimit(name, quantity))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    name: metadata.name,
    scopes: [
      ...listOf(declared["scopes"]).map((scope) => ({
        scope: String(scope),
        operator: "Exists",
        values: [],
      })),
      ...listOf(recordOf(declared["scopeSelector"])["matchExpressions"]).map((given) => {
        const { scopeName, operator, values } = recordOf(given);
        return { scope: String(scopeName), operator: String(operator), values: listOf(values).map(String) };
      }),
    ],
    limits,
    compute: limits.flatMap((limit) => {
      const resource = computeResourceNamed(limit.name);
      return resource === undefined ? [] : [{ ...limit, resource }];
    }),
  };
}

function readLimit(name: string, quantity: unknown): readonly QuotaLimit[] {
  if (typeof quantity !== "string" && typeof quantity !== "number") return [];
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid") return [];
  return [{ name, milli: parsed.milli, text: canonicalQuantity(quantity) }];
}

/** Whether a quota's scopes let it count instances with these traits. One without scopes counts all. */
export function matchesScopes({ scopes }: Pick<Quota, "scopes">, traits: QuotaTraits): boolean {
  return scopes.every((requirement) => matchesScope(requirement, traits));
}

function matchesScope({ scope, operator, values }: ScopeRequirement, traits: QuotaTraits): boolean {
  switch (scope) {
    case "Terminating":
      return traits.terminating;
    case "NotTerminating":
      return !traits.terminating;
    case "BestEffort":
      return traits.bestEffort;
    case "NotBestEffort":
      return !traits.bestEffort;
    case "PriorityClass":
      return matchesClass(operator, values, traits.priorityClass);
    default:
      // CrossNamespacePodAffinity and VolumeAttributesClass say something of what instances do not have.
      return false;
  }
}

/** As a label selector judges a label: what has no class is in none. */
function matchesClass(operator: string, values: readonly string[], priorityClass: string): boolean {
  switch (operator) {
    case "Exists":
      return priorityClass !== "";
    case "DoesNotExist":
      return priorityClass === "";
    case "In":
      return priorityClass !== "" && values.includes(priorityClass);
    case "NotIn":
      return priorityClass === "" || !values.includes(priorityClass);
    default:
      return false;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  // Any object can be read field by field.
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
