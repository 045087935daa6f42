/**
 * Deletes what depends on owners that are gone, as Kubernetes' garbage collector does.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 *
 *   an owner went ──────────────▶ each dependent: no owner left? deleted; else the dead reference is removed
 *   "orphan" on a marked owner ─▶ dependents lose their reference to it, then it loses the finalizer
 *   "foregroundDeletion" on it ─▶ dependents are deleted; when none is left that blocks it, it loses the finalizer
 *   an object names an owner ───▶ it is looked whether that owner exists
 *
 * Driven by the cache's events alone; nothing polls. Invariants: an object is deleted only when each of its owners is known
 * to be gone: of a kind that is served, and not in the cache under that name with that uid. Owners of kinds that are not
 * served (another API server's, or a CRD that is gone) count as alive.
 */
import type { ApiObject, OwnerReference } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorCode } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import { schedulerUser } from "../authentication/user.ts";
import type { Kind, Registry } from "../registry.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import type { StoreCache } from "../storage/store-cache.ts";
import { foregroundFinalizer, orphanFinalizer, type PropagationPolicy } from "./deletion.ts";
import { internalWrite, type ObjectWriter, type WriteOptions } from "./object-writer.ts";

export interface GarbageCollectorParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  /** Stored kinds and live ones. undefined: the kind is not known yet. */
  readonly sourceOf: (kind: Kind) => ObjectSource | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const writeOptions: WriteOptions = { ...internalWrite, manager: "wherry-garbage-collector" };
/** Objects worked on at the same time. */
const concurrencyMax = 50;

/** An owner whose thousands of dependents go one by one is looked at so often at most. */
const objectIntervalMs = 10;

/** Which object: enough to find it again. */
interface Place {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export class GarbageCollector implements AsyncDisposable {
  readonly #parts: GarbageCollectorParts;
  /** By the owner's uid: who names it. */
  readonly #dependents = new Map<string, Map<string, Place>>();
  readonly #places = new Map<string, Place>();
  readonly #worker: KeyedWorker;
  readonly #subscriptions = new DisposableStack();

  constructor(parts: GarbageCollectorParts) {
    const { cache, clock, log } = parts;
    this.#parts = parts;
    this.#worker = new KeyedWorker((uid) => this.#process(uid), {
      clock,
      concurrencyMax,
      intervalMs: objectIntervalMs,
      backoff: { initialMs: 100, factor: 2, maxMs: 60_000 },
      failed: (uid, err) =>
        log.warn("garbage collection will be tried again", { place: this.#places.get(uid), err }),
    });
    this.#subscriptions.use(
      cache.subscribeAll(({ kind, object, previous }) =>
        kind === "put" ? this.#put(object, previous) : this.#removed(object),
      ),
    );
  }

  /** Looks at everything that is stored: what an earlier process left undone is done now. */
  resume(): void {
    const { registry, cache } = this.#parts;
    for (const { resource } of registry.stored)
      for (const object of cache.of(resource).list(undefined)) this.#put(object, undefined);
    for (const source of this.#liveSources())
      this.#subscriptions.use(
        source.subscribe(({ kind, object }) => {
          if (kind === "delete")
            for (const { uid } of object.metadata.ownerReferences ?? []) this.#wakeOwner(uid);
        }),
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose();
    await this.#worker.close();
  }

  #put(object: ApiObject, previous: ApiObject | undefined): void {
    const { metadata } = object;
    const owners = metadata.ownerReferences ?? [];
    const before = previous?.metadata.ownerReferences ?? [];
    // Thousands of owners are possible, if of no use.
    const ownerIds = new Set(owners.map(({ uid }) => uid));
    const beforeIds = new Set(before.map(({ uid }) => uid));
    for (const uid of beforeIds) if (!ownerIds.has(uid)) this.#forget(uid, metadata.uid);
    for (const uid of ownerIds) this.#remember(uid, placeOf(object));
    const isNamed = owners.some(({ uid }) => !beforeIds.has(uid));
    if (isNamed || isWaitingForUs(object)) this.#schedule(object);
    // Whoever waits for its dependents looks again: this one may no longer block it.
    for (const uid of beforeIds) this.#wakeOwner(uid);
  }

  #removed(object: ApiObject): void {
    const { uid, ownerReferences = [] } = object.metadata;
    this.#places.delete(uid);
    for (const owner of ownerReferences) {
      this.#forget(owner.uid, uid);
      this.#wakeOwner(owner.uid);
    }
    for (const dependent of this.#dependents.get(uid)?.values() ?? []) this.#schedulePlace(dependent);
  }

