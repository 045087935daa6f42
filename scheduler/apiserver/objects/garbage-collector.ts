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
 * served (another API server's, or a CRD that is gone) count as alive, and so do namespaced ones of what is in no namespace.
 */
import type { ApiObject, OwnerReference } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorCode } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import { schedulerUser } from "../authentication/user.ts";
import type { Kind, Registry } from "../registry.ts";
import type { LiveResource } from "../live-resource.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import type { StoreCache } from "../storage/store-cache.ts";
import { Dependents, type Place, placeOf } from "./dependents.ts";
import { foregroundFinalizer, orphanFinalizer, type PropagationPolicy } from "./deletion.ts";
import { internalWrite, type ObjectWriter, type WriteOptions } from "./object-writer.ts";

export interface GarbageCollectorParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  /** Stored kinds and live ones. undefined: the kind is not known yet. */
  readonly sourceOf: (kind: Kind) => ObjectSource | undefined;
  /** Their objects are stopped by their own controllers, which see their owner's mark; here they are only waited for. */
  readonly live: () => Iterable<LiveResource>;
  readonly clock: Clock;
  readonly log: Log;
}

const writeOptions: WriteOptions = { ...internalWrite, manager: "wherry-garbage-collector" };
/** Objects worked on at the same time. */
const concurrencyMax = 50;

/** An owner whose thousands of dependents go one by one is looked at so often at most. */
const objectIntervalMs = 10;

interface Found {
  readonly kind: Kind;
  readonly place: Place;
  readonly object: ApiObject;
}

