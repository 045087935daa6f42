/** Which nodes are in which domain of each topology key: known once, for all requests that look at it. */
import type { ClusterNode } from "../../model.ts";
import type { Snapshot } from "../snapshot.ts";

/** The domains of one key. Positions of a domain are a ring of links in typed arrays: thousands of hosts are a domain each. */
export class Domains {
  readonly key: string;
  /** Position to domain; -1: the node does not have the label. */
  #of: Int32Array;
  /** Position to the next and the one before in its domain; -1: none. */
  #next: Int32Array;
  #previous: Int32Array;
  readonly #ids = new Map<string, number>();
  readonly #values: string[] = [];
  /** Domain to its first position; -1: none. */
  readonly #first: number[] = [];

  constructor(key: string, capacity: number) {
    this.key = key;
    this.#of = new Int32Array(capacity).fill(-1);
    this.#next = new Int32Array(capacity).fill(-1);
    this.#previous = new Int32Array(capacity).fill(-1);
  }

  /** How many values there have been. */
  get size(): number {
    return this.#values.length;
  }

  /** The domain of a position; -1: none. */
  of(position: number): number {
    return this.#of[position] ?? -1;
  }

  nameOf(domain: number): string {
    return this.#values[domain] ?? "";
  }

  /** The first position in a domain; -1: there is none. See {@link after}. */
  first(domain: number): number {
    return this.#first[domain] ?? -1;
  }

  /** The position after this one in its domain; -1: it was the last. */
  after(position: number): number {
    return this.#next[position] ?? -1;
  }

  grow(capacity: number): void {
    if (capacity <= this.#of.length) return;
    const size = Math.max(capacity, 2 * this.#of.length);
    this.#of = grown(this.#of, size);
    this.#next = grown(this.#next, size);
    this.#previous = grown(this.#previous, size);
  }

  /** Puts a position into the domain that the node's label says, or into none. */
  put(position: number, { labels }: ClusterNode): void {
    const value = Object.hasOwn(labels, this.key) ? labels[this.key] : undefined;
    const domain = value === undefined ? -1 : this.#idOf(value);
    const before = this.of(position);
    if (before === domain) return;
    if (before >= 0) this.#unlink(position, before);
    if (domain >= 0) this.#link(position, domain);
    this.#of[position] = domain;
  }

  #link(position: number, domain: number): void {
    const first = this.first(domain);
    this.#next[position] = first;
    this.#previous[position] = -1;
    if (first >= 0) this.#previous[first] = position;
    this.#first[domain] = position;
  }

  #unlink(position: number, domain: number): void {
    const next = this.after(position);
    const previous = this.#previous[position] ?? -1;
    if (next >= 0) this.#previous[next] = previous;
    if (previous >= 0) this.#next[previous] = next;
    else this.#first[domain] = next;
  }

  #idOf(value: string): number {
    let id = this.#ids.get(value);
    if (id !== undefined) return id;
    id = this.#values.length;
    this.#ids.set(value, id);
    this.#values.push(value);
    this.#first.push(-1);
    return id;
  }
}

function grown(values: Int32Array, size: number): Int32Array {
  const larger = new Int32Array(size).fill(-1);
  larger.set(values);
  return larger;
}

/** Whether the rules about nodes alone let a kind of templates on each node, as far as somebody has asked. */
export class NodeVerdicts {
  /** Position to the version of the node that was judged last; 0: none was. */
  judged: Uint32Array;
  passed: Uint8Array;

  constructor(capacity: number) {
    this.judged = new Uint32Array(capacity);
    this.passed = new Uint8Array(capacity);
  }

  grow(capacity: number): void {
    if (capacity <= this.judged.length) return;
    const size = Math.max(capacity, 2 * this.judged.length);
    const judged = new Uint32Array(size);
    judged.set(this.judged);
    this.judged = judged;
    const passed = new Uint8Array(size);
    passed.set(this.passed);
    this.passed = passed;
  }
}

/** Kinds of templates whose verdicts are kept; the least recently asked for gives way. Most templates are of a few. */
const verdictsMax = 64;

/**
 * What is known of the nodes for all requests alike, as of the newest snapshot: a version per position, which grows when the node there changes (not
 * when instances come or go), and the domains of all keys that somebody asked for. A new layout begins them anew: whoever holds domains
 * of before must count anew as well, as every follower of snapshots does.
 */
export class DomainBook {
  readonly #domains = new Map<string, Domains>();
  readonly #verdicts = new Map<string, NodeVerdicts>();
  #snapshot: Snapshot | undefined;
  #nodes: (ClusterNode | undefined)[] = [];
  #versions: number[] = [];
  #version = 0;

  /** Brings the book to this snapshot. Snapshots must come in the order in which they were made. */
  follow(snapshot: Snapshot): void {
    const last = this.#snapshot;
    if (last === snapshot) return;
    this.#snapshot = snapshot;
    const known = last?.journalEnd ?? 0;
    if (last === undefined || last.layout !== snapshot.layout || known < snapshot.journalStart) {
      this.#domains.clear();
      this.#verdicts.clear();
      this.#nodes = [];
      this.#versions = [];
      for (let position = 0; position < snapshot.size; position++) this.#look(snapshot, position);
      return;
    }
    for (const domains of this.#domains.values()) domains.grow(snapshot.size);
    for (const verdicts of this.#verdicts.values()) verdicts.grow(snapshot.size);
    for (let place = known; place < snapshot.journalEnd; place++)
      this.#look(snapshot, snapshot.changedAt(place));
  }

  /** Of the node at a position: above 0, and never again that of another node there. */
  versionOf(position: number): number {
    return this.#versions[position] ?? 0;
  }

  /** The verdicts of templates that are alike, of which `key` says all that rules about nodes look at. */
  verdicts(key: string): NodeVerdicts {
    const verdicts = this.#verdicts.get(key) ?? new NodeVerdicts(this.#nodes.length);
    this.#verdicts.delete(key);
    this.#verdicts.set(key, verdicts);
    if (this.#verdicts.size > verdictsMax)
      for (const oldest of this.#verdicts.keys()) {
        this.#verdicts.delete(oldest);
        break;
      }
    return verdicts;
  }

  /** The domains of a key, as of the snapshot that was followed last. */
  of(key: string): Domains {
    const known = this.#domains.get(key);
    if (known !== undefined) return known;
    const domains = new Domains(key, this.#nodes.length);
    for (const [position, node] of this.#nodes.entries()) if (node !== undefined) domains.put(position, node);
    this.#domains.set(key, domains);
    return domains;
  }

  #look(snapshot: Snapshot, position: number): void {
    const { node } = snapshot.at(position);
    if (this.#nodes[position] === node) return;
    this.#nodes[position] = node;
    this.#versions[position] = ++this.#version;
    for (const domains of this.#domains.values()) domains.put(position, node);
  }
}
