import type { ApiObject } from "../../../api/object-meta.ts";
import { formatQuantity } from "../../../api/quantity.ts";
import { objectCountNames } from "../../core/quota/object-counts.ts";
import { readQuota, type Quota, type QuotaLimit } from "../../core/quota/quota.ts";
import { forbidden } from "../status.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

/** What is stored now. Nothing here lists objects. */
export interface QuotaSources {
  /** The ResourceQuotas of a namespace. */
  readonly quotas: (namespace: string) => readonly ApiObject[];
  readonly count: (group: string, plural: string, namespace: string) => number;
  /** Whether this object is among those that `count` counts. */
  readonly exists: (group: string, plural: string, namespace: string, name: string) => boolean;
}

/** A create that was admitted and is not known to be over. */
interface Reservation {
  readonly name: string;
}

/**
 * Refuses to create more objects than the quotas of a namespace let there be. Creates under way count, so that many at
 * once do not slip through. cpu and memory are no matter of admission: see core/quota.
 *
 * Bounded by the writes under way; a namespace without a quota for the kind costs one look-up.
 */
export class QuotaAdmission implements AdmissionPlugin {
  readonly #sources: QuotaSources;
  /** By kind and namespace. */
  readonly #reserved = new Map<string, Set<Reservation>>();
  readonly #read = new WeakMap<ApiObject, Quota>();

  constructor(sources: QuotaSources) {
    this.#sources = sources;
  }

  admit({ operation, resource, subresource, object, dryRun }: AdmissionRequest): Disposable | undefined {
    const { namespace = "", name } = object.metadata;
    if (operation !== "create" || subresource !== "" || !resource.namespaced) return undefined;
    const stored = this.#sources.quotas(namespace);
    if (stored.length === 0) return undefined;
    const names = objectCountNames(resource);
    const limiting = stored.map((quota) => this.#quota(quota)).filter((quota) => limitsAny(quota, names));
    if (limiting.length === 0) return undefined;
    const { group, plural } = resource;
    const key = `${group}/${plural}/${namespace}`;
    const isUnderWay = (reserved: Reservation) =>
      !this.#sources.exists(group, plural, namespace, reserved.name);
    const underWay = [...(this.#reserved.get(key) ?? [])].filter(isUnderWay).length;
    const used = this.#sources.count(group, plural, namespace) + underWay;
    for (const quota of limiting) {
      const why = exceededText(quota, names, used);
      if (why !== undefined) throw forbidden(resource, name, why);
    }
    return dryRun ? undefined : this.#reserve(key, name);
  }

  #quota(object: ApiObject): Quota {
    const known = this.#read.get(object);
    if (known) return known;
    const quota = readQuota(object);
    this.#read.set(object, quota);
    return quota;
  }

  #reserve(key: string, name: string): Disposable {
    const reserved = this.#reserved.get(key) ?? new Set();
    this.#reserved.set(key, reserved);
    const reservation: Reservation = { name };
    reserved.add(reservation);
    return {
      [Symbol.dispose]: () => {
        reserved.delete(reservation);
        if (reserved.size === 0 && this.#reserved.get(key) === reserved) this.#reserved.delete(key);
      },
    };
  }
}

/** A quota with scopes is about instances only, as Kubernetes' are about pods. */
function limitsAny({ limits, scopes }: Quota, names: readonly string[]): boolean {
  return scopes.length === 0 && limits.some(({ name }) => names.includes(name));
}

function exceededText(quota: Quota, names: readonly string[], used: number): string | undefined {
  const usedMilli = BigInt(used) * 1_000n;
  const exceeded = quota.limits.filter(
    ({ name, milli }) => names.includes(name) && usedMilli + 1_000n > milli,
  );
  if (exceeded.length === 0) return undefined;
  const list = (text: (limit: QuotaLimit) => string) =>
    exceeded.map((limit) => `${limit.name}=${text(limit)}`).join(",");
  const usedText = formatQuantity(usedMilli, "decimal");
  return `exceeded quota: ${quota.name}, requested: ${list(() => "1")}, used: ${list(() => usedText)}, limited: ${list(({ text }) => text)}`;
}
