import { Bug } from "../../../kit/errors.ts";
import type { Instance } from "../model.ts";
import { withPartsOf } from "./shared-parts.ts";

/** Holds the current value of one instance, so that all indexes follow a change without being touched. */
export interface InstanceEntry {
  instance: Instance;
}

interface Owned {
  readonly entries: Set<InstanceEntry>;
  /** The last one that was added: the next is most likely made from the same template. */
  latest: Instance;
}

/** Instances by uid, name and owner, and those that wait for a node. Every operation is O(1). */
export class InstanceIndex {
  readonly #byUid = new Map<string, InstanceEntry>();
  /** By namespace, then name. */
  readonly #byName = new Map<string, Map<string, InstanceEntry>>();
  readonly #byOwner = new Map<string, Owned>();
  readonly #pending = new Set<InstanceEntry>();

  get size(): number {
    return this.#byUid.size;
  }

  entry(uid: string): InstanceEntry | undefined {
    return this.#byUid.get(uid);
  }

  named(namespace: string, name: string): Instance | undefined {
    return this.#byName.get(namespace)?.get(name)?.instance;
  }

  all(): Iterable<Instance> {
    return instancesIn(this.#byUid.values());
  }

  ownedBy(ownerUid: string): Iterable<Instance> {
    return instancesIn(this.#byOwner.get(ownerUid)?.entries ?? []);
  }

  countOwnedBy(ownerUid: string): number {
    return this.#byOwner.get(ownerUid)?.entries.size ?? 0;
  }

  owners(): Iterable<string> {
    return this.#byOwner.keys();
  }

  pending(): Iterable<Instance> {
    return instancesIn(this.#pending);
  }

  /** The entry's instance equals the given one, and shares with others what is alike. */
  add(given: Instance): InstanceEntry {
    if (this.#byUid.has(given.uid)) throw new Bug(`instance ${given.uid} exists already`);
    const owned = this.#byOwner.get(given.owner.uid);
    const instance = owned === undefined ? given : withPartsOf(given, owned.latest);
    const entry: InstanceEntry = { instance };
    this.#byUid.set(instance.uid, entry);
    this.#addName(entry);
    if (owned === undefined) {
      this.#byOwner.set(instance.owner.uid, { entries: new Set([entry]), latest: instance });
    } else {
      owned.entries.add(entry);
      owned.latest = instance;
    }
    if (instance.state.kind === "pending") this.#pending.add(entry);
    return entry;
  }

  replace(entry: InstanceEntry, next: Instance): void {
    entry.instance = next;
    if (next.state.kind === "pending") this.#pending.add(entry);
    else this.#pending.delete(entry);
  }

  remove(entry: InstanceEntry): void {
    const { uid, owner } = entry.instance;
    this.#byUid.delete(uid);
    this.#removeName(entry);
    const owned = this.#byOwner.get(owner.uid);
    owned?.entries.delete(entry);
    if (owned?.entries.size === 0) this.#byOwner.delete(owner.uid);
    this.#pending.delete(entry);
  }

  #addName(entry: InstanceEntry): void {
    const { namespace, name } = entry.instance;
    const names = this.#byName.get(namespace);
    if (names === undefined) this.#byName.set(namespace, new Map([[name, entry]]));
    else if (!names.has(name)) names.set(name, entry);
  }

  #removeName(entry: InstanceEntry): void {
    const { namespace, name } = entry.instance;
    const names = this.#byName.get(namespace);
    if (names?.get(name) !== entry) return;
    names.delete(name);
    if (names.size === 0) this.#byName.delete(namespace);
  }
}

export function* instancesIn(entries: Iterable<InstanceEntry>): Iterable<Instance> {
  for (const entry of entries) yield entry.instance;
}
