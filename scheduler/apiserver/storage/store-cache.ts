/**
 * The in-memory picture of everything stored, kept by the store's watch. All reads of stored kinds come from here; the
 * store stays the truth. The store tells its watchers of a commit before the committer goes on, so a client reads what
 * it has written.
 *
 * Invariant: every KindCache is at the same revision, that of the last whole batch.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Store, StoreBatch, StoreEvent } from "../../store/store.ts";
import { Bug } from "../../../kit/errors.ts";
import type { ResourceDefinition } from "../resource.ts";
import { EventWindow, ObjectIndex, type ObjectSource, type SourceEvent } from "./object-source.ts";

export const registryPrefix = "/registry/";

export function kindPrefix(resource: { readonly group: string; readonly plural: string }): string {
  return `${registryPrefix}${resource.group === "" ? "core" : resource.group}/${resource.plural}/`;
}

export function objectKey(resource: ResourceDefinition, namespace: string, name: string): string {
  return kindPrefix(resource) + (resource.namespaced ? `${namespace}/${name}` : name);
}

/** The stored form has no resourceVersion: the store's revision of the entry is it. */
export function toStored(object: ApiObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

function fromStored(value: string, revision: number): ApiObject {
  const object = JSON.parse(value) as ApiObject;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** A stored kind as its keys name it. */
export interface StoredKind {
  /** "" is the core group. */
  readonly group: string;
  readonly plural: string;
}

export class StoreCache {
  readonly #kinds: ReadonlyMap<string, KindCache>;
  readonly #listeners = new Set<(kind: StoredKind, event: SourceEvent) => void>();
  #revision = 0;

  constructor(resources: readonly ResourceDefinition[]) {
    this.#kinds = new Map(
      resources.map((resource) => [kindPrefix(resource), new KindCache(() => this.#revision)]),
    );
  }

  get revision(): number {
    return this.#revision;
  }

  /** Reads everything, then follows until the signal aborts. */
  async open(store: Store, signal: AbortSignal): Promise<void> {
    const { revision, entries } = await store.list(registryPrefix, signal);
    this.#revision = revision;
    for (const { key, value, revision: written } of entries)
      this.#kindOf(key)?.load(fromStored(value, written));
    for (const kind of this.#kinds.values()) kind.begin(revision);
    await store.watch(registryPrefix, revision, (batch) => this.#apply(batch), signal);
  }

  of(resource: ResourceDefinition): KindCache {
    const kind = this.#kinds.get(kindPrefix(resource));
    if (!kind) throw new Bug(`${resource.plural} are not stored`);
    return kind;
  }

  /** Events of all kinds after this call, each after its kind's own listeners. The listener must not throw. */
  subscribe(listener: (kind: StoredKind, event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #apply(batch: StoreBatch): void {
    for (const event of batch.events) {
      this.#revision = event.revision;
      const applied = this.#kindOf(event.key)?.apply(event);
      if (!applied || this.#listeners.size === 0) continue;
      const [group = "", plural = ""] = event.key.slice(registryPrefix.length).split("/", 2);
      const kind = { group: group === "core" ? "" : group, plural };
      for (const listener of this.#listeners) listener(kind, applied);
    }
    this.#revision = batch.revision;
  }

  /** The key's first three parts. A kind that this version does not serve stays in the store, unseen. */
  #kindOf(key: string): KindCache | undefined {
    const afterGroup = key.indexOf("/", registryPrefix.length);
    return this.#kinds.get(key.slice(0, key.indexOf("/", afterGroup + 1) + 1));
  }
}

/** One stored kind. */
export class KindCache implements ObjectSource {
  readonly #index = new ObjectIndex();
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  readonly #readRevision: () => number;
  #window = new EventWindow(0);

  constructor(readRevision: () => number) {
    this.#readRevision = readRevision;
  }

  get revision(): number {
    return this.#readRevision();
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#index.get(namespace, name);
  }

  count(namespace: string): number {
    return this.#index.count(namespace);
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return this.#index.list(namespace);
  }

  eventsAfter(revision: number): readonly SourceEvent[] | undefined {
    return this.#window.after(revision);
  }

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  load(object: ApiObject): void {
    this.#index.put(object);
  }

  begin(revision: number): void {
    this.#window = new EventWindow(revision);
  }

  apply(stored: StoreEvent): SourceEvent {
    const object = fromStored(stored.value, stored.revision);
    const { namespace = "", name } = object.metadata;
    const previous = stored.kind === "put" ? this.#index.put(object) : this.#index.remove(namespace, name);
    const event: SourceEvent = { kind: stored.kind, object, previous, revision: stored.revision };
    this.#window.push(event);
    for (const listener of this.#listeners) listener(event);
    return event;
  }
}