  #remember(owner: string, dependent: Place): void {
    let known = this.#dependents.get(owner);
    if (!known) this.#dependents.set(owner, (known = new Map()));
    known.set(dependent.uid, dependent);
  }

  #forget(owner: string, dependent: string): void {
    const known = this.#dependents.get(owner);
    known?.delete(dependent);
    if (known?.size === 0) this.#dependents.delete(owner);
  }

  #schedule(object: ApiObject): void {
    this.#schedulePlace(placeOf(object));
  }

  #schedulePlace(place: Place): void {
    this.#places.set(place.uid, place);
    this.#worker.schedule(place.uid);
  }

  /** Only owners that wait for their dependents are in `#places`. */
  #wakeOwner(uid: string): void {
    if (this.#places.has(uid)) this.#worker.schedule(uid);
  }

  async #process(uid: string): Promise<void> {
    const place = this.#places.get(uid);
    const found = place && this.#find(place);
    if (!found || found.object.metadata.uid !== uid) {
      this.#places.delete(uid);
      return;
    }
    const { kind, object } = found;
    const { finalizers = [], deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && finalizers.includes(orphanFinalizer))
      return this.#orphan(kind, object);
    if (deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer))
      return this.#deleteForeground(kind, object);
    this.#places.delete(uid);
    if (object.metadata.ownerReferences?.length) await this.#checkOwners(kind, object);
  }

  async #checkOwners(kind: Kind, object: ApiObject): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    const states = owners.map((owner) => ({ owner, state: this.#stateOf(object, owner) }));
    const gone = states.filter(({ state }) => state !== "alive");
    if (gone.length === 0) return;
    if (gone.length < states.length) {
      const dead = new Set(gone.map(({ owner }) => owner.uid));
      return this.#dropReferences(kind, object, (owner) => dead.has(owner.uid));
    }
    const waits = states.some(({ state }) => state === "waiting");
    // An owner that waits for us must also wait for ours.
    const own = waits ? this.#dependentsOf(object.metadata.uid) : [];
    // Owners that wait for each other would wait for ever: this one no longer blocks its own.
    if (own.some((one) => isForeground(one.object)) && owners.some((owner) => owner.blockOwnerDeletion)) {
      await this.#unblock(kind, object);
      return this.#schedule(object);
    }
    await this.#delete(kind, object, own.length > 0 ? "Foreground" : "Background");
  }

  /** `waiting`: on its way, and held until its dependents are gone. */
  #stateOf(
    dependent: ApiObject,
    { apiVersion, kind: name, name: ownerName, uid }: OwnerReference,
  ): "alive" | "waiting" | "gone" {
    const kind = this.#parts.registry.findKind(apiVersion, name);
    const source = kind && this.#parts.sourceOf(kind);
    if (!source) return "alive";
    // What is of no namespace can't have an owner in one: which one is not said. As in Kubernetes, it stays.
    if (kind.resource.namespaced && dependent.metadata.namespace === undefined) return "alive";
    // An owner in another namespace is none: names mean nothing across namespaces.
    const namespace = kind.resource.namespaced ? (dependent.metadata.namespace ?? "") : "";
    const owner = source.get(namespace, ownerName);
    if (owner?.metadata.uid !== uid) return "gone";
    return isForeground(owner) ? "waiting" : "alive";
  }

  async #orphan(kind: Kind, object: ApiObject): Promise<void> {
    const { uid } = object.metadata;
    for (const dependent of this.#ownDependents(object))
      await this.#dropReferences(dependent.kind, dependent.object, (owner) => owner.uid === uid);
    await this.#dropFinalizer(kind, object, orphanFinalizer);
  }

  async #deleteForeground(kind: Kind, object: ApiObject): Promise<void> {
    const { uid } = object.metadata;
    const dependents = this.#ownDependents(object);
    for (const { object: dependent } of dependents)
      if (dependent.metadata.deletionTimestamp === undefined) this.#schedule(dependent);
    const blocks = (dependent: ApiObject) =>
      dependent.metadata.ownerReferences?.some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      );
    if (dependents.some((dependent) => blocks(dependent.object))) return;
    // Instances are stopped by their own controller, which sees the mark; here it is only waited for.
    if (this.#liveSources().some((source) => hasDependent(source, object))) return;
    await this.#dropFinalizer(kind, object, foregroundFinalizer);
  }

  #liveSources(): readonly ObjectSource[] {
    const { registry, sourceOf } = this.#parts;
    return registry.kinds
      .filter(({ resource }) => resource.storage === "live")
      .flatMap((kind) => sourceOf(kind) ?? []);
  }

  /** Whoever names an owner in another namespace has none there, and holds up nothing. */
  #ownDependents({ metadata }: ApiObject): readonly { readonly kind: Kind; readonly object: ApiObject }[] {
    const { namespace, uid } = metadata;
    const dependents = this.#dependentsOf(uid);
    return namespace === undefined
      ? dependents
      : dependents.filter(({ object }) => object.metadata.namespace === namespace);
  }

  #dependentsOf(uid: string): readonly { readonly kind: Kind; readonly object: ApiObject }[] {
    const places = [...(this.#dependents.get(uid)?.values() ?? [])];
    return places.flatMap((place) => this.#find(place) ?? []);
  }

  #find(place: Place): { readonly kind: Kind; readonly object: ApiObject } | undefined {
    const kind = this.#parts.registry.findKind(place.apiVersion, place.kind);
    if (!kind || kind.resource.storage !== "stored") return undefined;
    const object = this.#parts.cache.of(kind.resource).get(place.namespace, place.name);
    return object && { kind, object };
  }

  async #delete(kind: Kind, object: ApiObject, policy: PropagationPolicy): Promise<void> {
    const { namespace = "", name, uid, finalizers = [] } = object.metadata;
    // Whoever said how it shall go, has said so on the object itself.
    const isSaid = finalizers.includes(orphanFinalizer) || finalizers.includes(foregroundFinalizer);
    // Its owners are checked on this very state of it: somebody may have adopted it since.
    const { resourceVersion } = object.metadata;
    await expecting(() =>
      this.#parts.writer.delete(kind, namespace, name, {
        user: schedulerUser,
        dryRun: false,
        uid,
        resourceVersion,
        policy: isSaid ? undefined : policy,
      }),
    );
  }

  #dropReferences(
    kind: Kind,
    object: ApiObject,
    isDropped: (owner: OwnerReference) => boolean,
  ): Promise<void> {
    return this.#change(kind, object, ({ ownerReferences = [], ...metadata }) => {
      const kept = ownerReferences.filter((owner) => !isDropped(owner));
      return { ...metadata, ...(kept.length > 0 ? { ownerReferences: kept } : {}) };
    });
  }

  #unblock(kind: Kind, object: ApiObject): Promise<void> {
    return this.#change(kind, object, ({ ownerReferences = [], ...metadata }) => ({
      ...metadata,
      ownerReferences: ownerReferences.map((owner) => ({ ...owner, blockOwnerDeletion: false })),
    }));
  }

  #dropFinalizer(kind: Kind, object: ApiObject, finalizer: string): Promise<void> {
    return this.#change(kind, object, ({ finalizers = [], ...metadata }) => {
      const kept = finalizers.filter((one) => one !== finalizer);
      return { ...metadata, ...(kept.length > 0 ? { finalizers: kept } : {}) };
    });
  }

  async #change(
    kind: Kind,
    object: ApiObject,
    change: (metadata: ApiObject["metadata"]) => ApiObject["metadata"],
  ): Promise<void> {
    const { namespace = "", name, uid } = object.metadata;
    await expecting(() =>
      this.#parts.writer.update(
        kind,
        namespace,
        name,
        "",
        (current) => {
          const metadata = current.metadata.uid === uid ? change(current.metadata) : current.metadata;
          return { object: { ...current, metadata }, duplicateFields: [] };
        },
        writeOptions,
      ),
    );
  }
}

/** What is gone is what was wanted; a conflict is tried again, from the start. */
async function expecting(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (errorCode(thrown) !== "NotFound") throw thrown;
  }
}

function isForeground({ metadata }: ApiObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(foregroundFinalizer)
  );
}

function isWaitingForUs({ metadata }: ApiObject): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return (
    deletionTimestamp !== undefined &&
    (finalizers.includes(orphanFinalizer) || finalizers.includes(foregroundFinalizer))
  );
}

function hasDependent(source: ObjectSource, { metadata }: ApiObject): boolean {
  return source
    .list(metadata.namespace)
    .some((one) => one.metadata.ownerReferences?.some((owner) => owner.uid === metadata.uid));
}

function placeOf({ apiVersion, kind, metadata }: ApiObject): Place {
  const { namespace = "", name, uid } = metadata;
  return { apiVersion, kind, namespace, name, uid };
}
