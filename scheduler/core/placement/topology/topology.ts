/**
 * The domains and counts that the topology rules of one request look at.
 *
 * Nodes for which every rule sees the same counts are of one class; their class is judged once. What makes a class depends on how large
 * the domains are:
 *
 *   large domains (zones, racks)   the domain itself: a new count changes no node's class
 *   small ones (a host each)       the counts of the domain: so thousands of hosts make a handful of classes, and a new count
 *                                  moves the few nodes of that domain to another class
 *
 * Invariant: positions with equal classOf() get equal answers from passes() and score().
 */
import { Bug } from "../../../../kit/errors.ts";
import type { DomainView, NodeView, TopologyRules, Verdict } from "../framework.ts";
import type { Instance } from "../../model.ts";
import { type Neighbours, sumOf } from "../neighbours.ts";
import type { Snapshot } from "../snapshot.ts";
import type { DomainBook, Domains } from "./domains.ts";
import { TermCounts } from "./term-counts.ts";

/** A topology plugin that has something to say of a request. */
export interface PreparedTopology {
  readonly name: string;
  readonly weight: number;
  readonly rules: TopologyRules;
}

export interface TopologyScorer {
  readonly name: string;
  readonly weight: number;
  /** Whether scores only mean something in comparison with those of the other nodes that pass. */
  readonly isRelative: boolean;
  scoreAt(position: number): number;
}

/** With more nodes than these in a domain on average, moving all of them at each count would cost more than it saves. */
const smallDomainMax = 8;
/** Above any domain's number and any count; two of them fit into a number that is exact. */
const radix = 2 ** 26;

interface Rule extends PreparedTopology {
  readonly view: PositionView;
}

export class Topology implements Disposable {
  readonly #rules: readonly Rule[];
  readonly #terms: readonly TermCounts[];
  readonly #domains: readonly Domains[];
  /** What a class is made of; known after {@link count}. */
  #large: readonly Domains[] = [];
  #small: readonly TermCounts[] = [];

