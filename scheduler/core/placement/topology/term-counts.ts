/**
 * What one term counts, per domain, kept up to date by a step per change.
 *
 * A domain counts for `min` as long as a node is in it that is not left out. How many domains have which count is kept in a
 * histogram, so that the least count is at hand after each step.
 */
import type { Instance } from "../../model.ts";
import type { CountedTerm, NodeView } from "../framework.ts";
import type { InstanceCounts, Neighbours } from "../neighbours.ts";
import type { Snapshot } from "../snapshot.ts";
import type { DomainBook, Domains } from "./domains.ts";

export class TermCounts implements Disposable {
  readonly term: CountedTerm;
  readonly domains: Domains;
  /** Of the keys that a node must have as well. */
  readonly #others: readonly Domains[];
  readonly changedDomains: number[] = [];
  readonly #source: InstanceCounts;
  readonly #end: Disposable | undefined;
  readonly #book: DomainBook;
  /** Position to what it adds to its domain, which it was then in. */
  #perNode: Int32Array;
  #domainOf: Int32Array;
  /** Position to the version of the node that was asked last whether it counts, and the answer. */
  #judged: Uint32Array;
  #included: Uint8Array;
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
    others: readonly Domains[],
    source: InstanceCounts,
    end: Disposable | undefined,
    book: DomainBook,
    capacity: number,
  ) {
    this.term = term;
    this.domains = domains;
    this.#others = others;
    this.#source = source;
    this.#end = end;
    this.#book = book;
    const asked = term.leavesOut === undefined ? 0 : capacity;
    this.#judged = new Uint32Array(asked);
    this.#included = new Uint8Array(asked);
    this.#perNode = new Int32Array(capacity);
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
      if (state.kind === "pending" && state.nominatedNode === undefined) continue;
      const isCounted =
        counted.kind === "kept"
          ? counted.counts.some((counts) => neighbours.isCountedIn(counts, instance))
          : (counted.presence === "present" || state.kind === "bound" || state.kind === "pending") &&
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
    const perNode = new Int32Array(size);
    perNode.set(this.#perNode);
    this.#perNode = perNode;
    const domainOf = new Int32Array(size).fill(-1);
    domainOf.set(this.#domainOf);
    this.#domainOf = domainOf;
    if (this.term.leavesOut === undefined) return;
    const judged = new Uint32Array(size);
    judged.set(this.#judged);
    this.#judged = judged;
    const included = new Uint8Array(size);
    included.set(this.#included);
    this.#included = included;
  }

  /** Counts all nodes of a snapshot, of which nothing is known yet. */
  countAll(snapshot: Snapshot, viewAt: (position: number) => NodeView): void {
    const { leavesOut } = this.term;
    for (let position = 0; position < snapshot.size; position++) {
      const domain = this.#domainIn(position);
      if (domain < 0) continue;
      if (leavesOut !== undefined && !this.#isIncluded(position, viewAt(position))) continue;
      this.#domainOf[position] = domain;
      this.#enter(domain, 0);
    }
    for (const nodeName of this.#source.nodes()) {
      const position = snapshot.positionOf(nodeName);
      const domain = position === undefined ? -1 : (this.#domainOf[position] ?? -1);
      if (position === undefined || domain < 0) continue;
      const count = this.#source.on(nodeName);
      this.#add(domain, count);
      this.#perNode[position] = count;
    }
  }

  /**
   * Counts the node at a position anew, with `added` instances of the request on top. Its domain is known already. Whether
   * the count of a domain has changed: which, {@link changedDomains} says until the next call.
   */
  recount(position: number, view: NodeView, added: number): boolean {
    const domain = this.#isIncluded(position, view) ? this.#domainIn(position) : -1;
    const own = this.term.countsItself ? added : 0;
    const count = domain < 0 ? 0 : this.#source.on(view.node.name) + own;
    const before = this.#domainOf[position] ?? -1;
    const known = this.#perNode[position] ?? 0;
    if (before === domain && count === known) return false;
    this.changedDomains.length = 0;
    if (before >= 0) this.changedDomains.push(before);
    if (before === domain) {
      this.#add(domain, count - known);
    } else {
      if (before >= 0) this.#leave(before, known);
      if (domain >= 0) this.#enter(domain, count);
      if (domain >= 0) this.changedDomains.push(domain);
      this.#domainOf[position] = domain;
    }
    this.#perNode[position] = count;
    return true;
  }

  [Symbol.dispose](): void {
    this.#end?.[Symbol.dispose]();
  }

  /** The domain that a position counts in; -1: none, also if it lacks one of the other keys. */
  #domainIn(position: number): number {
    for (const other of this.#others) if (other.of(position) < 0) return -1;
    return this.domains.of(position);
  }

  /** Only what the node is decides, so it is asked once per change of the node. */
  #isIncluded(position: number, view: NodeView): boolean {
    const { leavesOut } = this.term;
    if (leavesOut === undefined) return true;
    const version = this.#book.versionOf(position);
    if (this.#judged[position] !== version) {
      this.#judged[position] = version;
      this.#included[position] = leavesOut(view) ? 0 : 1;
    }
    return this.#included[position] === 1;
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