export class GarbageCollector implements AsyncDisposable {
  readonly #parts: GarbageCollectorParts;
  readonly #dependents = new Dependents();
  /** What is looked at, or waits for its dependents. By uid. */
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
      cache.subscribeAll(({ kind: change, object, previous }, kind) =>
        change === "put" ? this.#put(placeOf(kind, object), object, previous) : this.#removed(object),
      ),
    );
  }

  /** Looks at everything that is stored: what an earlier process left undone is done now. */
  resume(): void {
    const { registry, cache } = this.#parts;
    for (const { resource } of registry.stored)
      for (const object of cache.of(resource).list(undefined))
        this.#put(placeOf(resource, object), object, undefined);
    for (const live of this.#parts.live())
      this.#subscriptions.use(live.subscribeEmptied((ownerUid) => this.#wakeOwner(ownerUid)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose();
    await this.#worker.close();
  }

  #put(place: Place, object: ApiObject, previous: ApiObject | undefined): void {
    const owners = ownersOf(object);
    const before = ownersOf(previous);
    this.#dependents.change(place, owners, before, (owner) => owner.blockOwnerDeletion === true);
    const known = new Set(before.map(({ uid }) => uid));
    const isNamed = owners.some(({ uid }) => !known.has(uid));
    if (isNamed || isWaitingForUs(object)) this.#schedule(place);
    this.#wakeOwners(before);
  }

  #removed(object: ApiObject): void {
    const { uid, namespace = "" } = object.metadata;
    this.#places.delete(uid);
    this.#dependents.remove({ uid, namespace }, ownersOf(object));
    this.#wakeOwners(ownersOf(object));
    this.#dependents.ownerIsGone(uid);
    for (const dependent of this.#dependents.of({ uid, namespace: "" })) this.#schedule(dependent);
  }

  #schedule(place: Place): void {
    this.#places.set(place.uid, place);
    this.#worker.schedule(place.uid);
  }

  #wakeOwners(owners: readonly OwnerReference[]): void {
    for (const { uid } of owners) this.#wakeOwner(uid);
  }

  /** Owners that wait for their dependents are looked at when the last one that blocks them is gone, and not before. */
  #wakeOwner(uid: string): void {
    const place = this.#places.get(uid);
    if (place && !this.#isBlocked(place)) this.#worker.schedule(uid);
  }

  #isBlocked(owner: Place): boolean {
    if (this.#dependents.isBlocked(owner)) return true;
    for (const live of this.#parts.live()) if (live.hasOwned(owner.uid)) return true;
    return false;
  }

  async #process(uid: string): Promise<void> {
    const place = this.#places.get(uid);
    const found = place && this.#find(place);
    if (!found || found.object.metadata.uid !== uid) {
      this.#places.delete(uid);
      return;
    }
    const { object } = found;
    const { finalizers = [], deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && finalizers.includes(orphanFinalizer)) return this.#orphan(found);
    if (deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer))
      return this.#deleteForeground(found);
    this.#places.delete(uid);
    if (ownersOf(object).length > 0) await this.#checkOwners(found);
  }

  async #checkOwners({ kind, object, place }: Found): Promise<void> {
    const owners = ownersOf(object);
    const states = owners.map((owner) => ({ owner, state: this.#stateOf(object, owner) }));
    const gone = states.filter(({ state }) => state !== "alive");
    if (gone.length === 0) return;
    if (gone.length < states.length) {
      const dead = new Set(gone.map(({ owner }) => owner.uid));
      return this.#dropReferences(kind, object, (owner) => dead.has(owner.uid));
    }
    const waits = states.some(({ state }) => state === "waiting");
    // An owner that waits for us must also wait for ours.
    const own = waits ? this.#dependentsOf(place) : [];
    // Owners that wait for each other would wait for ever: this one no longer blocks its own.
    if (own.some((one) => isForeground(one.object)) && owners.some((owner) => owner.blockOwnerDeletion)) {
      await this.#unblock(kind, object);
      return this.#schedule(place);
    }
    await this.#delete(kind, object, own.length > 0 ? "Foreground" : "Background");
  }

  /** `waiting`: on its way, and held until its dependents are gone. */
  #stateOf(
    dependent: ApiObject,
    { apiVersion, kind: name, name: ownerName, uid }: OwnerReference,
  ): "alive" | "waiting" | "gone" {
    // Also when its kind has gone with it since.
    if (this.#dependents.isOwnerGone(uid)) return "gone";
    const kind = this.#parts.registry.findKind(apiVersion, name);
    const source = kind && this.#parts.sourceOf(kind);
    if (!source) return "alive";
    const { namespace } = dependent.metadata;
    // Nobody can say which one is meant.
    if (kind.resource.namespaced && namespace === undefined) return "alive";
    // An owner in another namespace is none: names mean nothing across namespaces.
    const owner = source.get(kind.resource.namespaced ? (namespace ?? "") : "", ownerName);
    if (owner?.metadata.uid !== uid) return "gone";
    return isForeground(owner) ? "waiting" : "alive";
  }

  async #orphan({ kind, object, place }: Found): Promise<void> {
    const { uid } = place;
    const dependents = this.#dependentsOf(place);
    for (let at = 0; at < dependents.length; at += concurrencyMax)
      await Promise.all(
        dependents
          .slice(at, at + concurrencyMax)
          .map((one) => this.#dropReferences(one.kind, one.object, (owner) => owner.uid === uid)),
      );
    await this.#dropFinalizer(kind, object, orphanFinalizer);
  }

  async #deleteForeground({ kind, object, place }: Found): Promise<void> {
    for (const dependent of this.#dependentsOf(place))
      if (dependent.object.metadata.deletionTimestamp === undefined) this.#schedule(dependent.place);
    if (!this.#isBlocked(place)) await this.#dropFinalizer(kind, object, foregroundFinalizer);
  }

  /** Stored ones. */
  #dependentsOf(owner: Place): readonly Found[] {
    return this.#dependents.of(owner).flatMap((place) => this.#find(place) ?? []);
  }

  /** In the version in which it is stored, if that is served. */
  #find(place: Place): Found | undefined {
    const { registry, cache } = this.#parts;
    const served = registry.findPlural(place.group, place.plural);
    if (served?.resource.storage !== "stored") return undefined;
    const kind = registry.storageOf(served) ?? served;
    const object = cache.of(kind.resource).get(place.namespace, place.name);
    return object && { kind, place, object };
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

function ownersOf(object: ApiObject | undefined): readonly OwnerReference[] {
  return object?.metadata.ownerReferences ?? [];
}