  constructor(
    prepared: readonly PreparedTopology[],
    neighbours: Neighbours,
    book: DomainBook,
    capacity: number,
  ) {
    const domains = new Set<Domains>();
    const terms: TermCounts[] = [];
    this.#rules = prepared.map((one) => {
      const own = one.rules.terms.map((term) => {
        const key = term.topologyKey;
        const shared = book.of(key);
        domains.add(shared);
        const { counted } = term;
        const followed =
          counted.kind === "selected" ? neighbours.follow(counted.by, counted.presence) : undefined;
        const source = counted.kind === "kept" ? sumOf(counted.counts) : followed;
        if (source === undefined) throw new Bug(`a term over ${key} counts nothing`);
        const others = term.alongWith.filter((other) => other !== key).map((other) => book.of(other));
        return new TermCounts(term, shared, others, source, followed, book, capacity);
      });
      terms.push(...own);
      return { ...one, view: new PositionView(own) };
    });
    this.#terms = terms;
    this.#domains = [...domains];
  }

  /** Whether there is nothing to judge: then every node is of one class. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Counts all nodes of a snapshot, of which nothing is known yet. */
  count(snapshot: Snapshot, viewAt: (position: number) => NodeView): void {
    for (const term of this.#terms) term.countAll(snapshot, viewAt);
    const nodesPerDomain = (domains: Domains) => snapshot.size / Math.max(1, domains.size);
    this.#large = this.#domains.filter((domains) => nodesPerDomain(domains) > smallDomainMax);
    this.#small = this.#terms.filter(({ domains }) => !this.#large.includes(domains));
  }

  grow(capacity: number): void {
    for (const term of this.#terms) term.grow(capacity);
  }

  /**
   * Counts one node anew, with `added` instances of the request on top. Calls `moved` with other positions that may be of another
   * class now.
   */
  recount(position: number, view: NodeView, added: number, moved: (position: number) => void): void {
    for (const term of this.#terms) {
      const changed = term.recount(position, view, added);
      if (!changed || !this.#small.includes(term)) continue;
      for (const domain of term.changedDomains)
        for (let other = term.domains.first(domain); other >= 0; other = term.domains.after(other))
          if (other !== position) moved(other);
    }
  }

  classOf(position: number): number | string {
    if (this.#large.length + this.#small.length > 2) return this.#longClassOf(position);
    let number = 0;
    for (const domains of this.#large) number = number * radix + domains.of(position) + 1;
    for (const term of this.#small) number = number * radix + term.countAt(position) + 1;
    return number;
  }

  passes(position: number): boolean {
    for (const { rules, view } of this.#rules)
      if (rules.passes !== undefined && !rules.passes(view.at(position))) return false;
    return true;
  }

  /** {@link passes} as it would be without these instances of the node at that position. */
  passesWithout(position: number, without: readonly Instance[], neighbours: Neighbours): boolean {
    for (const { rules, view } of this.#rules)
      if (rules.passes !== undefined && !rules.passes(view.without(position, without, neighbours)))
        return false;
    return true;
  }

  /** The rules that score, in the profile's order. */
  get scorers(): readonly TopologyScorer[] {
    return this.#rules.flatMap(({ name, weight, rules, view }) =>
      rules.scoring === "none" || rules.score === undefined
        ? []
        : [
            {
              name,
              weight,
              isRelative: rules.scoring === "relative",
              scoreAt: (position) => rules.score?.(view.at(position)) ?? 0,
            },
          ],
    );
  }

  /** What each plugin says of a node, for people. */
  *verdicts(position: number): Iterable<{ readonly plugin: string; readonly verdict: Verdict }> {
    for (const { name, rules, view } of this.#rules) {
      const verdict = rules.verdict?.(view.at(position));
      if (verdict !== undefined) yield { plugin: name, verdict };
    }
  }

  [Symbol.dispose](): void {
    for (const term of this.#terms) term[Symbol.dispose]();
  }

  #longClassOf(position: number): string {
    const parts = this.#large.map((domains) => domains.of(position));
    return [...parts, ...this.#small.map((term) => term.countAt(position))].join();
  }
}

/** What the terms of one plugin have counted, seen from one position. One value serves all, so that judging allocates nothing. */
class PositionView implements DomainView {
  readonly #terms: readonly TermCounts[];
  #position = -1;
  /** Per term: how many of its count are thought away; undefined: none. */
  #away: readonly number[] | undefined;

  constructor(terms: readonly TermCounts[]) {
    this.#terms = terms;
  }

  at(position: number): this {
    this.#position = position;
    this.#away = undefined;
    return this;
  }

  without(position: number, instances: readonly Instance[], neighbours: Neighbours): this {
    this.#position = position;
    this.#away = this.#terms.map((counts) => counts.countOf(position, instances, neighbours));
    return this;
  }

  count(term: number): number {
    const count = this.#term(term).countAt(this.#position);
    return count <= 0 ? count : count - (this.#away?.[term] ?? 0);
  }

  itself(term: number): number {
    return this.#term(term).term.countsItself ? 1 : 0;
  }

  min(term: number): number {
    const { min } = this.#term(term);
    return this.#away === undefined ? min : Math.min(min, Math.max(0, this.count(term)));
  }

  domains(term: number): number {
    return this.#term(term).size;
  }

  total(term: number): number {
    return this.#term(term).total - (this.#away?.[term] ?? 0);
  }

  domain(term: number): string {
    const { domains } = this.#term(term);
    return domains.nameOf(domains.of(this.#position));
  }

  emptiest(term: number): string {
    return this.#term(term).emptiest();
  }

  #term(place: number): TermCounts {
    const term = this.#terms[place];
    if (term === undefined)
      throw new Bug(`a topology plugin asks for its term ${place} of ${this.#terms.length}`);
    return term;
  }
}
