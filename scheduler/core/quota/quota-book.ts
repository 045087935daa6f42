import type { ApiObject } from "../../../api/object-meta.ts";
import { checkQuotas, exceedsQuotas, type QuotaAllowance, type QuotaSubject } from "./check-quotas.ts";
import { amountOf, type ComputeAmounts } from "./compute-resources.ts";
import { matchesScopes, readQuota, type Quota } from "./quota.ts";
import type { QuotaUsage } from "./quota-usage.ts";

interface Entry {
  readonly quota: Quota;
  readonly specText: string;
}

/** The quotas of all namespaces, and what they have left. The engine tells it of every ResourceQuota there is. */
export class QuotaBook {
  readonly #usage: QuotaUsage;
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #sorted = new Map<string, readonly Quota[]>();
  #isUsageKnown = false;

  constructor(usage: QuotaUsage) {
    this.#usage = usage;
  }

  /** Returns whether it limits anything else than before. */
  put(object: ApiObject): boolean {
    const { namespace = "", name } = object.metadata;
    const entries = this.#entries.get(namespace) ?? new Map<string, Entry>();
    const specText = JSON.stringify(object["spec"] ?? {});
    if (entries.get(name)?.specText === specText) return false;
    entries.set(name, { quota: readQuota(object), specText });
    this.#entries.set(namespace, entries);
    this.#sort(namespace, entries);
    return true;
  }

  delete({ metadata: { namespace = "", name } }: ApiObject): void {
    const entries = this.#entries.get(namespace);
    if (!entries?.delete(name)) return;
    if (entries.size === 0) this.#entries.delete(namespace);
    this.#sort(namespace, entries);
  }

  /** The same quotas, for what a copy of the cluster uses. */
  copyFor(usage: QuotaUsage): QuotaBook {
    const copy = new QuotaBook(usage);
    for (const [namespace, entries] of this.#entries) copy.#entries.set(namespace, new Map(entries));
    for (const [namespace, quotas] of this.#sorted) copy.#sorted.set(namespace, quotas);
    copy.#isUsageKnown = this.#isUsageKnown;
    return copy;
  }

  /** Sorted by name. */
  of(namespace: string): readonly Quota[] {
    return this.#sorted.get(namespace) ?? [];
  }

  get(namespace: string, name: string): Quota | undefined {
    return this.#entries.get(namespace)?.get(name)?.quota;
  }

  namespaces(): readonly string[] {
    return [...this.#sorted.keys()];
  }

  /** Whether every node that could hold instances has told of them, or is lost. Never unknown again after that. */
  get isUsageKnown(): boolean {
    return this.#isUsageKnown;
  }

  usageIsKnown(): void {
    this.#isUsageKnown = true;
  }

  /** What the placed instances use that this quota counts. */
  used(namespace: string, quota: Quota): ComputeAmounts {
    return this.#usage.used(namespace, (traits) => matchesScopes(quota, traits));
  }

  /** How many of `wanted` instances may be placed now. */
  allowance(subject: QuotaSubject, wanted: number): QuotaAllowance {
    const { namespace } = subject;
    const quotas = this.of(namespace);
    if (quotas.length === 0) return { count: wanted, refusal: undefined };
    const allowance = checkQuotas(quotas, subject, wanted, (quota) => this.used(namespace, quota));
    if (this.#isUsageKnown || allowance.count === 0) return allowance;
    const refusal = this.#unknownText(quotas, subject);
    return refusal === undefined ? allowance : { count: 0, refusal };
  }

  /** Whether instances that are counted already, because a place is reserved for them, may not have it after all. */
  isExceeded(subject: QuotaSubject): boolean {
    const quotas = this.of(subject.namespace);
    if (quotas.length === 0) return false;
    return exceedsQuotas(quotas, subject, (quota) => this.used(subject.namespace, quota));
  }

  /** A quota that would have to be checked against what is not known yet. */
  #unknownText(quotas: readonly Quota[], { charge, traits }: QuotaSubject): string | undefined {
    for (const quota of quotas) {
      const resources = quota.compute.filter(({ resource }) => amountOf(charge, resource) > 0n);
      if (resources.length === 0 || !matchesScopes(quota, traits)) continue;
      const names = resources.map(({ name }) => name).join(",");
      return `status unknown for quota: ${quota.name}, resources: ${names}: not all nodes have reported since the scheduler started`;
    }
    return undefined;
  }

  #sort(namespace: string, entries: ReadonlyMap<string, Entry>): void {
    if (entries.size === 0) {
      this.#sorted.delete(namespace);
      return;
    }
    const quotas = Array.from(entries.values(), ({ quota }) => quota);
    this.#sorted.set(
      namespace,
      quotas.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }
}
