/**
 * The in-memory picture of everything stored, kept by the store's watch. All reads of stored kinds come from here; the
 * store stays the truth. The store tells its watchers of a commit before the committer goes on, so a client reads what
 * it has written.
 *
 * Invariant: every KindCache is at the same revision, that of the last whole batch.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApiObject } from "../../../api/object-meta.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { PastEvent, Store, StoreBatch, StoredEntry, StoreEvent } from "../../store/store.ts";
import type { ResourceDefinition } from "../resource.ts";
import { EventWindow, partOf, undo } from "./event-window.ts";
import { ObjectIndex } from "./object-index.ts";
import type { ListPart, ObjectSource, PartQuery, SourceEvent } from "./object-source.ts";

export const registryPrefix = "/registry/";

/** Objects that are read again in one turn of the event loop. */
const refreshMax = 200;

/** `alias`: as which kind the objects are stored, if not as their own. */
function kindPrefix({ alias, ...own }: StoredKind & { readonly alias?: StoredKind | undefined }): string {
  const resource = alias ?? own;
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

/** How texts are kept under their keys, for example encrypted. `decode` throws what people should read. */
export interface StoredForm {
  encode(key: string, text: string): string;
  decode(key: string, stored: string): string;
  /** Whether the text is not in the form that `encode` gives it today. */
  needsRewrite(key: string, stored: string): boolean;
}

/** A stored kind as its keys name it. */
export interface StoredKind {
  /** "" is the core group. */
  readonly group: string;
  readonly plural: string;
}

export class StoreCache {
  readonly #kinds = new Map<string, KindCache>();
  readonly #form: StoredForm;
  readonly #log: Log;
  #store: Store | undefined;
  readonly #listeners = new Set<(event: SourceEvent, kind: StoredKind) => void>();
  #revision = 0;
  /** The revision at which this process began to follow the store. */
  #firstRevision = 0;
  #past: Promise<void> | undefined;

  constructor(form: StoredForm, log: Log) {
    this.#form = form;
    this.#log = log;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Reads everything, then follows until the signal aborts. */
  async open(store: Store, signal: AbortSignal): Promise<void> {
    const { revision, entries } = await store.list(registryPrefix, signal);
    this.#revision = revision;
    this.#firstRevision = revision;
    const byKind = Map.groupBy(entries, ({ key }) => prefixOf(key));
    for (const [prefix, own] of byKind) this.#kindAt(prefix).load(own);
    for (const kind of this.#kinds.values()) kind.begin(revision);
    await store.watch(registryPrefix, revision, (batch) => this.#apply(batch), signal);
    this.#store = store;
  }

  /**
   * Brings in what happened before this process began, as far as the store still knows it: for clients that go on from
   * there. Done once, and only when somebody asks: at a start it would only cost time.
   */
  loadPast(): Promise<void> {
    this.#past ??= this.#loadPast();
    return this.#past;
  }

  async #loadPast(): Promise<void> {
    try {
      const past = await this.#store?.history(registryPrefix);
      if (!past) return;
      const byKind = Map.groupBy(past.events, ({ key }) => prefixOf(key));
      for (const [prefix, kind] of this.#kinds)
        this.#prepend(prefix, kind, byKind.get(prefix) ?? [], past.completeAfter);
    } catch (thrown) {
      this.#pastUnknown(registryPrefix, thrown);
    }
  }

  /** A kind of which something cannot be read, under a key that is gone for example, is no matter of the others. */
  #prepend(prefix: string, kind: KindCache, past: readonly PastEvent[], completeAfter: number): void {
    try {
      kind.prepend(past, completeAfter, this.#firstRevision);
    } catch (thrown) {
      this.#pastUnknown(prefix, thrown);
    }
  }

  /** Whoever asked lists again, as after a compaction. */
  #pastUnknown(prefix: string, thrown: unknown): void {
    this.#log.warn("the store's history cannot be read", { prefix, reason: errorMessage(thrown) });
  }

  /** The cache of a kind, whether it has objects or not. */
  of(resource: StoredKind & { readonly alias?: StoredKind | undefined }): KindCache {
    return this.#kindAt(kindPrefix(resource));
  }

  /** Of a kind that is no longer served nothing is kept, neither its past; unless some of its objects are still there. */
  forget(resource: StoredKind): void {
    const prefix = kindPrefix(resource);
    const kind = this.#kinds.get(prefix);
    if (kind?.size === 0 && kind.unreadableCount === 0) this.#kinds.delete(prefix);
  }

  /**
   * From now on a kind has another shape. What is here already is read again as it is stored: what the shape before had
   * added (defaults) or left out (fields that it did not know) is no longer so.
   */
  async reshape(resource: StoredKind, shape: Shape): Promise<void> {
    const prefix = kindPrefix(resource);
    const kind = this.#kindAt(prefix);
    // What has no shape yet is as it is stored.
    const { isShaped } = kind;
    kind.setShape(shape);
    if (!isShaped) return;
    const { entries } = (await this.#store?.list(prefix)) ?? { entries: [] };
    for (let at = 0; at < entries.length; at += refreshMax) {
      kind.refresh(entries.slice(at, at + refreshMax), shape);
      await nextTurn();
    }
  }

  /** Events of every kind after this call, each after its own kind's listeners had it. The listener must not throw. */
  subscribeAll(listener: (event: SourceEvent, kind: StoredKind) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #kindAt(prefix: string): KindCache {
    const known = this.#kinds.get(prefix);
    if (known) return known;
    const kind = new KindCache({
      revision: () => this.#revision,
      form: this.#form,
      log: this.#log,
      loadPast: () => this.loadPast(),
    });
    this.#kinds.set(prefix, kind);
    return kind;
  }

  #apply(batch: StoreBatch): void {
    for (const event of batch.events) {
      this.#revision = event.revision;
      const prefix = prefixOf(event.key);
      const applied = this.#kindAt(prefix).apply(event);
      if (!applied || this.#listeners.size === 0) continue;
      const kind = kindOfPrefix(prefix);
      for (const listener of this.#listeners) listener(applied, kind);
    }
    this.#revision = batch.revision;
  }
}

function kindOfPrefix(prefix: string): StoredKind {
  const [group = "", plural = ""] = prefix.slice(registryPrefix.length).split("/");
  return { group: group === "core" ? "" : group, plural };
}

/** The key's first three parts. A kind that is not served (yet) is kept all the same. */
function prefixOf(key: string): string {
  const afterGroup = key.indexOf("/", registryPrefix.length);
  return key.slice(0, key.indexOf("/", afterGroup + 1) + 1);
}

/** Brings a stored object into the shape that its kind has today: defaults of fields that are younger than the object. */
export type Shape = (object: ApiObject) => ApiObject;

const asStored: Shape = (object) => object;

export interface KindCacheParts {
  /** The revision of the whole cache, now. */
  readonly revision: () => number;
  readonly form: StoredForm;
  readonly log: Log;
  /** Has `prepend` called, if there is anything. */
  readonly loadPast: () => Promise<void>;
}

/** One stored kind. Objects are in the version in which they are stored. */
export class KindCache implements ObjectSource {
  readonly #index = new ObjectIndex();
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  /** What cannot be read (encrypted with a key that is gone, for example), by key, and why. */
  readonly #unreadable = new Map<string, string>();
  readonly #readRevision: () => number;
  readonly #loadPast: () => Promise<void>;
  readonly #form: StoredForm;
  readonly #log: Log;
  #window: EventWindow;
  #shape: Shape = asStored;
  #outdated: readonly ApiObject[] = [];

  constructor(parts: KindCacheParts) {
    this.#readRevision = parts.revision;
    this.#form = parts.form;
    this.#log = parts.log;
    this.#loadPast = parts.loadPast;
    this.#window = new EventWindow(parts.revision());
  }

  get revision(): number {
    return this.#readRevision();
  }

  get size(): number {
    return this.#index.size;
  }

  sizeOf(namespace: string): number {
    return this.#index.sizeOf(namespace);
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#index.get(namespace, name);
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return this.#index.list(namespace);
  }

  listAt(namespace: string | undefined, revision: number): readonly ApiObject[] | undefined {
    const events = this.#window.after(revision);
    return events && undo(this.list(namespace), events, namespace);
  }

  part(query: PartQuery): ListPart | undefined {
    const { namespace, revision } = query;
    const objects = revision === undefined ? this.list(namespace) : this.listAt(namespace, revision);
    return objects && partOf(objects, query);
  }

  eventsAfter(revision: number): readonly SourceEvent[] | undefined {
    return this.#window.after(revision);
  }

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Why the object under this key cannot be read. undefined: it can, or there is none. */
  unreadable(key: string): string | undefined {
    return this.#unreadable.get(key);
  }

  get unreadableCount(): number {
    return this.#unreadable.size;
  }

  /** The keys of what cannot be read and lies under the prefix. */
  unreadableUnder(prefix: string): readonly string[] {
    return [...this.#unreadable.keys()].filter((key) => key.startsWith(prefix));
  }

  get isShaped(): boolean {
    return this.#shape !== asStored;
  }

  /** From now on; what is here already is brought into this shape, too. */
  setShape(shape: Shape): void {
    this.#shape = shape;
    for (const object of this.#index.list(undefined)) this.#index.put(shape(object));
  }

  /** Reads again what has not changed since it was stored so, unless the shape has changed once more. */
  refresh(entries: readonly StoredEntry[], shape: Shape): void {
    if (this.#shape !== shape) return;
    for (const { key, value, revision } of entries) {
      const object = this.#read(key, value, revision);
      if (!object) continue;
      const { namespace = "", name, resourceVersion } = object.metadata;
      if (this.#index.get(namespace, name)?.metadata.resourceVersion === resourceVersion)
        this.#index.put(object);
    }
  }

  /** What was read at the start in a form that is no longer the one of today. */
  get outdated(): readonly ApiObject[] {
    return this.#outdated;
  }

  load(entries: readonly StoredEntry[]): void {
    const outdated: ApiObject[] = [];
    const objects = entries.flatMap(({ key, value, revision }) => {
      const object = this.#tryRead(key, value, revision);
      if (object && this.#form.needsRewrite(key, value)) outdated.push(object);
      return object ?? [];
    });
    this.#index.load(objects);
    this.#outdated = outdated;
    const [first] = this.#unreadable;
    if (!first) return;
    // All for the same reason, most likely: a key that is gone.
    const [key, reason] = first;
    this.#log.error("stored objects cannot be read", { count: this.#unreadable.size, key, reason });
  }

  /** Puts events of before `firstRevision`, where the window began, in front of it; if nothing is missing in between. */
  prepend(past: readonly PastEvent[], completeAfter: number, firstRevision: number): void {
    const since = this.#window.after(firstRevision);
    if (!since || completeAfter >= this.#window.completeAfter) return;
    const window = new EventWindow(completeAfter);
    for (const event of past) {
      const { kind, key, value, revision, previous } = event;
      if (revision > firstRevision) break;
      const object = this.#parse(key, value, revision);
      const before = previous && this.#parse(key, previous.value, previous.revision);
      const bytes = (value.length + (previous?.value.length ?? 0)) * bytesPerChar;
      window.push({ kind, object, previous: before, revision, bytes });
    }
    for (const event of since) window.push(event);
    this.#window = window;
  }

  async recall(revision: number): Promise<void> {
    if (revision < this.#window.completeAfter) await this.#loadPast();
  }

  /** Nothing is known of what came before this revision. */
  begin(revision: number): void {
    this.#window = new EventWindow(revision);
  }

  apply(stored: StoreEvent): SourceEvent | undefined {
    const isDelete = stored.kind === "delete";
    const object = isDelete
      ? this.#tryRead(stored.key, stored.value, stored.revision)
      : this.#read(stored.key, stored.value, stored.revision);
    if (isDelete) this.#unreadable.delete(stored.key);
    if (!object) return undefined;
    const { namespace = "", name } = object.metadata;
    const previous = stored.kind === "put" ? this.#index.put(object) : this.#index.remove(namespace, name);
    const bytes = stored.value.length * bytesPerChar;
    const event: SourceEvent = { kind: stored.kind, object, previous, revision: stored.revision, bytes };
    this.#window.push(event);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  #parse(key: string, stored: string, revision: number): ApiObject {
    const object = JSON.parse(this.#form.decode(key, stored)) as ApiObject;
    const metadata = { ...object.metadata, resourceVersion: String(revision) };
    return this.#shape({ ...object, metadata });
  }

  #read(key: string, stored: string, revision: number): ApiObject | undefined {
    const object = this.#tryRead(key, stored, revision);
    if (!object)
      this.#log.error("a stored object cannot be read", { key, reason: this.#unreadable.get(key) });
    return object;
  }

  /** undefined: it cannot be read, and why is kept. */
  #tryRead(key: string, stored: string, revision: number): ApiObject | undefined {
    try {
      const object = this.#parse(key, stored, revision);
      this.#unreadable.delete(key);
      return object;
    } catch (thrown) {
      this.#unreadable.set(key, errorMessage(thrown));
      return undefined;
    }
  }
}

/** What parsed JSON takes in memory, roughly, for each character of its text. */
const bytesPerChar = 3;
