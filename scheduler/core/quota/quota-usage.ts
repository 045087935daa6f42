/**
 * What the placed instances of each namespace use, kept as they come and go: bound and stopping ones, as a pod counts
 * until it is gone or has finished, and nominated ones, whose place is promised. Sums are kept apart by what scopes ask of an instance, so that a quota that is made
 * later, with whatever scopes, costs no look at the instances.
 *
 * Invariant: every sum equals a recount of the instances that are placed now; a namespace without any takes no memory.
 */
import type { Instance } from "../model.ts";
import {
  amountsWith,
  chargeOf,
  nothingUsed,
  traitsOf,
  type ComputeAmounts,
  type QuotaTraits,
} from "./compute-resources.ts";

interface Share {
  readonly traits: QuotaTraits;
  readonly amounts: ComputeAmounts;
}

export class QuotaUsage {
  readonly #namespaces = new Map<string, Map<string, Share>>();

  /** An instance has become what it is in `after`. */
  account(before: Instance | undefined, after: Instance | undefined): void {
    const was = before !== undefined && isPlaced(before);
    const is = after !== undefined && isPlaced(after);
    if (was === is) return;
    if (was) this.#book(before, -1n);
    if (is) this.#book(after, 1n);
  }

  /** The sum over the instances that `counts` picks by their traits. */
  used(namespace: string, counts: (traits: QuotaTraits) => boolean): ComputeAmounts {
    let total = nothingUsed;
    for (const { traits, amounts } of this.#namespaces.get(namespace)?.values() ?? [])
      if (counts(traits)) total = amountsWith(total, amounts, 1n);
    return total;
  }

  get namespaceCount(): number {
    return this.#namespaces.size;
  }

  #book(instance: Instance, count: 1n | -1n): void {
    const { namespace } = instance;
    const shares = this.#namespaces.get(namespace) ?? new Map<string, Share>();
    const traits = traitsOf(instance);
    const key = `${traits.bestEffort} ${traits.terminating} ${traits.priorityClass}`;
    const amounts = amountsWith(shares.get(key)?.amounts ?? nothingUsed, chargeOf(instance), count);
    if (amounts.instances === 0n) shares.delete(key);
    else shares.set(key, { traits, amounts });
    if (shares.size === 0) this.#namespaces.delete(namespace);
    else this.#namespaces.set(namespace, shares);
  }
}

export function isPlaced({ state }: Instance): boolean {
  if (state.kind === "pending") return state.nominatedNode !== undefined;
  return state.kind === "bound" || state.kind === "stopping";
}
