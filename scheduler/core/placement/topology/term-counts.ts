/**
 * What one term counts, per domain, kept up to date by a step per change.
 *
 * A domain counts for `min` as long as a node is in it that is not left out. How many domains have which count is kept in a
 * histogram, so that the least count is at hand after each step.
 */
import type { ClusterNode, Instance } from "../../model.ts";
import type { CountedTerm, NodeView } from "../framework.ts";
import type { InstanceCounts, Neighbours } from "../neighbours.ts";
import type { Domains } from "./domains.ts";

export class TermCounts implements Disposable {
  readonly term: CountedTerm;
  readonly domains: Domains;
  readonly #source: InstanceCounts;
  readonly #end: Disposable | undefined;
  /** Position to what it adds to its domain, which it was then in. */
  #perNode: Float64Array;
  #domainOf: Int32Array;
  /** Position to the node that was asked last whether it counts, and the answer. */
  readonly #judged: (ClusterNode | undefined)[] = [];
  readonly #included: boolean[] = [];
  /** Domain to the sum over its nodes, and to how many of its nodes count. */
  readonly #perDomain: number[] = [];
  readonly #nodes: number[] = [];
  /** Count to the number of domains that have it. */
  readonly #histogram: number[] = [];
  #min = 0;
  #domainCount = 0;
  #total = 0;

  constructor(
    term: CountedTerm,
    domains: Domains,
    source: InstanceCounts,
    end: Disposable | undefined,
    capacity: number,
  ) {
    this.term = term;
    this.domains = domains;
    this.#source = source;
    this.#end = end;
    this.#perNode = new Float64Array(capacity);
    this.#domainOf = new Int32Array(capacity).fill(-1);
  }

  get total(): number {
    return this.#total;
  }

  /** How many domains there are. */
  get size(): number {
    return this.#domainCount;
  }

  /** The least count of any domain; 0 without domains. */
  get min(): number {
    if (this.#domainCount === 0) return 0;
    while ((this.#histogram[this.#min] ?? 0) === 0) this.#min++;
    return this.#min;
  }

  /** In the domain of a position; -1 if it is in none. */
  countAt(position: number): number {
    const domain = this.domains.of(position);
    return domain < 0 ? -1 : (this.#perDomain[domain] ?? 0);
  }

  countIn(domain: number): number {
    return this.#perDomain[domain] ?? 0;
  }

  /** How many of these instances, which are on the node at that position, it has counted there. */
  countOf(position: number, instances: readonly Instance[], neighbours: Neighbours): number {
    if ((this.#domainOf[position] ?? -1) < 0) return 0;
    const { counted } = this.term;
    let count = 0;
    for (const instance of instances) {
      const { namespace, labels, state } = instance;
      if (state.kind === "pending") continue;
      const isCounted =
        counted.kind === "kept"
          ? neighbours.isCountedIn(counted.counts, instance)
          : (counted.presence === "present" || state.kind === "bound") &&
            counted.by.every((selector) => neighbours.selects(selector, namespace, labels));
      if (isCounted) count++;
    }
    return count;
  }

  /** Some domain with the least count. */
  emptiest(): string {
    const { min } = this;
    const domain = this.#perDomain.findIndex((count, id) => count === min && (this.#nodes[id] ?? 0) > 0);
    return this.domains.nameOf(domain);
  }

  grow(capacity: number): void {
    if (capacity <= this.#perNode.length) return;
    const size = Math.max(capacity, 2 * this.#perNode.length);
    const perNode = new Float64Array(size);
    perNode.set(this.#perNode);
    this.#perNode = perNode;
    const domainOf = new Int32Array(size).fill(-1);
    domainOf.set(this.#domainOf);
    this.#domainOf = domainOf;
  }

  /** Counts the node at a position anew, with `added` instances of the request on top. Its domain is known already. */
  recount(position: number, view: NodeView, added: number): void {
    const domain = this.#isIncluded(position, view) ? this.domains.of(position) : -1;
    const own = this.term.countsItself ? added : 0;
    const count = domain < 0 ? 0 : this.#source.on(view.node.name) + own;
    const before = this.#domainOf[position] ?? -1;
    if (before === domain) {
      if (domain >= 0) this.#add(domain, count - (this.#perNode[position] ?? 0));
    } else {
      if (before >= 0) this.#leave(before, this.#perNode[position] ?? 0);
      if (domain >= 0) this.#enter(domain, count);
      this.#domainOf[position] = domain;
    }
    this.#perNode[position] = count;
  }

  [Symbol.dispose](): void {
    this.#end?.[Symbol.dispose]();
  }

  /** Only what the node is decides, so it is asked once per change of the node. */
  #isIncluded(position: number, view: NodeView): boolean {
    const { leavesOut } = this.term;
    if (leavesOut === undefined) return true;
    if (this.#judged[position] !== view.node) {
      this.#judged[position] = view.node;
      this.#included[position] = !leavesOut(view);
    }
    return this.#included[position] === true;
  }

  #enter(domain: number, count: number): void {
    const nodes = this.#nodes[domain] ?? 0;
    this.#nodes[domain] = nodes + 1;
    this.#perDomain[domain] ??= 0;
    if (nodes === 0) {
      this.#domainCount++;
      this.#count(this.#perDomain[domain], 1);
    }
    this.#add(domain, count);
  }

  #leave(domain: number, count: number): void {
    this.#add(domain, -count);
    const nodes = (this.#nodes[domain] ?? 0) - 1;
    this.#nodes[domain] = nodes;
    if (nodes > 0) return;
    this.#domainCount--;
    this.#count(this.#perDomain[domain] ?? 0, -1);
  }

  #add(domain: number, by: number): void {
    if (by === 0) return;
    const before = this.#perDomain[domain] ?? 0;
    this.#count(before, -1);
    this.#perDomain[domain] = before + by;
    this.#count(before + by, 1);
    this.#total += by;
  }

  #count(count: number, by: 1 | -1): void {
    for (let length = this.#histogram.length; length <= count; length++) this.#histogram.push(0);
    this.#histogram[count] = (this.#histogram[count] ?? 0) + by;
    if (by > 0 && count < this.#min) this.#min = count;
  }
}
