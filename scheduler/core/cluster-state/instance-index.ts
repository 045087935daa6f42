import { Bug } from "../../../kit/errors.ts";
import type { Instance } from "../model.ts";

/** Holds the current value of one instance, so that all indexes follow a change without being touched. */
export interface InstanceEntry {
  instance: Instance;
}

/** Instances by uid, name and owner, and those that wait for a node. Every operation is O(1). */
export class InstanceIndex {
  readonly #byUid = new Map<string, InstanceEntry>();
  readonly #byName = new Map<string, InstanceEntry>();
  readonly #byOwner = new Map<string, Set<InstanceEntry>>();
  readonly #pending = new Set<InstanceEntry>();

  get size(): number {
    return this.#byUid.size;
  }

  entry(uid: string): InstanceEntry | undefined {
    return this.#byUid.get(uid);
  }

  named(namespace: string, name: string): Instance | undefined {
    return this.#byName.get(nameKey(namespace, name))?.instance;
  }

  all(): Iterable<Instance> {
    return instancesIn(this.#byUid.values());
  }

  ownedBy(ownerUid: string): Iterable<Instance> {
    return instancesIn(this.#byOwner.get(ownerUid) ?? []);
  }

  isOwner(uid: string): boolean {
    return this.#byOwner.has(uid);
  }

  owners(): Iterable<string> {
    return this.#byOwner.keys();
  }

  pending(): Iterable<Instance> {
    return instancesIn(this.#pending);
  }

  add(instance: Instance): InstanceEntry {
    if (this.#byUid.has(instance.uid)) throw new Bug(`instance ${instance.uid} exists already`);
    const entry: InstanceEntry = { instance };
    this.#byUid.set(instance.uid, entry);
    const name = nameKey(instance.namespace, instance.name);
    if (!this.#byName.has(name)) this.#byName.set(name, entry);
    const owned = this.#byOwner.get(instance.owner.uid);
    if (owned === undefined) this.#byOwner.set(instance.owner.uid, new Set([entry]));
    else owned.add(entry);
    if (instance.state.kind === "pending") this.#pending.add(entry);
    return entry;
  }

  replace(entry: InstanceEntry, next: Instance): void {
    entry.instance = next;
    if (next.state.kind === "pending") this.#pending.add(entry);
    else this.#pending.delete(entry);
  }

  remove(entry: InstanceEntry): void {
    const { uid, namespace, name, owner } = entry.instance;
    this.#byUid.delete(uid);
    if (this.#byName.get(nameKey(namespace, name)) === entry) this.#byName.delete(nameKey(namespace, name));
    const owned = this.#byOwner.get(owner.uid);
    owned?.delete(entry);
    if (owned?.size === 0) this.#byOwner.delete(owner.uid);
    this.#pending.delete(entry);
  }
}

export function* instancesIn(entries: Iterable<InstanceEntry>): Iterable<Instance> {
  for (const entry of entries) yield entry.instance;
}

function nameKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
